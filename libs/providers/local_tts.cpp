#include "providers/local_tts.h"

#include <atomic>
#include <charconv>
#include <filesystem>
#include <functional>
#include <utility>

#include "audio/tone.h"
#include "audio/wav_file.h"
#include "core/text.h"
#include "providers/local_espeak.h"
#include "providers/local_phonemes.h"
#include "providers/sink_gate.h"
#if AL_LOCAL_SPEECH
#include "providers/local_piper.h"
#endif

namespace al::providers {
namespace {

using dialog::TtsRequest;
using dialog::TtsSession;
using dialog::TtsSink;
using Pcm = std::vector<std::int16_t>;

// Speaks one sentence, on a worker's thread.
using Speak = std::function<Result<Pcm>(const std::string& sentence, const std::atomic<bool>& cancelled)>;
// Looks at the request and says how to speak it, or why not.
using Prepare = std::function<Result<Speak>(const TtsRequest& request)>;

// What a session and its jobs share.
struct Speech {
  Speech(SpeechId speech, std::shared_ptr<TtsSink> sink, WorkerPool& workers)
      : id(speech), gate(std::move(sink)), pool(workers) {}
  const SpeechId id;
  SinkGate<TtsSink> gate;
  WorkerPool& pool;
  std::vector<std::string> sentences;
  Speak speak;
  std::size_t next = 0;
  std::atomic<bool> cancelled{false};
  std::atomic<std::uint64_t> job{0};
};

void notice_failure(const std::shared_ptr<Speech>& speech, Error error) {
  const auto job = speech->pool.submit(JobClass::kNotice, [speech, error = std::move(error)] {
    speech->gate.with([&](TtsSink& sink) { sink.on_failed(speech->id, error); });
  });
  static_cast<void>(job);  // refused only while the pool is being destroyed
}

void submit_next(const std::shared_ptr<Speech>& speech);

void speak_next(const std::shared_ptr<Speech>& speech) {
  if (speech->cancelled) return;
  Result<Pcm> pcm = Pcm{};
  if (speech->next < speech->sentences.size()) pcm = speech->speak(speech->sentences[speech->next], speech->cancelled);
  if (!pcm) {
    speech->gate.with([&](TtsSink& sink) { sink.on_failed(speech->id, pcm.error()); });
    return;
  }
  const bool last = ++speech->next >= speech->sentences.size();
  const bool open = speech->gate.with([&](TtsSink& sink) {
    if (!pcm->empty()) sink.on_audio(speech->id, std::move(*pcm));
    if (last) sink.on_done(speech->id);
  });
  if (open && !last) submit_next(speech);
}

// One job at a time for each session, so that sessions take turns.
void submit_next(const std::shared_ptr<Speech>& speech) {
  const JobClass job_class = speech->next == 0 ? JobClass::kSpeech : JobClass::kAhead;
  const auto job = speech->pool.submit(job_class, [speech] { speak_next(speech); });
  if (!job) return notice_failure(speech, job.error());
  speech->job = *job;
}

class LocalTtsSession final : public TtsSession {
 public:
  explicit LocalTtsSession(std::shared_ptr<Speech> speech) : speech_(std::move(speech)) {}
  ~LocalTtsSession() override {
    speech_->cancelled = true;
    speech_->gate.close();
    speech_->pool.cancel(speech_->job);
  }

 private:
  std::shared_ptr<Speech> speech_;
};

class LocalTts final : public dialog::TextToSpeech {
 public:
  LocalTts(std::string name, WorkerPool& pool, Prepare prepare, std::size_t longest)
      : name_(std::move(name)), pool_(pool), prepare_(std::move(prepare)), longest_(longest) {}

  std::unique_ptr<TtsSession> start(TtsRequest request, std::shared_ptr<TtsSink> sink) override {
    auto speech = std::make_shared<Speech>(request.speech, std::move(sink), pool_);
    auto speak = prepare_(request);
    if (speak) {
      speech->speak = std::move(*speak);
      speech->sentences = longest_ == 0 ? std::vector{request.text} : split_sentences(request.text, longest_);
      submit_next(speech);
    } else {
      notice_failure(speech, speak.error());
    }
    return std::make_unique<LocalTtsSession>(std::move(speech));
  }
  [[nodiscard]] std::string name() const override { return name_; }

 private:
  const std::string name_;
  WorkerPool& pool_;
  const Prepare prepare_;
  const std::size_t longest_;  // characters at once; 0 = the whole text
};

std::string primary_tag(std::string_view language) {
  return to_lower_ascii(language.substr(0, language.find('-')));
}

Result<void> needs_english(std::string_view voice, const TtsRequest& request) {
  if (primary_tag(request.voice.language) == "en") return {};
  return fail(Errc::kUnsupported,
              "the embedded voice " + std::string(voice) + " speaks English only, not " + request.voice.language);
}

constexpr std::size_t kLongestSentence = 120;

}  // namespace

#if AL_LOCAL_SPEECH
std::unique_ptr<dialog::TextToSpeech> make_piper_tts(std::shared_ptr<const Piper> voice, WorkerPool& pool,
                                                     LocalVoiceOptions options) {
  Prepare prepare = [voice = std::move(voice), options](const TtsRequest& request) -> Result<Speak> {
    if (const auto english = needs_english("piper", request); !english) return fail(english.error());
    const std::string& name = request.voice.name.empty() ? options.default_voice : request.voice.name;
    int speaker = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), speaker);
    if (!name.empty() &&
        (error != std::errc{} || end != name.data() + name.size() || speaker < 0 || speaker >= voice->speakers())) {
      return fail(Errc::kUnsupported,
                  "no Piper speaker '" + name + "'; there are 0 to " + std::to_string(voice->speakers() - 1));
    }
    PiperOptions settings{.speaker = speaker, .rate = request.voice.rate};
    settings.noise *= static_cast<float>(options.variation);
    settings.noise_width *= static_cast<float>(options.variation);
    return Speak([voice, settings](const std::string& sentence, const std::atomic<bool>&) {
      return voice->speak(sentence, settings);
    });
  };
  return std::make_unique<LocalTts>("piper", pool, std::move(prepare), kLongestSentence);
}
#endif

std::unique_ptr<dialog::TextToSpeech> make_flite_tts(WorkerPool& pool, LocalVoiceOptions options) {
  Prepare prepare = [options](const TtsRequest& request) -> Result<Speak> {
    if (const auto english = needs_english("flite", request); !english) return fail(english.error());
    const std::string& name = request.voice.name.empty() ? options.default_voice : request.voice.name;
    const auto voice = parse_flite_voice(name.empty() ? "rms" : name);
    if (!voice) return fail(Errc::kUnsupported, voice.error().detail);
    return Speak([voice = *voice, rate = request.voice.rate](const std::string& sentence, const std::atomic<bool>&) {
      return Result<Pcm>(flite_speak(sentence, voice, rate));
    });
  };
  return std::make_unique<LocalTts>("flite", pool, std::move(prepare), kLongestSentence);
}

std::unique_ptr<dialog::TextToSpeech> make_espeak_tts(WorkerPool& pool, LocalVoiceOptions options) {
  Prepare prepare = [options](const TtsRequest& request) -> Result<Speak> {
    const std::string tag = primary_tag(request.voice.language);
    EspeakOptions settings{.rate = request.voice.rate};
    settings.language = tag == "iw" ? "he" : tag == "en" ? "en-us" : tag;
    const std::string& variant = request.voice.name.empty() ? options.default_voice : request.voice.name;
    if (!variant.empty()) settings.language += "+" + variant;
    const bool hebrew = settings.language.starts_with("he");
    return Speak([settings, hebrew](const std::string& sentence, const std::atomic<bool>& cancelled) {
      return espeak_speak(hebrew ? simplify_niqqud(sentence) : sentence, settings, &cancelled);
    });
  };
  return std::make_unique<LocalTts>("espeak", pool, std::move(prepare), kLongestSentence);
}

std::unique_ptr<dialog::TextToSpeech> make_clip_tts(std::string folder, WorkerPool& pool) {
  Prepare prepare = [folder = std::move(folder)](const TtsRequest&) -> Result<Speak> {
    return Speak([folder](const std::string& text, const std::atomic<bool>&) -> Result<Pcm> {
      const std::string path = folder + "/" + clip_name(text) + ".wav";
      std::error_code ignored;
      if (folder.empty() || !std::filesystem::is_regular_file(path, ignored)) return audio::make_beep();
      auto clip = audio::read_8k(path);
      return clip && !clip->empty() ? std::move(clip) : Result<Pcm>(audio::make_beep());
    });
  };
  return std::make_unique<LocalTts>("clips", pool, std::move(prepare), 0);
}

}  // namespace al::providers
