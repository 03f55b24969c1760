#include "audio/plain_rule.h"

#include "audio/level.h"

namespace al::audio {
namespace {

constexpr MediaTime kFrame = MediaTime::from(kFrameDuration);
constexpr MediaTime kGrace = MediaTime::from_ms(200);
constexpr MediaTime kDeaf = MediaTime::from_ms(750);
constexpr MediaTime kShortest = MediaTime::from_ms(1000);
constexpr MediaTime kLongest = MediaTime::from_ms(6000);
constexpr int kOnsetFrames = 3;
constexpr int kBargeFrames = 10;
constexpr int kBargeGapFrames = 3;

constexpr int frames(int ms) {
  constexpr int kMs = static_cast<int>(kFrameDuration.count());
  return (ms + kMs - 1) / kMs;
}

MediaTime times(int count) {
  return {kFrame.samples * count};
}

}  // namespace

PlainRule::PlainRule(const EnergyOptions& options) : options_(options), detector_(options) {}

void PlainRule::reset() {
  *this = PlainRule(options_);
}

void PlainRule::track_silence(bool loud, float rms) {
  constexpr std::size_t kBefore = 5;
  constexpr std::size_t kAfter = 3;
  constexpr float kSharp = 6.0F;
  recent_rms_[frames_ % recent_rms_.size()] = rms;
  ++frames_;
  loud_run_ = loud ? loud_run_ + 1 : 0;
  if (loud_run_ >= 2) {
    silent_frames_ = 0;
    fell_sharply_ = false;
    return;
  }
  ++silent_frames_;
  if (silent_frames_ != static_cast<int>(kAfter) || frames_ <= kBefore + kAfter) return;
  float before = 0.0F;
  float after = 0.0F;
  for (std::size_t back = 1; back <= kBefore + kAfter; ++back) {
    (back <= kAfter ? after : before) += recent_rms_[(frames_ - back) % recent_rms_.size()];
  }
  fell_sharply_ = before / static_cast<float>(kBefore) > kSharp * after / static_cast<float>(kAfter);
}

void PlainRule::begin(MediaTime onset, int loud_frames) {
  speaking_ = true;
  onset_ = onset;
  loud_frames_ = loud_frames;
  onset_run_ = 0;
}

EndOfUtterance PlainRule::finish(MediaTime now, EndReason reason) {
  EndOfUtterance end;
  end.onset = onset_;
  end.last_voice = last_loud_;
  end.decided = now;
  end.voiced = times(loud_frames_);
  end.reason = reason;
  speaking_ = false;
  onset_run_ = 0;
  return end;
}

int PlainRule::required_silence_frames() const {
  if (fell_sharply_) return frames(200);
  if (loud_frames_ < frames(1200)) return frames(350);
  return loud_frames_ < frames(3000) ? frames(420) : frames(500);
}

void PlainRule::hear_over_agent(MediaTime now, bool loud, Step& step) {
  deaf_until_ = now + kDeaf;
  if (now - agent_since_ <= kGrace) return;
  if (loud) {
    barge_gap_ = 0;
    ++barge_count_;
  } else if (++barge_gap_ > kBargeGapFrames) {
    barge_count_ = 0;
  }
  if (!loud || barge_count_ < kBargeFrames) return;
  interrupted_ = true;
  deaf_until_ = {};
  begin(now - times(kBargeFrames), kBargeFrames);
  step.barge_in = true;
  step.started = onset_;
}

void PlainRule::hear_caller(MediaTime now, bool loud, Step& step) {
  if (!speaking_) {
    onset_run_ = loud ? onset_run_ + 1 : 0;
    if (onset_run_ < kOnsetFrames || now <= deaf_until_) return;
    begin(now - times(kOnsetFrames), kOnsetFrames);
    step.started = onset_;
    return;
  }
  if (untold_) step.started = onset_;
  untold_ = false;
  if (loud) ++loud_frames_;
  if (silent_frames_ >= required_silence_frames() && now - onset_ >= kShortest) {
    step.ended = finish(now, fell_sharply_ ? EndReason::kEnergyDrop : EndReason::kSilence);
  } else if (now - onset_ >= kLongest) {
    step.ended = finish(now, EndReason::kMaxLength);
    begin(now, 0);  // at once, whether or not somebody speaks; told with the next frame
    untold_ = true;
  }
}

PlainRule::Step PlainRule::process(PcmFrameView frame, MediaTime at, bool agent_speaking) {
  const MediaTime now = at + kFrame;
  Step step;
  step.frame = detector_.process(frame);
  const bool calibrated = frames_ >= SpecDetector::kCalibrationFrames;
  const bool loud = calibrated && step.frame.level_dbfs > step.frame.threshold_dbfs;
  track_silence(loud, rms_from_dbfs(step.frame.level_dbfs));
  if (loud) last_loud_ = now;
  if (agent_speaking && !agent_was_speaking_) {
    agent_since_ = at;
    interrupted_ = speaking_ = false;
    barge_count_ = barge_gap_ = 0;
  }
  agent_was_speaking_ = agent_speaking;
  if (agent_speaking && !interrupted_) {
    hear_over_agent(now, loud, step);
  } else {
    hear_caller(now, loud, step);
  }
  step.speaking = speaking_;
  return step;
}

}  // namespace al::audio
