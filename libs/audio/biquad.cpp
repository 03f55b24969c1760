#include "audio/biquad.h"

#include <cmath>
#include <numbers>

namespace al::audio {

Biquad Biquad::high_pass(double cut_hz, double rate_hz, double q) {
  const double w = 2.0 * std::numbers::pi * cut_hz / rate_hz;
  const double c = std::cos(w);
  const double alpha = std::sin(w) / (2.0 * q);
  const double a0 = 1.0 + alpha;
  Biquad f;
  f.b0_ = static_cast<float>((1.0 + c) / 2.0 / a0);
  f.b1_ = static_cast<float>(-(1.0 + c) / a0);
  f.b2_ = f.b0_;
  f.a1_ = static_cast<float>(-2.0 * c / a0);
  f.a2_ = static_cast<float>((1.0 - alpha) / a0);
  return f;
}

Biquad Biquad::low_pass(double cut_hz, double rate_hz, double q) {
  const double w = 2.0 * std::numbers::pi * cut_hz / rate_hz;
  const double c = std::cos(w);
  const double alpha = std::sin(w) / (2.0 * q);
  const double a0 = 1.0 + alpha;
  Biquad f;
  f.b0_ = static_cast<float>((1.0 - c) / 2.0 / a0);
  f.b1_ = static_cast<float>((1.0 - c) / a0);
  f.b2_ = f.b0_;
  f.a1_ = static_cast<float>(-2.0 * c / a0);
  f.a2_ = static_cast<float>((1.0 - alpha) / a0);
  return f;
}

// On a copy: samples and coefficients are both floats, so the compiler must otherwise expect that writing a sample
// changes a coefficient, and loads them all again for each.
void Biquad::process(std::span<float> samples) {
  Biquad filter = *this;
  for (float& s : samples) s = filter.step(s);
  *this = filter;
}

void DcBlocker::process(std::span<float> samples) {
  DcBlocker filter = *this;
  for (float& s : samples) s = filter.step(s);
  *this = filter;
}

}  // namespace al::audio
