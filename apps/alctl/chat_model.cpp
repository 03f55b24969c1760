#include "alctl/chat_model.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/time.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/openai_chat.h"
#include "providers/scheduler.h"

namespace al::alctl {
namespace {

using dialog::ModelRequest;

constexpr seconds kLongestAnswer{30};

class ScriptedModel final : public ChatModel {
 public:
  explicit ScriptedModel(std::shared_ptr<const dialog::Persona> persona) : persona_(std::move(persona)) {}
  ChatAnswer answer(const ModelRequest& request) override {
    ChatAnswer out;
    const Timestamp began = monotonic_now();
    out.answer = dialog::scripted_answer(*persona_, request);
    out.first_ms = static_cast<double>((monotonic_now() - began).count()) / 1000.0;
    return out;
  }
  [[nodiscard]] std::string name() const override { return "scripted"; }

 private:
  std::shared_ptr<const dialog::Persona> persona_;
};

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

class RemoteModel final : public ChatModel {
 public:
  static Result<std::unique_ptr<ChatModel>> open(const Settings& settings) {
    auto model = std::make_unique<RemoteModel>();
    providers::OpenAiChatOptions options;
    options.base_url = settings.string("openai_base_url");
    options.api_key = settings.string("openai_api_key");
    options.model = settings.string("llm_model");
    options.extra_json = settings.string("llm_extra_json");
    auto made =
        providers::make_openai_chat(std::move(options), {model->http_, *model->scheduler_, model->thread_.loop()});
    if (!made) return fail(made.error());
    model->model_ = std::move(*made);
    model->model_->warm_up();
    return model;
  }

  ChatAnswer answer(const ModelRequest& request) override {
    auto sink = std::make_shared<WaitingSink>(monotonic_now());
    const auto session = model_->start(request, sink);
    return sink->wait();
  }
  [[nodiscard]] std::string name() const override { return model_->name(); }

 private:
  net::LoopThread thread_{"chat"};
  net::HttpClient http_;
  std::unique_ptr<providers::Scheduler> scheduler_ = providers::make_timer_thread();
  std::unique_ptr<dialog::LanguageModel> model_;
};

}  // namespace

Result<std::unique_ptr<ChatModel>> make_chat_model(const Settings& settings,
                                                   std::shared_ptr<const dialog::Persona> persona,
                                                   const std::string& wanted) {
  std::string name = wanted;
  if (name == "auto") {
    name = "scripted";
    const bool usable =
        settings.has("llm_model") && (settings.has("openai_api_key") || settings.given("openai_base_url"));
    for (const std::string& preferred : settings.list("llm")) {
      if (preferred == "scripted") break;
      if ((preferred == "openai" || preferred == "auto") && (usable || preferred == "openai")) {
        name = "openai";
        break;
      }
    }
  }
  if (name == "scripted") return std::make_unique<ScriptedModel>(std::move(persona));
  if (!settings.has("llm_model"))
    return fail(Errc::kMalformed, "LLM_MODEL is not set: name the model at OPENAI_BASE_URL");
  return RemoteModel::open(settings);
}

}  // namespace al::alctl
