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
  // Rounded and bounded by means that the compiler can use on several samples at once; half a step goes away from
  // zero. 20 dB of gain on full scale are far from the end of int32.
  const auto rounded = static_cast<std::int32_t>(x + std::copysign(0.5F, x));
  return static_cast<std::int16_t>(std::min(std::max(rounded, -32768), 32767));
}

}  // namespace

Conditioner::Conditioner(const ConditionerOptions& options) : options_(options) {
  reset();
}

void Conditioner::reset() {
  filters_ = {options_.remove_dc ? Biquad::dc_blocker() : Biquad(),
              options_.high_pass ? Biquad::high_pass(kHighPassHz, kSampleRateHz) : Biquad(),
              options_.low_pass ? Biquad::low_pass(kLowPassHz, kSampleRateHz) : Biquad()};
  gain_db_ = 0.0F;
  applied_gain_ = 1.0F;
}

void Conditioner::process(PcmFrameView in, bool voice, PcmFrame& out) {
  std::copy(in.begin(), in.end(), work_.begin());
  filters_.process(work_);
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
  const float from = applied_gain_;
  const float step = (target - from) / static_cast<float>(kFrameSamples);
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(kFrameSamples); ++i) {
    const auto at = static_cast<std::size_t>(i);
    out[at] = saturate(work_[at] * (from + step * static_cast<float>(i + 1)));
  }
  applied_gain_ = target;
}

}  // namespace al::audio
