// Everything that shapes one call's behaviour. Built from the settings by the apps, recorded with each call.
// Every number says where it comes from; durations are chrono, frames are 20 ms.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audio/turn_listener.h"
#include "core/time.h"
#include "dialog/clause_cutter.h"
#include "dialog/conversation.h"
#include "dialog/persona.h"
#include "dialog/ports.h"

namespace al::dialog {

struct TurnOptions {
  milliseconds resp_min_delay{220};  // RESP_MIN_DELAY_MS: our answer never starts sooner after the caller's last sound;
  milliseconds resp_max_delay{360};  // RESP_MAX_DELAY_MS: the floor is drawn between the two, once a turn. Not a sleep.
  milliseconds greeting_after{800};  // the greeting goes out if nobody spoke until then (SPEC 7)
  // An utterance with less voice than this, in which nothing was recognised, was a noise and is not asked about (SPEC
  // 6).
  milliseconds noise_voice{280};
  // A pure "uh-huh" over our speech lets it go on; an interruption with more voice than this is none, whatever it says.
  milliseconds backchannel_max{700};
  // Words that cannot be the end ("I am looking for a") and digits still expected are waited with for so long after the
  // caller's last sound, by the endpointer (partials) and by the engine (finals). An answer or a filler still fits into
  // the 1.5 s after which a caller thinks that the line is dead.
  milliseconds longest_wait{1000};
  milliseconds media_gap{900};           // no frame for so long inside an utterance: the line is gone, it ends
  milliseconds max_caller_turn{20'000};  // hold music must not keep a turn open: then we speak, whatever is heard
  int max_empty_turns = 5;               // in a row, with nothing recognised: a goodbye
  milliseconds dtmf_timeout{2500};       // the digits are complete when no further one comes for so long
  char dtmf_terminator = '#';
  std::size_t dtmf_max_digits = 20;
  // LLM_EARLY_MS: ask the model on a partial that did not change for this long, once an utterance; dropped when the
  // final differs. A quarter of a second won for at most twice the requests (al_agentd_provider_calls latency). 0 =
  // off.
  milliseconds speculate_after{200};
};

struct DeadlineOptions {
  milliseconds filler_after{1150};   // FILLER_AFTER_MS: silence after the caller's last sound until "one moment…"
  milliseconds silence_limit{1150};  // after our last sound while an answer is owed: another filler, or we give up
  int max_fillers = 1;               // a turn
  int max_fillers_tool = 4;          // a turn that runs a tool
  milliseconds stt_final{4000};      // from the end of utterance to the transcript
  milliseconds model_first{6000};    // from the question to the first delta
  milliseconds model_gap{4000};      // between deltas
  milliseconds model_total{20'000};
  milliseconds tts_first{4000};  // from the text to its first sound
  milliseconds tts_gap{3000};    // between two pieces of sound of one text
  milliseconds tool{15'000};
  int max_tool_rounds = 4;            // times a turn may ask the model again after tools
  int max_failed_turns = 2;           // in a row: an apology, then EndCall "providers_failed"
  milliseconds goodbye_hangup{6000};  // from EndCall to the end of the stream; then the call counts as ended
};

struct PlayoutOptions {
  int lead_frames = 2;     // sent at once at the start of a speech; what a `clear` can lose, what a late wake-up
                           // may take
  milliseconds tail{200};  // silence after a speech, before its last mark (SPEC 7)
  milliseconds mark_timeout{150};   // past the computed end (SPEC 7)
  milliseconds max_speech{60'000};  // of sound kept for one text; more is dropped
};

struct IdleOptions {
  milliseconds first{8000};   // of silence from both until "are you still there?"
  milliseconds second{8000};  // until the second prompt
  milliseconds goodbye{8000};
  int prompts_said = 0;    // on an earlier stream of this call, with no word of the caller since
  seconds max_call{1800};  // MAX_CALL_SEC: a goodbye, then EndCall. The driver has a bound of its own, a little later.
};

// Ready-made speech, by exact text: 8 kHz mono. What is here needs no provider, so it can be said when all are down.
using Pcm = std::vector<std::int16_t>;
using Clips = std::map<std::string, std::shared_ptr<const Pcm>, std::less<>>;

struct CallOptions {
  std::shared_ptr<const Persona> persona;
  ConversationOptions conversation;
  std::string call_sid;
  std::string resume_state;             // Conversation::save() of an earlier stream of this call; no greeting then
  std::optional<std::string> greeting;  // AI_GREETING: nullopt = the persona's; empty = none
  Voice voice;
  Clips clips;  // the persona's phrases and the greeting, as far as they could be synthesised ahead

  // Detector, echo gate, endpointer, barge-in timing. `silero` is needed only when listen.voice asks for it.
  audio::ListenOptions listen;
  std::shared_ptr<const audio::SileroModel> silero;
  TurnOptions turn;
  DeadlineOptions deadlines;
  PlayoutOptions playout;
  IdleOptions idle;
  ClauseCutterOptions clauses;
};

}  // namespace al::dialog
