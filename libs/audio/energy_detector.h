// The two detectors that know levels only: the tracking one (engine `energy`) and the plain calibrated rule (engine
// `spec`).
#pragma once

#include "audio/band_level.h"
#include "audio/noise_floor.h"
#include "audio/voice_detector.h"

namespace al::audio {

// Voice begins `on_db` above a floor that keeps tracking and ends `off_db` above it; both never below `min_rms`.
class EnergyDetector final : public VoiceDetector {
 public:
  explicit EnergyDetector(const EnergyOptions& options);
  VoiceFrame process(PcmFrameView frame) override;
  void reset() override;

 private:
  EnergyOptions options_;
  BandLevel band_;
  NoiseFloor floor_;
  float min_dbfs_;
  float smooth_power_ = 0.0F;
  bool voice_ = false;
};

// The rule as it was first written down: the mean RMS of the first 400 ms is the noise floor for ever, threshold
// max(35, 2.2 x floor + 8), three frames to begin and three to end. A noisy start leaves it deaf (recall 1 % there);
// kept to compare with.
class SpecDetector final : public VoiceDetector {
 public:
  static constexpr int kCalibrationFrames = 20;  // 400 ms

  explicit SpecDetector(const EnergyOptions& options);
  VoiceFrame process(PcmFrameView frame) override;
  void reset() override;

 private:
  EnergyOptions options_;
  BandLevel band_;
  int calibrated_frames_ = 0;
  double level_sum_ = 0.0;
  float floor_rms_ = 0.0F;
  float threshold_rms_ = 0.0F;
  int contrary_frames_ = 0;  // in a row that speak against the present state
  bool voice_ = false;
};

}  // namespace al::audio
