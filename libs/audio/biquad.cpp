#include "audio/biquad.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace al::audio {

Biquad Biquad::high_pass(double cut_hz, double rate_hz, double q) {
  const double w = 2.0 * std::numbers::pi * cut_hz / rate_hz;
  const double c = std::cos(w);
  const double alpha = std::sin(w) / (2.0 * q);
  const double a0 = 1.0 + alpha;
  Biquad f;
  f.b0 = static_cast<float>((1.0 + c) / 2.0 / a0);
  f.b1 = static_cast<float>(-(1.0 + c) / a0);
  f.b2 = f.b0;
  f.a1 = static_cast<float>(-2.0 * c / a0);
  f.a2 = static_cast<float>((1.0 - alpha) / a0);
  return f;
}

Biquad Biquad::low_pass(double cut_hz, double rate_hz, double q) {
  const double w = 2.0 * std::numbers::pi * cut_hz / rate_hz;
  const double c = std::cos(w);
  const double alpha = std::sin(w) / (2.0 * q);
  const double a0 = 1.0 + alpha;
  Biquad f;
  f.b0 = static_cast<float>((1.0 - c) / 2.0 / a0);
  f.b1 = static_cast<float>((1.0 - c) / a0);
  f.b2 = f.b0;
  f.a1 = static_cast<float>(-2.0 * c / a0);
  f.a2 = static_cast<float>((1.0 - alpha) / a0);
  return f;
}

Biquad Biquad::dc_blocker() {
  Biquad f;
  f.b1 = -1.0F;
  f.a1 = -0.995F;
  return f;
}

BiquadChain::BiquadChain(std::initializer_list<Biquad> filters) : size_(std::max<std::size_t>(filters.size(), 1)) {
  assert(filters.size() <= kMost);
  const Biquad unchanged;
  for (std::size_t lane = 0; lane < kMost; ++lane) {
    const Biquad& f = lane < filters.size() ? filters.begin()[lane] : unchanged;
    b0_[lane] = f.b0;
    b1_[lane] = f.b1;
    b2_[lane] = f.b2;
    a1_[lane] = f.a1;
    a2_[lane] = f.a2;
  }
  reset();
}

void BiquadChain::reset() {
  z1_ = z2_ = Lanes{};
}

void BiquadChain::process(std::span<float> samples) {
  switch (size_) {
    case 1:
      return run<0>(samples);
    case 2:
      return run<1>(samples);
    case 3:
      return run<2>(samples);
    default:
      return run<3>(samples);
  }
}

// Step n: lane 0 takes sample n, lane k what lane k - 1 gave in the step before; the last lane is kBehind samples late.
// In the first steps the later lanes have nothing yet, in the last ones the earlier lanes have nothing more: these keep
// their state.
template <std::size_t kBehind>
void BiquadChain::run(std::span<float> samples) {
  using Mask [[gnu::vector_size(kMost * sizeof(float))]] = std::int32_t;
  const Lanes b0 = b0_, b1 = b1_, b2 = b2_, a1 = a1_, a2 = a2_;
  Lanes z1 = z1_, z2 = z2_, y{};
  const auto step = [&](float sample) {
    const Lanes x = __builtin_shufflevector(y, Lanes{sample}, 4, 0, 1, 2);
    y = b0 * x + z1;
    z1 = b1 * x - a1 * y + z2;
    z2 = b2 * x - a2 * y;
  };
  const auto masked_step = [&](float sample, std::size_t n) {
    Mask busy{};
    for (std::size_t lane = 0; lane < kMost; ++lane) busy[lane] = n >= lane && n - lane < samples.size() ? -1 : 0;
    const Lanes old_z1 = z1, old_z2 = z2;
    step(sample);
    z1 = busy ? z1 : old_z1;
    z2 = busy ? z2 : old_z2;
  };
  std::size_t n = 0;
  for (; n < kBehind; ++n) masked_step(n < samples.size() ? samples[n] : 0.0F, n);
  for (; n < samples.size(); ++n) {
    step(samples[n]);
    samples[n - kBehind] = y[kBehind];
  }
  for (; n < samples.size() + kBehind; ++n) {
    masked_step(0.0F, n);
    samples[n - kBehind] = y[kBehind];
  }
  z1_ = z1;
  z2_ = z2;
}

}  // namespace al::audio
