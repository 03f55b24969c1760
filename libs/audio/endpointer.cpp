#include "audio/endpointer.h"

#include <algorithm>

#include "audio/format.h"

namespace al::audio {
namespace {

constexpr MediaTime kFrame = MediaTime::from(kFrameDuration);

}  // namespace

std::string_view to_string(EndReason reason) {
  switch (reason) {
    case EndReason::kSilence:
      return "silence";
    case EndReason::kEnergyDrop:
      return "energy drop";
    case EndReason::kOpinion:
      return "opinion";
    case EndReason::kTimeout:
      return "timeout";
    case EndReason::kMaxLength:
      return "max length";
    case EndReason::kForced:
      return "forced";
  }
  return "unknown";
}

Endpointer::Endpointer(const EndpointOptions& options) : options_(options) {}

void Endpointer::reset() {
  *this = Endpointer(options_);
}

Endpointer::Need Endpointer::need() const {
  if (opinion_.end_probability && *opinion_.end_probability >= options_.complete_probability) {
    return {std::max(options_.action_delay, options_.hangover), EndReason::kOpinion};
  }
  if (opinion_.end_probability && *opinion_.end_probability <= options_.incomplete_probability) {
    return {options_.timeout, EndReason::kTimeout};
  }
  if (opinion_.digits_expected) return {options_.digits_silence, EndReason::kSilence};
  if (options_.end_on_drop && dropped_sharply_) {
    return {std::max(options_.drop_silence, options_.hangover), EndReason::kEnergyDrop};
  }
  const MediaTime said = last_voice_ - onset_;
  milliseconds silence = options_.min_silence;
  if (said < MediaTime::from(options_.short_utterance)) {
    silence = options_.short_silence;
  } else if (said >= MediaTime::from(options_.long_utterance)) {
    silence = options_.long_silence;
  }
  return {std::max(silence, options_.hangover), EndReason::kSilence};
}

EndOfUtterance Endpointer::finish(MediaTime now, EndReason reason) {
  EndOfUtterance end;
  end.onset = onset_;
  end.last_voice = last_voice_;
  end.decided = now;
  end.voiced = voiced_;
  end.reason = reason;
  end.dropped = voiced_ < MediaTime::from(options_.min_voice);
  speaking_ = false;
  end_of_last_ = now;
  dropped_sharply_ = false;
  speech_level_dbfs_ = -100.0F;
  run_voice_ = {};
  opinion_ = {};
  return end;
}

std::optional<EndOfUtterance> Endpointer::force_end(MediaTime at) {
  if (!speaking_) return std::nullopt;
  return finish(std::max(at, last_voice_), EndReason::kForced);
}

void Endpointer::track_level(bool voice, float level_dbfs) {
  // A sharp fall is heard in the frame in which the voice ends.
  if (voice) {
    dropped_sharply_ = false;
    speech_level_dbfs_ = speech_level_dbfs_ < -99.0F ? level_dbfs : speech_level_dbfs_ * 0.8F + level_dbfs * 0.2F;
  } else if (speech_level_dbfs_ - level_dbfs > options_.drop_db) {
    dropped_sharply_ = true;
  }
}

void Endpointer::begin(MediaTime onset, MediaTime voiced, MediaTime now) {
  speaking_ = true;
  onset_ = onset;
  last_voice_ = now;
  voiced_ = voiced;
  run_voice_ = {};
}

void Endpointer::track_sound(MediaTime at, bool sounding) {
  constexpr MediaTime kGap = MediaTime::from_ms(40);  // a stop consonant
  if (sounding) {
    if (!sounding_since_) sounding_since_ = at;
    last_sound_ = at + kFrame;
  } else if (sounding_since_ && at + kFrame - last_sound_ > kGap) {
    sounding_since_.reset();
  }
}

MediaTime Endpointer::reached_back(MediaTime onset) const {
  if (!sounding_since_) return onset;
  const MediaTime earliest = std::max(onset - MediaTime::from(options_.onset_reach), end_of_last_);
  return std::min(onset, std::max(*sounding_since_, earliest));
}

Endpointer::Step Endpointer::process(MediaTime at, bool voice, bool sounding, float level_dbfs,
                                     milliseconds onset_extra) {
  const MediaTime now = at + kFrame;
  Step step;
  track_sound(at, voice || sounding);
  if (!speaking_) {
    if (!voice) {
      run_voice_ = {};
      return step;
    }
    if (run_voice_ == MediaTime{}) run_start_ = at;
    run_voice_ += kFrame;
    if (run_voice_ < MediaTime::from(options_.onset + onset_extra)) return step;
    begin(reached_back(run_start_), run_voice_, now);
    track_level(voice, level_dbfs);
    step.speaking = true;
    step.started = onset_;
    return step;
  }
  if (voice) {
    last_voice_ = now;
    voiced_ += kFrame;
  }
  track_level(voice, level_dbfs);
  const Need wanted = need();
  const MediaTime silence = now - last_voice_;
  if (!voice && silence >= MediaTime::from(wanted.silence) && now - onset_ >= MediaTime::from(options_.min_utterance)) {
    step.ended = finish(now, wanted.reason);
  } else if (now - onset_ >= MediaTime::from(options_.max_utterance)) {
    step.ended = finish(now, EndReason::kMaxLength);
    // Somebody who is still talking begins the next utterance with the next frame.
    if (voice) {
      run_start_ = now;
      run_voice_ = MediaTime::from(options_.onset + onset_extra);
    }
  }
  step.speaking = speaking_;
  return step;
}

}  // namespace al::audio
