#include "audio/band_level.h"

#include <algorithm>

#include "audio/level.h"

namespace al::audio {
namespace {

constexpr double kLowestHz = 100.0;
constexpr double kHighestHz = 3700.0;

}  // namespace

void BandLevel::reset() {
  high_pass_ = Biquad::high_pass(kLowestHz, kSampleRateHz);
  low_pass_ = Biquad::low_pass(kHighestHz, kSampleRateHz);
}

float BandLevel::rms(PcmFrameView frame) {
  std::array<float, kFrameSamples> work;
  std::copy(frame.begin(), frame.end(), work.begin());
  high_pass_.process(work);
  low_pass_.process(work);
  return audio::rms(std::span<const float>(work));
}

}  // namespace al::audio
