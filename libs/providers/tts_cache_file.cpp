#include "providers/tts_cache_file.h"

#include "audio/format.h"
#include "core/secret.h"

namespace al::providers {
namespace {

constexpr std::uint16_t kMulawTag = 7;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFF);
}

void put_chunk(std::string& out, std::string_view id, std::string_view body) {
  out += id;
  put(out, body.size(), 4);
  out += body;
  if (body.size() % 2 != 0) out += '\0';
}

std::string_view bytes_of(std::span<const std::uint8_t> samples) {
  return {reinterpret_cast<const char*>(samples.data()), samples.size()};
}

// Everything before the samples. It depends on them only through their number and the checksum.
std::string header(std::string_view key, std::string_view samples) {
  std::string format;
  put(format, kMulawTag, 2);
  put(format, 1, 2);                     // channels
  put(format, audio::kSampleRateHz, 4);  // frames a second
  put(format, audio::kSampleRateHz, 4);  // bytes a second
  put(format, 1, 2);                     // bytes a frame
  put(format, 8, 2);                     // bits a sample
  put(format, 0, 2);                     // no extension
  std::string fact;
  put(fact, samples.size(), 4);

  std::string chunks = "WAVE";
  put_chunk(chunks, "fmt ", format);
  put_chunk(chunks, "fact", fact);
  put_chunk(chunks, "alck", as_bytes(sha256(std::string(key) + std::string(samples))));
  chunks += "data";
  put(chunks, samples.size(), 4);

  std::string out = "RIFF";
  put(out, chunks.size() + samples.size() + samples.size() % 2, 4);
  return out + chunks;
}

const std::size_t kHeaderBytes = header({}, {}).size();

}  // namespace

std::string encode_cache_file(std::string_view key, std::span<const std::uint8_t> ulaw) {
  std::string file = header(key, bytes_of(ulaw));
  file += bytes_of(ulaw);
  if (ulaw.size() % 2 != 0) file += '\0';
  return file;
}

std::optional<Ulaw> decode_cache_file(std::string_view key, std::string_view file) {
  if (file.size() < kHeaderBytes) return std::nullopt;
  const std::string_view head = file.substr(0, kHeaderBytes);
  std::string_view samples = file.substr(kHeaderBytes);
  if (head != header(key, samples)) {
    // An odd number of samples is followed by one byte of padding.
    if (samples.empty() || samples.back() != '\0') return std::nullopt;
    samples.remove_suffix(1);
    if (samples.size() % 2 == 0 || head != header(key, samples)) return std::nullopt;
  } else if (samples.size() % 2 != 0) {
    return std::nullopt;
  }
  return Ulaw(samples.begin(), samples.end());
}

}  // namespace al::providers
