// The header stripper must give the same audio however its input is cut, and never more than it was given.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "providers/audio_stream.h"
#include "providers/wire_wav.h"

namespace {

using namespace al::providers;

std::string strip(std::string_view bytes, std::size_t piece) {
  WavStripper stripper({});
  std::string payload;
  const auto keep = [&](const AudioFormat& format, std::string_view part) {
    if (format.channels < 1 || format.channels > 2 || format.rate_hz < 4000 || format.rate_hz > 192000) std::abort();
    payload.append(part);
  };
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!stripper.feed(bytes.substr(at, piece), keep)) return "refused";
  }
  stripper.finish(keep);
  if (payload.size() > bytes.size()) std::abort();
  return payload;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = strip(bytes, size + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, std::size_t{13}}) {
    if (strip(bytes, piece) != whole) std::abort();
  }
  AudioStreamDecoder decoder({}, al::seconds{2});
  std::vector<std::int16_t> pcm;
  if (decoder.feed(bytes, pcm)) static_cast<void>(decoder.finish(pcm));
  if (pcm.size() != decoder.samples()) std::abort();
  return 0;
}
