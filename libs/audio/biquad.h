// Second-order filters in float (R. Bristow-Johnson's cookbook formulas, transposed direct form II), alone and in a
// chain. Realtime-safe; state is a few floats; not thread-safe.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>

namespace al::audio {

// y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]; the default passes everything unchanged.
struct Biquad {
  static Biquad high_pass(double cut_hz, double rate_hz, double q = 0.70710678);
  static Biquad low_pass(double cut_hz, double rate_hz, double q = 0.70710678);
  // y[n] = x[n] - x[n-1] + 0.995 y[n-1]: the corner is at 6 Hz for 8 kHz.
  static Biquad dc_blocker();

  float b0 = 1.0F, b1 = 0.0F, b2 = 0.0F, a1 = 0.0F, a2 = 0.0F;
};

// Up to four filters, one behind the other, computed side by side: while filter k works on sample n, filter k + 1 works
// on sample n - 1. That costs what one filter alone costs, and gives the numbers of four loops to the last bit.
class BiquadChain {
 public:
  static constexpr std::size_t kMost = 4;

  BiquadChain() : BiquadChain({}) {}
  BiquadChain(std::initializer_list<Biquad> filters);  // at most kMost; the rest passes unchanged

  void process(std::span<float> samples);  // in place; state goes on from call to call
  void reset();

 private:
  using Lanes [[gnu::vector_size(kMost * sizeof(float))]] = float;

  template <std::size_t kBehind>
  void run(std::span<float> samples);

  std::size_t size_ = 0;
  Lanes b0_, b1_, b2_, a1_, a2_;
  Lanes z1_, z2_;
};

}  // namespace al::audio
