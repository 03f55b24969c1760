#include <mutex>
#include <utility>

#include "providers/tts_cache.h"

namespace al::providers {

struct PhraseWarmer::State : std::enable_shared_from_this<PhraseWarmer::State> {
  State(dialog::TextToSpeech& speaker, std::vector<dialog::TtsRequest> texts, Scheduler& timers)
      : voice(speaker), phrases(std::move(texts)), scheduler(timers) {}

  class Sink final : public dialog::TtsSink {
   public:
    explicit Sink(const std::shared_ptr<State>& state) : state_(state) {}
    void on_audio(SpeechId, std::vector<std::int16_t>) override {}
    void on_done(SpeechId) override { end(true); }
    void on_failed(SpeechId, Error) override { end(false); }

   private:
    void end(bool spoken) {
      const auto state = state_.lock();
      if (!state) return;
      {
        const std::lock_guard lock(state->count);
        ++(spoken ? state->progress.spoken : state->progress.failed);
      }
      state->wake();
    }
    const std::weak_ptr<State> state_;
  };

  void wake() {
    scheduler.at(scheduler.now(), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->next();
    });
  }
  // On the scheduler's thread.
  void next() {
    const std::lock_guard lock(work);
    session.reset();
    if (stopped || at == phrases.size()) return;
    session = voice.start(phrases[at++], std::make_shared<Sink>(shared_from_this()));
  }

  dialog::TextToSpeech& voice;
  const std::vector<dialog::TtsRequest> phrases;
  Scheduler& scheduler;
  std::mutex work;  // guards the next three
  std::size_t at = 0;
  bool stopped = false;
  std::unique_ptr<dialog::TtsSession> session;
  std::mutex count;  // guards progress; taken by sinks, which never take `work`
  Progress progress;
};

PhraseWarmer::PhraseWarmer(dialog::TextToSpeech& voice, std::vector<dialog::TtsRequest> phrases, Scheduler& scheduler)
    : state_(std::make_shared<State>(voice, std::move(phrases), scheduler)) {
  state_->progress.total = state_->phrases.size();
  state_->wake();
}

PhraseWarmer::~PhraseWarmer() {
  const std::lock_guard lock(state_->work);
  state_->stopped = true;
  state_->session.reset();
}

PhraseWarmer::Progress PhraseWarmer::progress() const {
  const std::lock_guard lock(state_->count);
  return state_->progress;
}

}  // namespace al::providers
