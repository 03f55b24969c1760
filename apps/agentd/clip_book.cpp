#include "agentd/clip_book.h"

#include <deque>
#include <filesystem>
#include <set>
#include <utility>

#include "audio/wav_file.h"
#include "core/log.h"
#include "core/secret.h"

namespace al::agentd {
namespace {

// Shorter than this is no sentence (SPEC 10: under 25 ms counts as failed).
constexpr std::size_t kLeastSamples = audio::kSampleRateHz / 40;
constexpr std::size_t kNameDigits = 32;

std::string file_name(std::string_view text) {
  return to_hex(as_bytes(sha256(text))).substr(0, kNameDigits) + ".wav";
}

}  // namespace

struct ClipBook::State {
  dialog::TextToSpeech* voice = nullptr;
  dialog::Voice settings;
  std::string folder;

  std::mutex mutex;
  dialog::Clips clips;
  std::set<std::string, std::less<>> files;
  std::deque<std::string> waiting;
  std::uint64_t spoken = 0;
  std::unique_ptr<dialog::TtsSession> session;
  std::unique_ptr<dialog::TtsSession> finished;  // a session must not be destroyed inside its own last word
  bool stopped = false;
};

// Collects one sentence, then begins the next.
class ClipBook::Speaker final : public dialog::TtsSink, public std::enable_shared_from_this<Speaker> {
 public:
  Speaker(std::shared_ptr<State> state, std::string text) : state_(std::move(state)), text_(std::move(text)) {}

  static void next(const std::shared_ptr<State>& state) {
    // Goes after the lock: its destructor waits for calls into us, and they may wait for the lock.
    std::unique_ptr<dialog::TtsSession> old;
    const std::lock_guard lock(state->mutex);
    old = std::exchange(state->finished, std::move(state->session));
    if (state->stopped || state->waiting.empty()) return;
    auto speaker = std::make_shared<Speaker>(state, std::move(state->waiting.front()));
    state->waiting.pop_front();
    dialog::TtsRequest request;
    request.speech = SpeechId{++state->spoken};
    request.text = speaker->text_;
    request.voice = state->settings;
    state->session = state->voice->start(std::move(request), speaker);
  }

  void on_audio(SpeechId, std::vector<std::int16_t> pcm_8k) override {
    pcm_.insert(pcm_.end(), pcm_8k.begin(), pcm_8k.end());
  }
  void on_done(SpeechId) override {
    if (pcm_.size() < kLeastSamples) {
      log::warn("CLIP_EMPTY", {{"text", text_}});
    } else {
      keep();
    }
    next(state_);
  }
  void on_failed(SpeechId, Error error) override {
    log::warn("CLIP_FAILED", {{"text", text_}, {"why", to_string(error)}});
    next(state_);
  }

 private:
  void keep() {
    bool written = false;
    const std::string name = file_name(text_);
    if (!state_->folder.empty()) {
      // Beside it first: a clip that is being served is never half a file.
      const std::filesystem::path path = std::filesystem::path(state_->folder) / name;
      const std::string beside = path.string() + ".new";
      std::error_code fault;
      if (audio::write_wav(beside, pcm_, audio::kSampleRateHz)) {
        std::filesystem::rename(beside, path, fault);
        written = !fault;
      }
      if (!written) log::warn("CLIP_NOT_WRITTEN", {{"file", path.string()}});
    }
    const std::lock_guard lock(state_->mutex);
    if (written) state_->files.insert(name);
    state_->clips[text_] = std::make_shared<const dialog::Pcm>(std::move(pcm_));
  }

  std::shared_ptr<State> state_;
  std::string text_;
  dialog::Pcm pcm_;
};

ClipBook::ClipBook(dialog::TextToSpeech& voice, dialog::Voice settings, std::string folder)
    : state_(std::make_shared<State>()) {
  state_->voice = &voice;
  state_->settings = std::move(settings);
  if (!folder.empty()) {
    std::error_code fault;
    std::filesystem::create_directories(folder, fault);
    if (fault) log::warn("CLIP_FOLDER", {{"folder", folder}, {"why", fault.message()}});
  }
  state_->folder = std::move(folder);
}

ClipBook::~ClipBook() {
  std::unique_ptr<dialog::TtsSession> session;
  std::unique_ptr<dialog::TtsSession> finished;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    session = std::move(state_->session);
    finished = std::move(state_->finished);
  }
}

void ClipBook::fill(std::vector<std::string> sentences) {
  {
    const std::lock_guard lock(state_->mutex);
    for (std::string& sentence : sentences) {
      if (!sentence.empty()) state_->waiting.push_back(std::move(sentence));
    }
  }
  Speaker::next(state_);
}

dialog::Clips ClipBook::clips() const {
  const std::lock_guard lock(state_->mutex);
  return state_->clips;
}

std::string ClipBook::path_of(std::string_view text) const {
  const std::string name = file_name(text);
  const std::lock_guard lock(state_->mutex);
  return state_->files.contains(name) ? "/static/tts/" + name : std::string();
}

const std::string& ClipBook::folder() const {
  return state_->folder;
}

std::size_t ClipBook::missing() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waiting.size() + (state_->session ? 1 : 0);
}

}  // namespace al::agentd
