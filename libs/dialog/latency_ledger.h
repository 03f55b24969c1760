// Where the time of one answer went: from the caller's last voiced frame to the first frame of the answer that is
// played. The parts are differences of whole milliseconds on one axis, so they add up to the whole exactly. A filler is
// told apart and shortens nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/time.h"
#include "dialog/engine_io.h"

namespace al::dialog {

struct LatencyLedger {
  Timestamp voice_end;                    // the caller's last voiced frame
  std::optional<Timestamp> eou;           // the end of utterance was declared
  std::optional<Timestamp> transcript;    // the final text was there
  std::optional<Timestamp> first_word;    // the model's first word came
  std::optional<Timestamp> first_clause;  // enough of them to be spoken: they went to the synthesiser
  std::optional<Timestamp> first_sound;   // … and their first sound came
  std::optional<Timestamp> filler;        // first frame of a filler

  // endpointing_ms, stt_ms, model_ms (to its first word), clause_ms, tts_ms, playout_ms and total_ms; filler_ms if one
  // was said. A boundary that was not passed (a ready-made clip needs no synthesiser) makes a part of 0.
  [[nodiscard]] std::vector<Fact> facts(Timestamp first_frame) const;
};

}  // namespace al::dialog
