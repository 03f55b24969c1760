#include "audio/energy_detector.h"

#include <algorithm>
#include <cmath>

#include "audio/level.h"

namespace al::audio {
namespace {

NoiseFloorOptions floor_options(const EnergyOptions& options) {
  NoiseFloorOptions floor;
  floor.percentile = options.floor_percentile;
  floor.window_s = options.floor_window_s;
  return floor;
}

// 0.5 at the threshold, steep enough to reach 0.95 within 6 dB: a score that reports can draw and metrics can sweep.
float score_above(float level_dbfs, float threshold_dbfs) {
  return 1.0F / (1.0F + std::exp(-(level_dbfs - threshold_dbfs) * 0.5F));
}

}  // namespace

EnergyDetector::EnergyDetector(const EnergyOptions& options)
    : options_(options), floor_(floor_options(options)), min_dbfs_(dbfs_from_rms(options.min_rms)) {}

void EnergyDetector::reset() {
  *this = EnergyDetector(options_);
}

VoiceFrame EnergyDetector::process(PcmFrameView frame) {
  const float rms = band_.rms(frame);
  // A little smoothing over time: single loud frames are clicks, single quiet ones are stops inside a word.
  smooth_power_ += (rms * rms - smooth_power_) * options_.smoothing;
  VoiceFrame out;
  out.level_dbfs = dbfs_from_rms(rms);
  out.noise_floor_dbfs = floor_.update(out.level_dbfs);
  const float level = dbfs_from_rms(std::sqrt(smooth_power_));
  const float on = options_.fixed_rms ? dbfs_from_rms(*options_.fixed_rms)
                                      : std::max(out.noise_floor_dbfs + options_.on_db, min_dbfs_);
  const float off = on - (options_.on_db - options_.off_db);
  voice_ = level > (voice_ ? off : on);
  out.voice = voice_;
  out.threshold_dbfs = voice_ ? off : on;
  out.score = score_above(level, on);
  return out;
}

SpecDetector::SpecDetector(const EnergyOptions& options) : options_(options) {
  reset();
}

void SpecDetector::reset() {
  band_.reset();
  calibrated_frames_ = 0;
  level_sum_ = 0.0;
  floor_rms_ = 0.0F;
  threshold_rms_ = options_.fixed_rms.value_or(0.0F);
  contrary_frames_ = 0;
  voice_ = false;
}

VoiceFrame SpecDetector::process(PcmFrameView frame) {
  constexpr int kHysteresisFrames = 3;  // 60 ms
  const float rms = band_.rms(frame);
  VoiceFrame out;
  out.level_dbfs = dbfs_from_rms(rms);
  if (calibrated_frames_ < kCalibrationFrames) {
    level_sum_ += static_cast<double>(rms);
    if (++calibrated_frames_ == kCalibrationFrames) {
      floor_rms_ = static_cast<float>(level_sum_ / kCalibrationFrames);
      if (!options_.fixed_rms) threshold_rms_ = std::max(options_.min_rms, floor_rms_ * 2.2F + 8.0F);
    }
  } else {
    contrary_frames_ = (rms > threshold_rms_) != voice_ ? contrary_frames_ + 1 : 0;
    if (contrary_frames_ >= kHysteresisFrames) {
      voice_ = !voice_;
      contrary_frames_ = 0;
    }
  }
  out.voice = voice_;
  out.noise_floor_dbfs = dbfs_from_rms(floor_rms_);
  out.threshold_dbfs = dbfs_from_rms(threshold_rms_);
  out.score = score_above(out.level_dbfs, out.threshold_dbfs);
  return out;
}

}  // namespace al::audio
