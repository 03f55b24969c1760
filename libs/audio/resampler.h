// Streaming sample-rate conversion through libsamplerate: synthesiser rates (22.05, 24, 16 kHz) to the line's 8 kHz,
// the line to the 16 kHz that some recognisers want, files of any rate. Mono. Not thread-safe; one object a stream.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/error.h"

namespace al::audio {

enum class ResampleQuality {
  kFast,  // sinc, 97 dB, 80 % of the band: enough for a telephone line
  kBest,  // sinc, 144 dB, 97 % of the band: offline tools
};

class Resampler {
 public:
  // Rates 1 .. 384000 Hz with a ratio within 1/256 .. 256, otherwise kUnsupported.
  static Result<Resampler> create(int from_hz, int to_hz, ResampleQuality quality = ResampleQuality::kFast);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  // Appends what is ready to `to`; the converter keeps a few milliseconds back. Allocates only when `to` or the scratch
  // buffer has to grow, so a stream of equal pieces into a reserved vector does not.
  void process(std::span<const std::int16_t> from, std::vector<std::int16_t>& to);
  // Appends the rest of the stream, then starts anew: the total is round(input * to_hz / from_hz), give or take one.
  void finish(std::vector<std::int16_t>& to);

 private:
  struct State;
  explicit Resampler(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A whole recording at once.
Result<std::vector<std::int16_t>> resample(std::span<const std::int16_t> from, int from_hz, int to_hz,
                                           ResampleQuality quality = ResampleQuality::kBest);

}  // namespace al::audio
