// Sounds for tests: seeded, so every run hears the same.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "audio/format.h"
#include "audio/level.h"
#include "core/random.h"

namespace al::audio::test {

using Pcm = std::vector<std::int16_t>;

inline std::size_t samples(int ms) {
  return static_cast<std::size_t>(ms) * kSampleRateHz / 1000;
}

// White noise with an RMS of `level_dbfs`.
inline Pcm noise(int ms, float level_dbfs, std::uint64_t seed = 1) {
  Random random(seed);
  const double peak = std::sqrt(3.0) * static_cast<double>(rms_from_dbfs(level_dbfs));
  Pcm out(samples(ms));
  for (auto& s : out) s = static_cast<std::int16_t>(std::lround((random.unit() * 2.0 - 1.0) * peak));
  return out;
}

// A sine with an RMS of `level_dbfs`.
inline Pcm sine(int ms, double hz, float level_dbfs) {
  const double amplitude = std::numbers::sqrt2 * static_cast<double>(rms_from_dbfs(level_dbfs));
  Pcm out(samples(ms));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::int16_t>(
        std::lround(amplitude * std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(i) / kSampleRateHz)));
  }
  return out;
}

inline Pcm silence(int ms) {
  return Pcm(samples(ms), 0);
}

inline Pcm operator+(Pcm a, const Pcm& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Sample by sample, saturating; as long as the longer one.
inline Pcm mixed(Pcm a, const Pcm& b) {
  a.resize(std::max(a.size(), b.size()), 0);
  for (std::size_t i = 0; i < b.size(); ++i) {
    a[i] = static_cast<std::int16_t>(std::clamp(int{a[i]} + int{b[i]}, -32768, 32767));
  }
  return a;
}

inline std::size_t frame_count(const Pcm& pcm) {
  return pcm.size() / kFrameSamples;
}
inline PcmFrame frame(const Pcm& pcm, std::size_t index) {
  PcmFrame out{};
  std::copy_n(pcm.begin() + static_cast<std::ptrdiff_t>(index * kFrameSamples), kFrameSamples, out.begin());
  return out;
}

}  // namespace al::audio::test
