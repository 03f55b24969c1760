// The whole turn-taking rule as it was first written down, reference of the comparison (VAD preset `spec`): its own
// voice decision (SpecDetector), its own end of utterance and barge-in. The endpointer and the echo gate have no part
// in it. Agrees event for event with the reference engine that the labelled set was made with.
//   onset      three frames in a row above the threshold
//   end        silence of 350, 420 or 500 ms after less than 1.2 s, less than 3 s, or more of sound; 200 ms after a
//   fall of the level to
//              a sixth; never before 1 s after the onset; at 6 s in any case. A single loud frame does not end a
//              silence
//   barge-in   ten loud frames over the agent's speech with gaps of at most 60 ms, after 200 ms of grace
//   afterwards deaf for 750 ms after an uninterrupted prompt
// Realtime-safe, not thread-safe; one object a call.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "audio/endpointer.h"
#include "audio/energy_detector.h"

namespace al::audio {

class PlainRule {
 public:
  struct Step {
    VoiceFrame frame;
    std::optional<MediaTime> started;
    std::optional<EndOfUtterance> ended;
    bool barge_in = false;  // with `started`
    bool speaking = false;
  };

  explicit PlainRule(const EnergyOptions& options);
  Step process(PcmFrameView frame, MediaTime at, bool agent_speaking);
  void reset();

 private:
  void track_silence(bool loud, float rms);
  void hear_over_agent(MediaTime now, bool loud, Step& step);
  void hear_caller(MediaTime now, bool loud, Step& step);
  void begin(MediaTime onset, int loud_frames);
  EndOfUtterance finish(MediaTime now, EndReason reason);
  [[nodiscard]] int required_silence_frames() const;

  EnergyOptions options_;
  SpecDetector detector_;
  std::array<float, 8> recent_rms_{};
  std::size_t frames_ = 0;
  int loud_run_ = 0;
  int silent_frames_ = 0;
  bool fell_sharply_ = false;
  bool speaking_ = false;
  bool untold_ = false;  // an utterance began that nobody was told of
  MediaTime onset_{};
  MediaTime last_loud_{};
  int loud_frames_ = 0;
  int onset_run_ = 0;
  bool agent_was_speaking_ = false;
  bool interrupted_ = false;
  MediaTime agent_since_{};
  MediaTime deaf_until_{};
  int barge_count_ = 0;
  int barge_gap_ = 0;
};

}  // namespace al::audio
