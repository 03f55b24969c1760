#include "audio/band_level.h"

#include <algorithm>

#include "audio/level.h"

namespace al::audio {
namespace {

constexpr double kLowestHz = 100.0;
constexpr double kHighestHz = 3700.0;

}  // namespace

void BandLevel::reset() {
  filters_ = {Biquad::high_pass(kLowestHz, kSampleRateHz), Biquad::low_pass(kHighestHz, kSampleRateHz)};
}

float BandLevel::rms(PcmFrameView frame) {
  std::array<float, kFrameSamples> work;
  std::copy(frame.begin(), frame.end(), work.begin());
  filters_.process(work);
  return audio::rms(std::span<const float>(work));
}

}  // namespace al::audio
