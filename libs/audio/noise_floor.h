// The level of a line when nobody speaks: a low percentile of the levels of the last seconds. It needs no calibration
// phase and cannot be fooled for long: a noisy, musical or speaking start leaves the window again, rising noise is
// followed within it. Digital silence (DTX, muted lines) is not noise and is left out. Realtime-safe, not thread-safe.
#pragma once

#include "audio/sliding_percentile.h"

namespace al::audio {

struct NoiseFloorOptions {
  float percentile = 0.20F;     // 0 .. 1
  float window_s = 5.0F;        // 0.2 .. 10
  float start_dbfs = -50.0F;    // what is assumed before anything was heard …
  float start_weight_s = 0.2F;  // … as if it had been heard for so long; 0 .. window_s
};

class NoiseFloor {
 public:
  explicit NoiseFloor(const NoiseFloorOptions& options = {});

  // Takes one frame's level and returns the floor including it, in dBFS (resolution 0.5 dB).
  float update(float level_dbfs);
  [[nodiscard]] float value() const { return value_; }
  void reset();

 private:
  NoiseFloorOptions options_;
  SlidingPercentile levels_;
  float value_ = -100.0F;
};

}  // namespace al::audio
