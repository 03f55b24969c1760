// The embedded voices behind the port. A text is spoken sentence by sentence on a shared WorkerPool, so the first sound
// comes after the first sentence; sinks are called from its threads. Nothing is sent anywhere; nothing is billed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "dialog/ports.h"
#include "providers/worker_pool.h"

namespace al::providers {

class Piper;

// Sentences of a text, in order, none empty: cut after . ! ? … ׃ and line ends, and inside sentences of more than
// `longest` characters at commas, else at spaces. Never inside "3.5", "5:30" or "Dr.".
[[nodiscard]] std::vector<std::string> split_sentences(std::string_view utf8, std::size_t longest = 120);

struct LocalVoiceOptions {
  std::string default_voice;  // Piper: a speaker number; flite: rms, slt, awb, kal; espeak: a variant or empty
  // Piper: how much the same sentence differs from one time to the next, 0 (not at all: tests, measurements) .. 1.
  double variation = 1.0;
};

// "piper": English. `voice` must outlive the provider, like the pool; providers outlive their sessions.
[[nodiscard]] std::unique_ptr<dialog::TextToSpeech> make_piper_tts(std::shared_ptr<const Piper> voice, WorkerPool& pool,
                                                                   LocalVoiceOptions options = {});
// "flite": English.
[[nodiscard]] std::unique_ptr<dialog::TextToSpeech> make_flite_tts(WorkerPool& pool, LocalVoiceOptions options = {});
// "espeak": whatever language espeak-ng has; Hebrew passes simplify_niqqud().
[[nodiscard]] std::unique_ptr<dialog::TextToSpeech> make_espeak_tts(WorkerPool& pool, LocalVoiceOptions options = {});

// "clips": recordings instead of a voice. A folder of sound files, each named after the text it speaks as
// clip_name(text) + ".wav". A text without a clip is audio::make_beep(), so that the line is never silent.
[[nodiscard]] std::unique_ptr<dialog::TextToSpeech> make_clip_tts(std::string folder, WorkerPool& pool);
// Letters and digits of the text in lower case, words joined with '-', at most 80 bytes cut at a character.
[[nodiscard]] std::string clip_name(std::string_view utf8);

}  // namespace al::providers
