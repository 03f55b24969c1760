#include "audio/ulaw_wav.h"

#include "audio/format.h"

namespace al::audio {
namespace {

constexpr std::uint16_t kMulawTag = 7;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFFU);
}

void put_chunk(std::string& out, std::string_view id, std::string_view body) {
  out += id;
  put(out, body.size(), 4);
  out += body;
  if (body.size() % 2 != 0) out += '\0';
}

}  // namespace

std::string ulaw_wav_header(std::size_t samples, const WavChunk& extra) {
  std::string format;
  put(format, kMulawTag, 2);
  put(format, 1, 2);              // channels
  put(format, kSampleRateHz, 4);  // frames a second
  put(format, kSampleRateHz, 4);  // bytes a second
  put(format, 1, 2);              // bytes a frame
  put(format, 8, 2);              // bits a sample
  put(format, 0, 2);              // no extension
  std::string fact;
  put(fact, samples, 4);

  std::string chunks = "WAVE";
  put_chunk(chunks, "fmt ", format);
  put_chunk(chunks, "fact", fact);
  if (!extra.id.empty()) put_chunk(chunks, extra.id, extra.body);
  chunks += "data";
  put(chunks, samples, 4);

  std::string out = "RIFF";
  put(out, chunks.size() + samples + samples % 2, 4);
  return out + chunks;
}

std::string ulaw_wav(std::span<const std::uint8_t> ulaw, const WavChunk& extra) {
  std::string file = ulaw_wav_header(ulaw.size(), extra);
  file.reserve(file.size() + ulaw.size() + 1);
  file.append(ulaw.begin(), ulaw.end());
  if (ulaw.size() % 2 != 0) file += '\0';
  return file;
}

}  // namespace al::audio
