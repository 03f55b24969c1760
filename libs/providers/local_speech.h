// Loads the embedded engines once for a program and says plainly which languages they cover. Builds without
// AL_LOCAL_SPEECH have the same interface with fewer engines in it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "dialog/ports.h"
#include "providers/local_stt.h"
#include "providers/local_tts.h"
#include "providers/worker_pool.h"

namespace al::providers {

struct LocalSpeechOptions {
  // The folder that scripts/fetch-speech fills (with models/ in it), or the installed one. Empty: see
  // find_speech_folder.
  std::string folder;
  bool tiny = false;        // Moonshine tiny instead of base: 28 MB instead of 63, 1.8 times as fast, more errors
  bool recognition = true;  // load the recogniser
  bool voice = true;        // load the Piper voice
  int stt_threads = 2;
  int tts_threads = 2;
  std::size_t queue = 64;        // waiting jobs of each pool
  std::string clip_folder;       // canned clips; empty = none
  std::string agent_voice;       // Piper speaker number; empty = kAgentSpeaker
  double voice_variation = 1.0;  // of Piper, 0 .. 1; see LocalVoiceOptions
  LocalSttOptions stt;
};

// Speakers that telephone callers and the recogniser understand well; chosen by measurement.
inline constexpr std::string_view kAgentSpeaker = "300";
inline constexpr std::string_view kCallerSpeaker = "100";

// The first of these with models in it: `given` (an error if it has none); beside the program (../lib/…/agentlocator);
// /usr/share/agentlocator/speech; the folder the program was built with. kNotFound lists where it looked.
Result<std::string> find_speech_folder(const std::string& given);
[[nodiscard]] bool has_local_speech();  // built with AL_LOCAL_SPEECH

class LocalSpeech {
 public:
  // Loads what is asked for (about 0.5 s for recognition, 0.8 s for the voice). A missing folder is an error only when
  // `folder` was given; otherwise the engines are absent and summary() says so.
  static Result<std::unique_ptr<LocalSpeech>> load(const LocalSpeechOptions& options);
  ~LocalSpeech();  // after every provider made from it

  // nullptr when this build or this folder has it not. Each call makes a new provider over the same models.
  [[nodiscard]] std::unique_ptr<dialog::SpeechToText> moonshine();
  [[nodiscard]] std::unique_ptr<dialog::TextToSpeech> piper();
  [[nodiscard]] std::unique_ptr<dialog::TextToSpeech> flite();
  [[nodiscard]] std::unique_ptr<dialog::TextToSpeech> espeak();  // nullptr when espeak-ng is not installed
  [[nodiscard]] std::unique_ptr<dialog::TextToSpeech> clips();

  [[nodiscard]] WorkerPool& stt_pool();
  [[nodiscard]] WorkerPool& tts_pool();
  // models/silero_vad.onnx of the folder; empty when there is none.
  [[nodiscard]] std::string silero_path() const;

  // What is available in which language, one sentence a line, for start-up: "Hebrew recognition needs a provider: …".
  // What a provider does already is not asked for: `heard`, `spoken`.
  [[nodiscard]] std::vector<std::string> summary(std::string_view language, bool heard = false,
                                                 bool spoken = false) const;

 private:
  struct State;
  explicit LocalSpeech(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace al::providers
