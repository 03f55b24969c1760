#include "audio/echo_gate.h"

#include <algorithm>
#include <cmath>

#include "audio/level.h"

namespace al::audio {
namespace {

constexpr float kInaudibleDbfs = -65.0F;  // what we send below this leaves no echo above a telephone line's own noise

std::size_t frames(double ms) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(ms / static_cast<double>(kFrameDuration.count())));
}

float power(std::span<const std::int16_t> pcm) {
  const float level = rms(pcm);
  return level * level;
}

template <std::size_t kSize>
float level_over(const std::array<float, kSize>& power, std::size_t newest, std::size_t count) {
  float sum = 0.0F;
  for (std::size_t i = 0; i < count; ++i) sum += power[(newest + kSize - i) % kSize];
  return dbfs_from_rms(std::sqrt(sum / static_cast<float>(count)));
}

}  // namespace

EchoGate::EchoGate(const EchoGateOptions& options)
    : options_(options),
      losses_(0.0F, options.loss_percentile, frames(static_cast<double>(options.loss_window_s) * 1000.0)) {
  reset();
}

void EchoGate::reset() {
  losses_.clear();
  noise_.reset();
  played_level_.fill(kSilenceDbfs);
  played_power_.fill(0.0F);
  caller_power_.fill(0.0F);
  frames_ = 0;
}

float EchoGate::loudest_played() const {
  const std::size_t count = std::min(frames(options_.window_ms), kHistory);
  float loudest = kSilenceDbfs;
  for (std::size_t i = 0; i < count; ++i) {
    loudest = std::max(loudest, played_level_[(frames_ + kHistory - i) % kHistory]);
  }
  return loudest;
}

EchoGate::Verdict EchoGate::process(PcmFrameView caller, std::span<const std::int16_t> played, bool voice) {
  const std::size_t span = std::min(frames(options_.level_ms), kHistory);
  frames_ = (frames_ + 1) % kHistory;
  played_power_[frames_] = power(played);
  caller_power_[frames_] = power(caller);
  played_level_[frames_] = level_over(played_power_, frames_, span);

  Verdict verdict;
  const float loudest = loudest_played();
  verdict.loss_db = losses_.count() < frames(options_.trusted_ms) ? options_.initial_loss_db : losses_.value();
  verdict.loss_db = std::clamp(verdict.loss_db, options_.min_loss_db, options_.max_loss_db);
  verdict.expected_dbfs = std::max(loudest - verdict.loss_db, kSilenceDbfs);
  verdict.audible = loudest > kInaudibleDbfs;
  const float level = level_over(caller_power_, frames_, span);
  const float floor = noise_.update(level);
  if (!options_.enabled || !verdict.audible) return verdict;
  verdict.passed = level > verdict.expected_dbfs + options_.margin_db;
  if (voice && verdict.passed) return verdict;
  // What is not the caller is our echo, or something louder: then the loss is at least this, which is news only if it
  // is more than what we believe.
  const float loss = loudest - level;
  const bool only_noise = level < floor + options_.noise_db;
  if (!only_noise || loss > verdict.loss_db) losses_.add(loss);
  return verdict;
}

}  // namespace al::audio
