#include "audio/noise_floor.h"

#include "audio/format.h"
#include "audio/level.h"

namespace al::audio {
namespace {

// The smallest non-zero µ-law step, ±8, is -72 dBFS as a square wave; a frame below this holds hardly a sample of it.
constexpr float kDigitalSilenceDbfs = -80.0F;

std::size_t frames(float seconds) {
  constexpr float kFramesPerSecond = 1000.0F / static_cast<float>(kFrameDuration.count());
  return seconds <= 0.0F ? 0 : static_cast<std::size_t>(seconds * kFramesPerSecond);
}

}  // namespace

NoiseFloor::NoiseFloor(const NoiseFloorOptions& options)
    : options_(options), levels_(kSilenceDbfs, options.percentile, frames(options.window_s)) {
  reset();
}

void NoiseFloor::reset() {
  levels_.clear();
  value_ = options_.start_dbfs;
  for (std::size_t i = 0; i < frames(options_.start_weight_s); ++i) levels_.add(options_.start_dbfs);
}

float NoiseFloor::update(float level_dbfs) {
  if (level_dbfs > kDigitalSilenceDbfs) {
    levels_.add(level_dbfs);
    value_ = levels_.value();
  }
  return value_;
}

}  // namespace al::audio
