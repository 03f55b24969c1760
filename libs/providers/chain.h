// Several providers behind one port, in order of preference: STT=google,moonshine. Each chain implements the port
// itself, so the engine does not know of it. It watches deadlines, starts the next provider beside a late one
// (hedging), moves on when one fails, replays the turn's audio to the next recogniser, and keeps a circuit breaker per
// provider. It is not a retry loop of one provider: adapters do that on their own wire, within their own small budget.
//
// Threads: as in dialog/ports.h. A chain makes no thread; timers come from the Scheduler. One short lock per session
// guards against provider events that arrive while the strand is inside; it is never held during a sink call.
// Sinks of the outer session are called from the provider's or the scheduler's thread.
// The scheduler, the observer (may be null) and the providers must outlive the chain; the chain its sessions.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/time.h"
#include "dialog/ports.h"
#include "providers/circuit_breaker.h"
#include "providers/provider_events.h"
#include "providers/scheduler.h"

namespace al::providers {

// One provider of a chain.
template <typename Port>
struct ChainLink {
  std::shared_ptr<Port> provider;
  // Languages (BCP 47 primary tags: "en", "he") it is good for; empty = all. Others skip it.
  std::vector<std::string> languages;
  // TTS only: its own voice name by language tag ("he-IL" before "he" before ""); others' names mean nothing to it.
  std::vector<std::pair<std::string, std::string>> voices;
};

struct SttChainOptions {
  Duration final_deadline = milliseconds{1500};  // end of turn -> final; then the next provider gets the turn's audio
  Duration hedge_after = milliseconds{0};        // end of turn -> ask the next one as well; 0 = never
  Duration last_deadline = seconds{4};           // of the last provider; then the turn fails
  Duration max_replay = seconds{30};             // audio kept of a turn
  BreakerOptions breaker = {};
};

struct ModelChainOptions {
  Duration hedge_after = milliseconds{1200};        // no first token by then: start the next as well; 0 = never
  Duration first_deadline = milliseconds{2500};     // no first token by then: give up on it
  Duration progress_deadline = milliseconds{2000};  // longest gap between two tokens
  Duration last_deadline = seconds{6};              // first token of the last provider
  BreakerOptions breaker = {};
};

struct TtsChainOptions {
  Duration hedge_after = milliseconds{0};
  Duration first_deadline = milliseconds{1200};
  Duration progress_deadline = milliseconds{1500};  // longest gap between two pieces of audio
  Duration last_deadline = seconds{4};
  std::size_t shortest_samples = 200;  // 25 ms at 8 kHz: less audio than this for a whole text is a failure
  BreakerOptions breaker = {};
};

// Each refuses (kMalformed) an empty list of links. `name()` of a chain is the links' names joined with ','.
//
// Recognition. A turn goes to the first provider whose breaker allows it. When that fails, or its final is late, the
// next one gets the turn's audio from the start. From the third empty final in a row on (of turns that are long enough
// for words, over all calls) an empty one counts as a failure while another can be asked. Partials come from the
// provider in charge. When all fail and there was a partial, the partial becomes the final with confidence 0.3; else
// the turn fails with the last error.
Result<std::unique_ptr<dialog::SpeechToText>> make_stt_chain(std::vector<ChainLink<dialog::SpeechToText>> links,
                                                             SttChainOptions options, Scheduler& scheduler,
                                                             ProviderObserver* observer);

// Language models. The first clause (or tool call) decides: the others are cancelled. A failure after that is final,
// because words may have been spoken; before it the next provider answers from the start. The deadlines and the hedge
// are about the first token. kUnsupported moves on as well, without blame.
Result<std::unique_ptr<dialog::LanguageModel>> make_model_chain(std::vector<ChainLink<dialog::LanguageModel>> links,
                                                                ModelChainOptions options, Scheduler& scheduler,
                                                                ProviderObserver* observer);

// Voices. The first audio decides. No audio at all, or less than `shortest_samples`, counts as a failure of that
// provider. A failure after the first audio is final.
Result<std::unique_ptr<dialog::TextToSpeech>> make_tts_chain(std::vector<ChainLink<dialog::TextToSpeech>> links,
                                                             TtsChainOptions options, Scheduler& scheduler,
                                                             ProviderObserver* observer);

}  // namespace al::providers
