#include "audio/conditioner.h"

#include <algorithm>
#include <cmath>

#include "audio/level.h"

namespace al::audio {
namespace {

constexpr double kHighPassHz = 100.0;
constexpr double kLowPassHz = 3700.0;
constexpr float kFrameSeconds = static_cast<float>(kFrameDuration.count()) / 1000.0F;
// Voiced frames below this say nothing about the talker: pauses that a hangover still calls voice.
constexpr float kQuietestSpeechDbfs = -60.0F;

float gain_of(float db) {
  return std::pow(10.0F, db / 20.0F);
}

std::int16_t saturate(float x) {
  return static_cast<std::int16_t>(std::lrintf(std::clamp(x, -32768.0F, 32767.0F)));
}

}  // namespace

Conditioner::Conditioner(const ConditionerOptions& options) : options_(options) {
  reset();
}

void Conditioner::reset() {
  dc_.reset();
  high_pass_ = Biquad::high_pass(kHighPassHz, kSampleRateHz);
  low_pass_ = Biquad::low_pass(kLowPassHz, kSampleRateHz);
  gain_db_ = 0.0F;
  applied_gain_ = 1.0F;
}

void Conditioner::process(PcmFrameView in, bool voice, PcmFrame& out) {
  std::copy(in.begin(), in.end(), work_.begin());
  if (options_.remove_dc) dc_.process(work_);
  if (options_.high_pass) high_pass_.process(work_);
  if (options_.low_pass) low_pass_.process(work_);
  if (options_.automatic_gain) {
    apply_gain(voice, out);
  } else {
    std::transform(work_.begin(), work_.end(), out.begin(), saturate);
  }
}

void Conditioner::apply_gain(bool voice, PcmFrame& out) {
  const float level = dbfs_from_rms(rms(std::span<const float>(work_)));
  if (voice && level > kQuietestSpeechDbfs) {
    const float wanted =
        std::clamp(options_.agc_target_dbfs - level, options_.agc_min_gain_db, options_.agc_max_gain_db);
    const float rise = options_.agc_rise_db_per_s * kFrameSeconds;
    const float fall = options_.agc_fall_db_per_s * kFrameSeconds;
    gain_db_ += std::clamp(wanted - gain_db_, -fall, rise);
  }
  // The gain glides across the frame: a step would be heard by the recogniser as a click.
  const float target = gain_of(gain_db_);
  const float step = (target - applied_gain_) / static_cast<float>(kFrameSamples);
  for (std::size_t i = 0; i < kFrameSamples; ++i) {
    applied_gain_ += step;
    out[i] = saturate(work_[i] * applied_gain_);
  }
  applied_gain_ = target;
}

}  // namespace al::audio
