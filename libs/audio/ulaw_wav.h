// RIFF/WAVE files with 8 kHz mono µ-law (format tag 7) made in memory: what Twilio's <Play> takes and what the cache of
// synthesised speech keeps. Not for reading, and not for files on disk in other formats: wav_file.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace al::audio {

// A chunk of the file's owner, which players skip; `id` has four characters, empty = none.
struct WavChunk {
  std::string_view id;
  std::string_view body;
};

// Everything before the samples. After an odd number of them one zero byte follows. Microsoft, "Multimedia Programming
// Interface and Data Specifications 1.0": a format other than PCM has an extension size (0) and a fact chunk with the
// number of samples; chunks begin at even offsets.
[[nodiscard]] std::string ulaw_wav_header(std::size_t samples, const WavChunk& extra = {});

// The whole file.
[[nodiscard]] std::string ulaw_wav(std::span<const std::uint8_t> ulaw, const WavChunk& extra = {});

}  // namespace al::audio
