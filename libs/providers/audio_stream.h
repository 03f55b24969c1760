// Turns the bytes of a synthesiser's answer, cut anywhere, into the line's 8 kHz PCM: headers stripped, µ-law decoded,
// stereo mixed, rate converted. One object an answer; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audio/resampler.h"
#include "core/error.h"
#include "core/time.h"
#include "providers/wire_wav.h"

namespace al::providers {

class AudioStreamDecoder {
 public:
  // `headerless`: what the bytes are until a header says otherwise. More audio than `longest` is an error: a server
  // that does not stop.
  explicit AudioStreamDecoder(AudioFormat headerless, Duration longest = seconds{120});

  // Appends what can be decoded to `pcm_8k`. kUnsupported, kMalformed: see WavStripper::feed; the decoder is then
  // spent.
  Result<void> feed(std::string_view bytes, std::vector<std::int16_t>& pcm_8k);
  // The answer is complete: appends the rest. Half a sample at the end is dropped.
  Result<void> finish(std::vector<std::int16_t>& pcm_8k);

  [[nodiscard]] std::size_t samples() const { return samples_; }  // given out so far, at 8 kHz

 private:
  void take(const AudioFormat& format, std::string_view payload, std::vector<std::int16_t>& pcm_8k);
  void emit(std::vector<std::int16_t>& pcm_8k);
  void flush_resampler(std::vector<std::int16_t>& pcm_8k);

  WavStripper stripper_;
  std::size_t max_samples_;
  std::size_t samples_ = 0;
  AudioFormat format_;
  std::string carry_;  // the bytes of an unfinished sample
  std::vector<std::int16_t> decoded_;
  std::optional<audio::Resampler> resampler_;
  std::optional<Error> error_;
};

// The rate in a Content-Type such as "audio/pcm;rate=16000" or "audio/L16; rate=24000"; nullopt if it names none.
[[nodiscard]] std::optional<int> content_type_rate(std::string_view content_type);

}  // namespace al::providers
