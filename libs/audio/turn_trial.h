// One labelled call through the ear that agentd uses (TurnListener), frame by frame: what it decided and when. No file,
// no thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "audio/turn_listener.h"
#include "audio/turn_set.h"

namespace al::audio {

struct TrialUtterance {
  std::int64_t onset_ms = 0;    // start of the first voiced frame
  std::int64_t started_ms = 0;  // end of the frame that confirmed it
  std::int64_t end_ms =
      0;  // end of the frame in which the end was declared; for `at_file_end` the end of the recording
  EndReason reason = EndReason::kSilence;
  bool at_file_end = false;  // still open when the recording ended
};

struct TrialBargeIn {
  std::size_t prompt = 0;  // index into LabelledCall::prompts
  std::int64_t suspected_ms = -1;
  std::int64_t confirmed_ms = -1;
};

struct Trial {
  std::vector<bool> voice;                 // by frame of 20 ms
  std::vector<float> score;                // by frame
  std::vector<TrialUtterance> utterances;  // dropped ones are not among them
  std::vector<TrialBargeIn> barge_ins;     // at most one a prompt
};

// `listener` must be fresh. The last incomplete frame of the recording is padded with silence.
Trial run_trial(const LabelledCall& call, TurnListener listener);

// The network's scores for one call, to be played back by make_recorded_scorer() while other settings are tried.
std::shared_ptr<const std::vector<float>> record_scores(const LabelledCall& call,
                                                        const std::shared_ptr<const SileroModel>& model, float gain_db);

}  // namespace al::audio
