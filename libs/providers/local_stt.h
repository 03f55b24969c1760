// The embedded recogniser behind the port. Turns are collected, trimmed and decoded on a shared WorkerPool; sinks are
// called from its threads. English only: a session for another language fails every turn with kUnsupported, in words
// that say what to set. Nothing is sent anywhere; nothing is billed.
#pragma once

#include <memory>

#include "core/time.h"
#include "dialog/ports.h"
#include "providers/worker_pool.h"

namespace al::providers {

class Moonshine;

struct LocalSttOptions {
  bool partials = true;                        // decode while the caller talks, when a worker is free
  Duration partial_every = milliseconds{700};  // of audio
  // A pause this long inside a turn starts a decode at once. When nothing more is said, its result is the final and the
  // caller waits no longer than the endpointer did.
  Duration eager_after = milliseconds{200};
  Duration longest_turn = seconds{60};   // audio beyond it is dropped
  Duration longest_piece = seconds{12};  // longer utterances are cut at quiet points
};

// `second` (may be null) is asked when `model` hears nothing although somebody spoke.
// Both models and the pool must outlive the provider, the provider its sessions.
[[nodiscard]] std::unique_ptr<dialog::SpeechToText> make_local_stt(std::shared_ptr<const Moonshine> model,
                                                                   std::shared_ptr<const Moonshine> second,
                                                                   WorkerPool& pool, LocalSttOptions options = {});

}  // namespace al::providers
