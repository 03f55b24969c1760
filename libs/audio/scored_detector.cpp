#include "audio/scored_detector.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "audio/level.h"

namespace al::audio {
namespace {

// Doubles the sample rate. Even outputs are the delayed input, odd ones a windowed sinc between two inputs: flat to 3.6
// kHz, images 60 dB down.
class Doubler {
 public:
  static constexpr std::size_t kTaps = 24;

  Doubler() {
    // sinc((n + 1/2) pi), n = -12 .. 11, under a Hann window, scaled to unity at 0 Hz.
    float sum = 0.0F;
    for (std::size_t i = 0; i < kTaps; ++i) {
      const double x = static_cast<double>(i) - static_cast<double>(kTaps) / 2.0 + 0.5;
      const double window = 0.5 + 0.5 * std::cos(2.0 * std::numbers::pi * x / static_cast<double>(kTaps + 1));
      taps_[i] = static_cast<float>(std::sin(std::numbers::pi * x) / (std::numbers::pi * x) * window);
      sum += taps_[i];
    }
    for (float& t : taps_) t /= sum;
  }
  void reset() { past_.fill(0.0F); }

  // `out` holds 2 * kFrameSamples.
  void process(PcmFrameView in, float gain, std::span<float, 2 * kFrameSamples> out) {
    std::array<float, kTaps - 1 + kFrameSamples> line;
    std::copy(past_.begin(), past_.end(), line.begin());
    std::transform(in.begin(), in.end(), line.begin() + kTaps - 1,
                   [gain](std::int16_t s) { return std::clamp(static_cast<float>(s) * gain, -1.0F, 1.0F); });
    for (std::size_t i = 0; i < kFrameSamples; ++i) {
      float between = 0.0F;
      for (std::size_t k = 0; k < kTaps; ++k) between += taps_[k] * line[i + k];
      out[2 * i] = line[i + kTaps / 2 - 1];
      out[2 * i + 1] = between;
    }
    std::copy(line.end() - (kTaps - 1), line.end(), past_.begin());
  }

 private:
  std::array<float, kTaps> taps_{};
  std::array<float, kTaps - 1> past_{};
};

class SileroScorer final : public VoiceScorer {
 public:
  SileroScorer(std::shared_ptr<const SileroModel> model, float gain_db)
      : stream_(std::move(model)), gain_(std::pow(10.0F, gain_db / 20.0F) / kFullScale) {}

  float score(PcmFrameView frame) override {
    std::array<float, 2 * kFrameSamples> wide;
    doubler_.process(frame, gain_, wide);
    for (const float s : wide) {
      window_[filled_++] = s;
      if (filled_ == window_.size()) {
        last_ = stream_.score(window_);
        filled_ = 0;
      }
    }
    return last_;
  }
  void reset() override {
    stream_.reset();
    doubler_.reset();
    filled_ = 0;
    last_ = 0.0F;
  }

 private:
  SileroStream stream_;
  Doubler doubler_;
  float gain_;
  std::array<float, SileroModel::kWindow> window_{};
  std::size_t filled_ = 0;
  float last_ = 0.0F;
};

class RecordedScorer final : public VoiceScorer {
 public:
  explicit RecordedScorer(std::shared_ptr<const std::vector<float>> scores) : scores_(std::move(scores)) {}
  float score(PcmFrameView) override { return next_ < scores_->size() ? (*scores_)[next_++] : 0.0F; }
  void reset() override { next_ = 0; }

 private:
  std::shared_ptr<const std::vector<float>> scores_;
  std::size_t next_ = 0;
};

float logistic(float x) {
  return 1.0F / (1.0F + std::exp(-x));
}

// Kept finite: a network that is certain must still be open to doubt.
float log_odds(float p) {
  constexpr float kEdge = 1e-3F;
  return std::log((p + kEdge) / (1.0F - p + kEdge));
}

NoiseFloorOptions floor_options(const EnergyOptions& options) {
  NoiseFloorOptions floor;
  floor.percentile = options.floor_percentile;
  floor.window_s = options.floor_window_s;
  return floor;
}

}  // namespace

std::unique_ptr<VoiceScorer> make_silero_scorer(std::shared_ptr<const SileroModel> model, float gain_db) {
  return std::make_unique<SileroScorer>(std::move(model), gain_db);
}

std::unique_ptr<VoiceScorer> make_recorded_scorer(std::shared_ptr<const std::vector<float>> scores) {
  return std::make_unique<RecordedScorer>(std::move(scores));
}

ScoredDetector::ScoredDetector(const VoiceOptions& options, std::unique_ptr<VoiceScorer> scorer)
    : options_(options),
      scorer_(std::move(scorer)),
      floor_(floor_options(options.energy)),
      crowd_(-10.0F, options.energy.floor_percentile,
             static_cast<std::size_t>(std::max(options.silero.crowd_window_s, 0.2F) * 1000.0F) /
                 static_cast<std::size_t>(kFrameDuration.count())) {}

void ScoredDetector::reset() {
  scorer_->reset();
  band_.reset();
  floor_.reset();
  crowd_.clear();
  power_.fill(0.0F);
  next_ = 0;
  voice_ = false;
}

float ScoredDetector::level_shift(float rms) {
  const SileroOptions& rule = options_.silero;
  power_[next_] = rms * rms;
  next_ = (next_ + 1) % power_.size();
  const float level = dbfs_from_rms(std::sqrt((power_[0] + power_[1] + power_[2]) / 3.0F));
  const float distance = level - floor_.value() - rule.level_centre_db;
  return rule.level_weight * std::clamp(distance, -rule.level_malus_db, rule.level_bonus_db);
}

float ScoredDetector::crowd_shift(float log_odds) {
  const SileroOptions& rule = options_.silero;
  crowd_.add(log_odds);
  return -rule.crowd_weight * std::clamp(crowd_.value() - rule.crowd_start, 0.0F, rule.crowd_range);
}

VoiceFrame ScoredDetector::process(PcmFrameView frame) {
  const SileroOptions& rule = options_.silero;
  VoiceFrame out;
  const float network = log_odds(scorer_->score(frame));
  const float rms = band_.rms(frame);
  out.level_dbfs = dbfs_from_rms(rms);
  out.noise_floor_dbfs = floor_.update(out.level_dbfs);
  out.score = logistic(network + level_shift(rms) + crowd_shift(network));
  voice_ = out.score > (voice_ ? rule.off : rule.on) && rms > rule.min_rms;
  out.voice = voice_;
  out.threshold_dbfs = std::max(out.noise_floor_dbfs + rule.level_centre_db, dbfs_from_rms(rule.min_rms));
  return out;
}

}  // namespace al::audio
