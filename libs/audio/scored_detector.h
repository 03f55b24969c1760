// Turns the probability of a network into a voice decision, with the level as a second opinion: the network bridges
// short pauses and decays slowly after the last word, the level knows better where sound ends; the level fires on a
// door, the network does not.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "audio/band_level.h"
#include "audio/noise_floor.h"
#include "audio/silero_network.h"
#include "audio/sliding_percentile.h"
#include "audio/voice_detector.h"

namespace al::audio {

// One score a frame, 0 .. 1. Not thread-safe; one a call.
class VoiceScorer {
 public:
  virtual ~VoiceScorer() = default;
  virtual float score(PcmFrameView frame) = 0;
  virtual void reset() = 0;
};

// Raises 8 kHz to 16 kHz (half-band filter, 1.5 ms), applies a fixed gain and feeds the network as windows of 32 ms
// fill; the last score holds between them.
std::unique_ptr<VoiceScorer> make_silero_scorer(std::shared_ptr<const SileroModel> model, float gain_db);

// Plays back scores taken earlier: many settings tried on one recording cost one run of the network. 0 after the last
// one.
std::unique_ptr<VoiceScorer> make_recorded_scorer(std::shared_ptr<const std::vector<float>> scores);

class ScoredDetector final : public VoiceDetector {
 public:
  ScoredDetector(const VoiceOptions& options, std::unique_ptr<VoiceScorer> scorer);
  VoiceFrame process(PcmFrameView frame) override;
  void reset() override;

 private:
  [[nodiscard]] float level_shift(float rms);
  [[nodiscard]] float crowd_shift(float log_odds);

  VoiceOptions options_;
  std::unique_ptr<VoiceScorer> scorer_;
  BandLevel band_;
  NoiseFloor floor_;
  std::array<float, 3> power_{};  // of the last frames
  std::size_t next_ = 0;
  SlidingPercentile crowd_;  // log-odds of the network
  bool voice_ = false;
};

}  // namespace al::audio
