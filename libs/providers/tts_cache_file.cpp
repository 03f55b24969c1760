#include "providers/tts_cache_file.h"

#include "audio/ulaw_wav.h"
#include "core/secret.h"

namespace al::providers {
namespace {

std::string_view bytes_of(std::span<const std::uint8_t> samples) {
  return {reinterpret_cast<const char*>(samples.data()), samples.size()};
}

// What a cached clip carries beside its sound: players skip it.
std::string checksum(std::string_view key, std::string_view samples) {
  return std::string(as_bytes(sha256(std::string(key) + std::string(samples))));
}

// Everything before the samples. It depends on them only through their number and the checksum.
std::string header(std::string_view key, std::string_view samples) {
  return audio::ulaw_wav_header(samples.size(), {"alck", checksum(key, samples)});
}

const std::size_t kHeaderBytes = header({}, {}).size();

}  // namespace

std::string encode_cache_file(std::string_view key, std::span<const std::uint8_t> ulaw) {
  return audio::ulaw_wav(ulaw, {"alck", checksum(key, bytes_of(ulaw))});
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
