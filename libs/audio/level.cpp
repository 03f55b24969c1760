#include "audio/level.h"

#include <array>

namespace al::audio {

float rms(std::span<const std::int16_t> pcm) {
  if (pcm.empty()) return 0.0F;
  std::int64_t sum = 0;
  for (const std::int16_t s : pcm) sum += static_cast<std::int32_t>(s) * s;
  return static_cast<float>(std::sqrt(static_cast<double>(sum) / static_cast<double>(pcm.size())));
}

float rms(std::span<const float> pcm) {
  if (pcm.empty()) return 0.0F;
  // Eight sums side by side: one alone would wait for itself at every sample.
  std::array<float, 8> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= pcm.size(); i += sums.size()) {
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += pcm[i + lane] * pcm[i + lane];
  }
  float sum = 0.0F;
  for (; i < pcm.size(); ++i) sum += pcm[i] * pcm[i];
  for (const float part : sums) sum += part;
  return std::sqrt(sum / static_cast<float>(pcm.size()));
}

}  // namespace al::audio
