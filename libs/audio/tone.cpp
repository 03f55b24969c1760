#include "audio/tone.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "audio/level.h"

namespace al::audio {
namespace {

std::size_t samples_of(std::chrono::milliseconds length) {
  return length.count() <= 0 ? 0 : static_cast<std::size_t>(length.count()) * kSampleRateHz / 1000;
}

}  // namespace

std::vector<std::int16_t> make_tone(double frequency_hz, std::chrono::milliseconds length, float level_dbfs) {
  std::vector<std::int16_t> out(samples_of(length));
  constexpr float kLoudestSineDbfs = -3.02F;
  const double amplitude = std::numbers::sqrt2 * rms_from_dbfs(std::min(level_dbfs, kLoudestSineDbfs));
  const double step = 2.0 * std::numbers::pi * std::clamp(frequency_hz, 1.0, kSampleRateHz / 2.0 - 1.0) / kSampleRateHz;
  const std::size_t ramp = std::min(samples_of(std::chrono::milliseconds{10}), out.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t edge = std::min(i, out.size() - 1 - i);
    const double fade =
        edge >= ramp ? 1.0
                     : 0.5 - 0.5 * std::cos(std::numbers::pi * static_cast<double>(edge) / static_cast<double>(ramp));
    out[i] = static_cast<std::int16_t>(std::lround(fade * amplitude * std::sin(step * static_cast<double>(i))));
  }
  return out;
}

std::vector<std::int16_t> make_beep() {
  return make_tone(440.0, std::chrono::milliseconds{200});
}

std::vector<std::int16_t> make_silence(std::chrono::milliseconds length) {
  return std::vector<std::int16_t>(samples_of(length), 0);
}

}  // namespace al::audio
