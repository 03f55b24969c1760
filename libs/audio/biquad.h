// Second-order filters in float (R. Bristow-Johnson's cookbook formulas, transposed direct form II) and a DC blocker.
// Realtime-safe; state is a few floats; not thread-safe.
#pragma once

#include <span>

namespace al::audio {

class Biquad {
 public:
  Biquad() = default;  // passes everything unchanged
  static Biquad high_pass(double cut_hz, double rate_hz, double q = 0.70710678);
  static Biquad low_pass(double cut_hz, double rate_hz, double q = 0.70710678);

  [[nodiscard]] float step(float x) {
    const float y = b0_ * x + z1_;
    z1_ = b1_ * x - a1_ * y + z2_;
    z2_ = b2_ * x - a2_ * y;
    return y;
  }
  void process(std::span<float> samples);  // in place
  void reset() { z1_ = z2_ = 0.0F; }

 private:
  float b0_ = 1.0F, b1_ = 0.0F, b2_ = 0.0F, a1_ = 0.0F, a2_ = 0.0F;
  float z1_ = 0.0F, z2_ = 0.0F;
};

// y[n] = x[n] - x[n-1] + r y[n-1]; r = 0.995 puts the corner at 6 Hz for 8 kHz.
class DcBlocker {
 public:
  [[nodiscard]] float step(float x) {
    last_out_ = x - last_in_ + 0.995F * last_out_;
    last_in_ = x;
    return last_out_;
  }
  void process(std::span<float> samples);  // in place
  void reset() { last_in_ = last_out_ = 0.0F; }

 private:
  float last_in_ = 0.0F, last_out_ = 0.0F;
};

}  // namespace al::audio
