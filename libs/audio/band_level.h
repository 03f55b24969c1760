// The level of a frame inside the telephone band (100 .. 3700 Hz), as every level-based rule hears it: before any gain
// control.
#pragma once

#include "audio/biquad.h"
#include "audio/format.h"

namespace al::audio {

class BandLevel {
 public:
  BandLevel() { reset(); }
  // RMS of the band-filtered frame on the int16 scale. Filters keep their state from frame to frame.
  float rms(PcmFrameView frame);
  void reset();

 private:
  BiquadChain filters_;
};

}  // namespace al::audio
