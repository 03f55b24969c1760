#include "providers/local_speech.h"

#include <filesystem>
#include <utility>

#include "core/text.h"
#include "providers/local_espeak.h"
#if AL_LOCAL_SPEECH
#include "providers/local_moonshine.h"
#include "providers/local_piper.h"
#endif

namespace al::providers {
namespace {

namespace fs = std::filesystem;

bool holds_models(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder / "models" / "moonshine-base", ignored) ||
         fs::is_directory(folder / "models" / "moonshine-tiny", ignored) ||
         fs::is_directory(folder / "models" / "piper", ignored);
}

#if AL_LOCAL_SPEECH
Result<std::shared_ptr<const Moonshine>> load_moonshine(const std::string& folder, std::string_view size) {
  auto model = Moonshine::load(folder + "/models/moonshine-" + std::string(size));
  if (!model) return fail(model.error());
  return std::shared_ptr<const Moonshine>(std::move(*model));
}
#endif

}  // namespace

bool has_local_speech() {
  return AL_LOCAL_SPEECH != 0;
}

Result<std::string> find_speech_folder(const std::string& given) {
  if (!given.empty()) {
    if (holds_models(given)) return given;
    return fail(Errc::kNotFound, given +
                                     ": no speech models (models/moonshine-base, models/piper) in this folder; "
                                     "fill it with scripts/fetch-speech");
  }
  std::vector<fs::path> places;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) places.push_back((program.parent_path() / AL_SPEECH_FROM_PROGRAM).lexically_normal());
  places.emplace_back("/usr/share/agentlocator/speech");
  places.emplace_back(AL_SPEECH_BUILD_FOLDER);
  std::string looked;
  for (const auto& place : places) {
    if (place.empty()) continue;
    if (holds_models(place)) return place.string();
    looked += (looked.empty() ? "" : ", ") + place.string();
  }
  return fail(Errc::kNotFound, "no speech models in " + looked + "; set SPEECH_DIR, or run scripts/fetch-speech");
}

struct LocalSpeech::State {
  explicit State(const LocalSpeechOptions& given)
      : options(given),
        stt_pool(given.stt_threads, given.queue, "stt-local"),
        tts_pool(given.tts_threads, given.queue, "tts-local") {}

  LocalSpeechOptions options;
  std::string folder;       // empty: none
  std::string why_missing;  // why there is no folder
  bool espeak = espeak_is_installed();
#if AL_LOCAL_SPEECH
  std::shared_ptr<const Moonshine> recogniser;
  std::shared_ptr<const Moonshine> second;
  std::shared_ptr<const Piper> voice;

  Result<void> load() {
    if (options.recognition) {
      auto first = load_moonshine(folder, options.tiny ? "tiny" : "base");
      if (!first) return fail(first.error());
      recogniser = std::move(*first);
      if (auto other = load_moonshine(folder, options.tiny ? "base" : "tiny")) second = std::move(*other);
    }
    if (options.voice) {
      auto piper = Piper::load(folder + "/models/piper");
      if (!piper) return fail(piper.error());
      voice = std::move(*piper);
    }
    return {};
  }
#endif
  // Last, so that jobs end before what they use.
  WorkerPool stt_pool;
  WorkerPool tts_pool;
};

LocalSpeech::LocalSpeech(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalSpeech::~LocalSpeech() = default;

Result<std::unique_ptr<LocalSpeech>> LocalSpeech::load(const LocalSpeechOptions& options) {
  auto state = std::make_unique<State>(options);
  auto folder = find_speech_folder(options.folder);
  if (!has_local_speech()) {
    state->why_missing = "this program was built without embedded speech (AL_LOCAL_SPEECH=OFF)";
  } else if (folder) {
    state->folder = std::move(*folder);
  } else if (!options.folder.empty()) {
    return fail(folder.error());
  } else {
    state->why_missing = folder.error().detail;
  }
#if AL_LOCAL_SPEECH
  if (!state->folder.empty()) {
    if (const auto loaded = state->load(); !loaded) return fail(loaded.error());
  }
#endif
  return std::unique_ptr<LocalSpeech>(new LocalSpeech(std::move(state)));
}

std::unique_ptr<dialog::SpeechToText> LocalSpeech::moonshine() {
#if AL_LOCAL_SPEECH
  if (state_->recogniser) {
    return make_local_stt(state_->recogniser, state_->second, state_->stt_pool, state_->options.stt);
  }
#endif
  return nullptr;
}

std::unique_ptr<dialog::TextToSpeech> LocalSpeech::piper() {
#if AL_LOCAL_SPEECH
  if (state_->voice) {
    const std::string& chosen = state_->options.agent_voice;
    return make_piper_tts(state_->voice, state_->tts_pool,
                          {.default_voice = chosen.empty() ? std::string(kAgentSpeaker) : chosen,
                           .variation = state_->options.voice_variation});
  }
#endif
  return nullptr;
}

std::unique_ptr<dialog::TextToSpeech> LocalSpeech::flite() {
  return make_flite_tts(state_->tts_pool);
}

std::unique_ptr<dialog::TextToSpeech> LocalSpeech::espeak() {
  return state_->espeak ? make_espeak_tts(state_->tts_pool) : nullptr;
}

std::unique_ptr<dialog::TextToSpeech> LocalSpeech::clips() {
  return make_clip_tts(state_->options.clip_folder, state_->tts_pool);
}

WorkerPool& LocalSpeech::stt_pool() {
  return state_->stt_pool;
}
WorkerPool& LocalSpeech::tts_pool() {
  return state_->tts_pool;
}

std::string LocalSpeech::silero_path() const {
  if (state_->folder.empty()) return {};
  const fs::path path = fs::path(state_->folder) / "models" / "silero_vad.onnx";
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) ? path.string() : std::string{};
}

std::vector<std::string> LocalSpeech::summary(std::string_view language, bool heard, bool spoken) const {
  std::vector<std::string> lines;
  if (!state_->why_missing.empty()) lines.push_back("Embedded speech is limited: " + state_->why_missing + ".");
  bool recogniser = false;
  bool voice = false;
#if AL_LOCAL_SPEECH
  recogniser = state_->recogniser != nullptr;
  voice = state_->voice != nullptr;
#endif
  if (recogniser) {
    lines.push_back(std::string("Embedded recognition (moonshine ") + (state_->options.tiny ? "tiny" : "base") +
                    "): English.");
  }
  lines.push_back(voice ? "Embedded voices: English (piper, flite)." : "Embedded voices: English (flite).");

  const std::string tag = to_lower_ascii(language.substr(0, language.find('-')));
  if (tag == "en") return lines;
  const bool hebrew = tag == "he" || tag == "iw";
  const std::string name = hebrew ? "Hebrew" : "'" + std::string(language) + "'";
  if (!heard) {
    lines.push_back(name +
                    " recognition needs a provider: set STT=google with GOOGLE_APPLICATION_CREDENTIALS, "
                    "STT=deepgram with DEEPGRAM_API_KEY, or STT=whisper with WHISPER_BASE_URL.");
  }
  if (spoken) return lines;
  if (!state_->espeak) {
    lines.push_back(name + " speech needs a provider: espeak-ng is not installed.");
  } else if (hebrew) {
    lines.push_back(
        "Hebrew speech without a provider is espeak-ng: fair on pointed text (niqqud) only. "
        "Set TTS=google, azure or elevenlabs with a key.");
  } else {
    lines.push_back(name + " speech without a provider is espeak-ng: robotic.");
  }
  return lines;
}

}  // namespace al::providers
