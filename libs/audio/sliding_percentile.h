// A percentile of the last N values, exact to half a unit, by histogram: constant memory, no sorting, no allocation per
// value. Realtime-safe, not thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace al::audio {

class SlidingPercentile {
 public:
  static constexpr std::size_t kMaxValues = 512;

  // Values are clamped to lowest .. lowest + 120. `fraction` 0 .. 1; `values` 1 .. kMaxValues.
  SlidingPercentile(float lowest, float fraction, std::size_t values)
      : lowest_(lowest), fraction_(fraction), window_(std::clamp<std::size_t>(values, 1, kMaxValues)) {}

  void add(float value) {
    const float bin = std::clamp((value - lowest_) * kBinsPerUnit, 0.0F, static_cast<float>(kBins - 1));
    if (count_ == window_) {
      --histogram_[ring_[next_]];
    } else {
      ++count_;
    }
    ring_[next_] = static_cast<std::uint8_t>(std::lround(bin));
    ++histogram_[ring_[next_]];
    next_ = (next_ + 1) % window_;
  }

  // `lowest` when empty.
  [[nodiscard]] float value() const {
    if (count_ == 0) return lowest_;
    const auto wanted = static_cast<std::size_t>(fraction_ * static_cast<float>(count_ - 1));
    std::size_t seen = 0;
    std::size_t bin = 0;
    while (bin + 1 < kBins && (seen += histogram_[bin]) <= wanted) ++bin;
    return lowest_ + static_cast<float>(bin) / kBinsPerUnit;
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  void clear() {
    histogram_.fill(0);
    count_ = next_ = 0;
  }

 private:
  static constexpr float kBinsPerUnit = 2.0F;
  static constexpr std::size_t kBins = 241;

  float lowest_;
  float fraction_;
  std::size_t window_;
  std::array<std::uint8_t, kMaxValues> ring_{};
  std::array<std::uint16_t, kBins> histogram_{};
  std::size_t count_ = 0;
  std::size_t next_ = 0;
};

}  // namespace al::audio
