#include "alctl/chat_model.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/time.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/factory.h"
#include "providers/local_speech.h"
#include "providers/scheduler.h"

namespace al::alctl {
namespace {

using dialog::ModelRequest;

constexpr seconds kLongestAnswer{30};

// Collects what a provider's thread delivers, for one waiting reader.
class WaitingSink final : public dialog::ModelSink {
 public:
  explicit WaitingSink(Timestamp began) : began_(began) {}

  void on_delta(TurnId, std::string text) override {
    const std::lock_guard lock(mutex_);
    if (answer_.first_ms == 0) answer_.first_ms = static_cast<double>((monotonic_now() - began_).count()) / 1000.0;
    answer_.answer.sentences.push_back(std::move(text));
  }
  void on_tool_call(TurnId, std::string, std::string name, std::string arguments_json) override {
    const std::lock_guard lock(mutex_);
    answer_.answer.tools.push_back({std::move(name), std::move(arguments_json)});
  }
  void on_done(TurnId, dialog::ModelUsage) override { finish({}); }
  void on_failed(TurnId, Error error) override { finish(to_string(error)); }

  ChatAnswer wait() {
    std::unique_lock lock(mutex_);
    if (!ready_.wait_for(lock, kLongestAnswer, [this] { return done_; }))
      answer_.problem = "no answer within 30 seconds";
    answer_.answer.failed = !answer_.problem.empty();
    return answer_;
  }

 private:
  void finish(std::string problem) {
    const std::lock_guard lock(mutex_);
    answer_.problem = std::move(problem);
    done_ = true;
    ready_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable ready_;
  Timestamp began_;
  ChatAnswer answer_;
  bool done_ = false;
};

class ProviderModel final : public ChatModel {
 public:
  static Result<std::unique_ptr<ChatModel>> open(const Settings& settings,
                                                 std::shared_ptr<const dialog::Persona> persona) {
    auto model = std::make_unique<ProviderModel>();
    providers::FactoryWants wants;
    wants.stt = wants.tts = wants.warm_phrases = false;
    auto made = providers::make_providers(settings, std::move(persona),
                                          {model->http_, model->thread_.loop(), *model->scheduler_, nullptr}, wants);
    if (!made) return fail(made.error());
    model->set_ = std::move(*made);
    model->set_.llm->warm_up();
    return model;
  }

  ChatAnswer answer(const ModelRequest& request) override {
    auto sink = std::make_shared<WaitingSink>(monotonic_now());
    const auto session = set_.llm->start(request, sink);
    return sink->wait();
  }
  [[nodiscard]] std::string name() const override { return set_.llm->name(); }
  [[nodiscard]] const std::vector<std::string>& warnings() const override { return set_.warnings; }

 private:
  net::LoopThread thread_{"chat"};
  net::HttpClient http_;
  std::unique_ptr<providers::Scheduler> scheduler_ = providers::make_timer_thread();
  providers::ProviderSet set_;  // last: it uses the rest
};

}  // namespace

Result<std::unique_ptr<ChatModel>> make_chat_model(const Settings& settings,
                                                   std::shared_ptr<const dialog::Persona> persona) {
  return ProviderModel::open(settings, std::move(persona));
}

}  // namespace al::alctl
