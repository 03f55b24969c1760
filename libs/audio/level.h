// Loudness of short stretches of PCM. Levels are RMS in dB relative to full scale (dBFS): a full-scale square wave is 0
// dBFS, a full-scale sine -3 dBFS (the dBov of ITU-T P.56 differs by these 3 dB of convention only: dBov is used with
// the same zero).
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

namespace al::audio {

inline constexpr float kFullScale = 32768.0F;
inline constexpr float kSilenceDbfs = -100.0F;  // digital silence; one LSB of RMS is -90.3 dBFS

// RMS on the int16 scale, 0 .. 32768. An empty span is 0.
[[nodiscard]] float rms(std::span<const std::int16_t> pcm);
[[nodiscard]] float rms(std::span<const float> pcm);  // same scale: samples in int16 units

// kSilenceDbfs for anything at or below it.
[[nodiscard]] inline float dbfs_from_rms(float rms) {
  return rms <= 0.33F ? kSilenceDbfs : 20.0F * std::log10(rms / kFullScale);
}
[[nodiscard]] inline float rms_from_dbfs(float dbfs) {
  return kFullScale * std::pow(10.0F, dbfs / 20.0F);
}

}  // namespace al::audio
