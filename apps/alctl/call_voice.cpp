#include "alctl/call_voice.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "audio/g711.h"
#include "audio/wav_file.h"
#include "core/utf8.h"
#include "providers/local_speech.h"

namespace al::alctl {
namespace {

constexpr std::chrono::seconds kPatience{60};

// Collects what a provider says and lets one thread wait for the end of it.
template <typename Value>
class Waiting {
 public:
  void finish(Result<Value> result) {
    const std::lock_guard lock(mutex_);
    if (!result_) result_ = std::move(result);
    ready_.notify_all();
  }
  Result<Value> wait() {
    std::unique_lock lock(mutex_);
    if (!ready_.wait_for(lock, kPatience, [&] { return result_.has_value(); })) {
      return fail(Errc::kTimeout, "the embedded speech engine did not answer");
    }
    return *result_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<Result<Value>> result_;
};

class SpokenText : public dialog::TtsSink, public Waiting<std::vector<std::int16_t>> {
 public:
  void on_audio(SpeechId, std::vector<std::int16_t> pcm) override { pcm_.insert(pcm_.end(), pcm.begin(), pcm.end()); }
  void on_done(SpeechId) override { finish(std::move(pcm_)); }
  void on_failed(SpeechId, Error error) override { finish(fail(std::move(error))); }

 private:
  std::vector<std::int16_t> pcm_;  // sink calls come one at a time
};

class HeardText : public dialog::SttSink, public Waiting<std::string> {
 public:
  void on_partial(TurnId, std::string, float) override {}
  void on_final(TurnId, std::string text, float) override { finish(std::move(text)); }
  void on_failed(TurnId, Error error) override { finish(fail(std::move(error))); }
};

CallerLine make_line(std::string text, std::string source, const std::vector<std::int16_t>& pcm) {
  CallerLine line{std::move(text), std::move(source), {}};
  std::vector<std::uint8_t> ulaw(pcm.size());
  audio::encode_ulaw(pcm, ulaw);
  line.ulaw = trim_silence(ulaw);
  return line;
}

bool has_hebrew(std::string_view text) {
  for (const char32_t c : decode_utf8(text)) {
    if (c >= 0x590 && c <= 0x5FF) return true;
  }
  return false;
}

}  // namespace

Result<CallerLine> line_from_file(const std::string& path) {
  const bool raw = path.ends_with(".ulaw") || path.ends_with(".ul") || path.ends_with(".raw");
  const auto pcm = raw ? audio::read_raw_ulaw(path) : audio::read_8k(path);
  if (!pcm) return fail(pcm.error());
  CallerLine line = make_line({}, path, *pcm);
  if (line.ulaw.empty()) return fail(Errc::kMalformed, path + " holds nothing but silence");
  return line;
}

struct CallVoice::State {
  std::unique_ptr<providers::LocalSpeech> speech;
  std::unique_ptr<dialog::SpeechToText> ears;
  std::unique_ptr<dialog::TextToSpeech> english;
  std::unique_ptr<dialog::TextToSpeech> other;
};

CallVoice::CallVoice(std::unique_ptr<State> state) : state_(std::move(state)) {}
CallVoice::~CallVoice() = default;

Result<std::unique_ptr<CallVoice>> CallVoice::load(const std::string& speech_folder, bool voice, bool recognition) {
  providers::LocalSpeechOptions options;
  options.folder = speech_folder;
  options.voice = voice;
  options.recognition = recognition;
  options.stt.partials = false;
  options.voice_variation = 0;  // a caller who says the same thing the same way, call after call
  auto speech = providers::LocalSpeech::load(options);
  if (!speech) return fail(speech.error());
  auto state = std::make_unique<State>();
  state->speech = std::move(*speech);
  if (recognition) state->ears = state->speech->moonshine();
  if (voice) {
    state->english = state->speech->piper();
    if (!state->english) state->english = state->speech->flite();
    state->other = state->speech->espeak();
  }
  return std::unique_ptr<CallVoice>(new CallVoice(std::move(state)));
}

Result<CallerLine> CallVoice::line_from_text(const std::string& text, const std::string& language) {
  dialog::TtsRequest request;
  request.speech = SpeechId{1};
  request.turn = TurnId{1};
  request.text = text;
  request.voice.language = has_hebrew(text) ? "he-IL" : language;
  request.voice.rate = 1.0;
  const bool english = request.voice.language.starts_with("en");
  dialog::TextToSpeech* voice = english ? state_->english.get() : state_->other.get();
  if (voice == nullptr) {
    return fail(Errc::kUnsupported, english ? "this build has no embedded voice: give --say FILE instead of --text"
                                            : "no voice speaks " + request.voice.language +
                                                  " here: install espeak-ng, or give --say FILE instead of --text");
  }
  if (english && voice->name() == "piper") request.voice.name = providers::kCallerSpeaker;
  const auto sink = std::make_shared<SpokenText>();
  const auto session = voice->start(request, sink);
  const auto pcm = sink->wait();
  if (!pcm) return fail(pcm.error());
  CallerLine line = make_line(text, "text", *pcm);
  if (line.ulaw.empty()) return fail(Errc::kUnsupported, "the voice made no sound of '" + text + "'");
  return line;
}

bool CallVoice::can_listen() const {
  return state_->ears != nullptr;
}

Result<std::string> CallVoice::transcribe(const std::vector<std::uint8_t>& ulaw) {
  if (!state_->ears) return fail(Errc::kUnsupported, "this build has no embedded recogniser");
  std::vector<std::int16_t> pcm(ulaw.size());
  audio::decode_ulaw(ulaw, pcm);
  dialog::SttOptions options;
  options.language = "en-US";
  const auto sink = std::make_shared<HeardText>();
  const auto session = state_->ears->open(options, sink);
  const TurnId turn{1};
  session->start_turn(turn);
  session->feed(turn, pcm);
  session->finish_turn(turn);
  return sink->wait();
}

}  // namespace al::alctl
