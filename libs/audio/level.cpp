#include "audio/level.h"

namespace al::audio {

float rms(std::span<const std::int16_t> pcm) {
  if (pcm.empty()) return 0.0F;
  std::int64_t sum = 0;
  for (const std::int16_t s : pcm) sum += static_cast<std::int32_t>(s) * s;
  return static_cast<float>(std::sqrt(static_cast<double>(sum) / static_cast<double>(pcm.size())));
}

float rms(std::span<const float> pcm) {
  if (pcm.empty()) return 0.0F;
  float sum = 0.0F;
  for (const float s : pcm) sum += s * s;
  return std::sqrt(sum / static_cast<float>(pcm.size()));
}

}  // namespace al::audio
