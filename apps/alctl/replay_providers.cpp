#include "alctl/replay_providers.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "core/time.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/factory.h"
#include "providers/local_speech.h"
#include "providers/scheduler.h"

namespace al::alctl {
namespace {

constexpr seconds kLongest{30};

// What one request brings, collected on the providers' threads for one waiting reader.
template <typename Value>
class Collected {
 public:
  template <typename Change>
  void change(Change apply) {
    const std::lock_guard lock(mutex_);
    apply(value_);
  }
  void finish(std::string problem) {
    const std::lock_guard lock(mutex_);
    problem_ = std::move(problem);
    done_ = true;
    ready_.notify_one();
  }
  Value wait(std::vector<std::string>& problems) {
    std::unique_lock lock(mutex_);
    if (!ready_.wait_for(lock, kLongest, [this] { return done_; })) problem_ = "no answer within 30 seconds";
    if (!problem_.empty()) problems.push_back(problem_);
    return std::exchange(value_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  Value value_{};
  std::string problem_;
  bool done_ = false;
};

class Heard final : public dialog::SttSink, public Collected<std::string> {
 public:
  void on_partial(TurnId, std::string, float) override {}
  void on_final(TurnId, std::string text, float) override {
    change([&](std::string& value) { value = std::move(text); });
    finish({});
  }
  void on_failed(TurnId, Error error) override { finish(to_string(error)); }
};

class Said final : public dialog::ModelSink, public Collected<std::vector<std::string>> {
 public:
  void on_delta(TurnId, std::string text) override {
    change([&](auto& deltas) { deltas.push_back(std::move(text)); });
  }
  void on_tool_call(TurnId, std::string, std::string, std::string) override {}  // a replay runs no tools
  void on_done(TurnId, dialog::ModelUsage) override { finish({}); }
  void on_failed(TurnId, Error error) override { finish(to_string(error)); }
};

class Spoken final : public dialog::TtsSink, public Collected<std::vector<std::int16_t>> {
 public:
  void on_audio(SpeechId, std::vector<std::int16_t> pcm) override {
    change([&](auto& all) { all.insert(all.end(), pcm.begin(), pcm.end()); });
  }
  void on_done(SpeechId) override { finish({}); }
  void on_failed(SpeechId, Error error) override { finish(to_string(error)); }
};

}  // namespace

struct WireProviders::Impl {
  std::shared_ptr<const dialog::Persona> persona;
  Settings settings;
  Wants wants;
  std::vector<std::string> problems;
  std::uint64_t speeches = 0;
  TurnId turn;
  net::LoopThread thread{"replay"};
  net::HttpClient http;
  std::unique_ptr<providers::Scheduler> scheduler = providers::make_timer_thread();
  providers::ProviderSet set;  // last: it uses the rest
};

WireProviders::WireProviders(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WireProviders::~WireProviders() = default;
const std::vector<std::string>& WireProviders::problems() const {
  return impl_->problems;
}

Result<std::unique_ptr<WireProviders>> WireProviders::open(const Settings& settings,
                                                           std::shared_ptr<const dialog::Persona> persona,
                                                           Wants wants) {
  auto impl = std::make_unique<Impl>();
  impl->persona = persona;
  impl->settings = settings;
  impl->wants = wants;
  // Nothing of a replay stays on this machine.
  if (auto set = impl->settings.set("tts_cache_mb", "0"); !set) return fail(set.error());
  providers::FactoryWants build;
  build.stt = wants.stt;
  build.llm = wants.llm;
  build.tts = wants.tts;
  build.warm_phrases = false;
  auto made = providers::make_providers(impl->settings, std::move(persona),
                                        {impl->http, impl->thread.loop(), *impl->scheduler, nullptr}, build);
  if (!made) return fail(made.error());
  impl->set = std::move(*made);
  return std::unique_ptr<WireProviders>(new WireProviders(std::move(impl)));
}

void WireProviders::serve(ReplayProviders& providers) {
  Impl& my = *impl_;
  if (my.wants.stt) {
    providers.recognise = [&my](const std::vector<std::int16_t>& pcm) {
      const auto sink = std::make_shared<Heard>();
      dialog::SttOptions options;
      options.language = my.persona->language;
      options.hints = my.persona->hints;
      options.call = "replay";
      const auto session = my.set.stt->open(options, sink);
      my.turn = my.turn.next();
      session->start_turn(my.turn);
      session->feed(my.turn, pcm);
      session->finish_turn(my.turn);
      return sink->wait(my.problems);
    };
  }
  if (my.wants.llm) {
    providers.answer = [&my](const dialog::ModelRequest& request) {
      const auto sink = std::make_shared<Said>();
      const auto session = my.set.llm->start(request, sink);
      return sink->wait(my.problems);
    };
  }
  if (my.wants.tts) {
    providers.speak = [&my](const std::string& text) {
      const auto sink = std::make_shared<Spoken>();
      dialog::TtsRequest request;
      request.speech = {++my.speeches};
      request.text = text;
      request.voice.language = my.persona->language;
      request.voice.rate = my.settings.number("tts_rate");
      request.call = "replay";
      const auto session = my.set.tts->start(std::move(request), sink);
      return sink->wait(my.problems);
    };
  }
}

}  // namespace al::alctl
