#include "alctl/chat_model.h"

#include <utility>

#include "alctl/own_providers.h"

namespace al::alctl {
namespace {

using dialog::ModelRequest;

class AnswerSink final : public dialog::ModelSink, public Collected<ChatAnswer> {
 public:
  explicit AnswerSink(Timestamp began) : began_(began) {}

  void on_delta(TurnId, std::string text) override {
    change([&](ChatAnswer& value) {
      if (value.first_ms == 0) value.first_ms = static_cast<double>((monotonic_now() - began_).count()) / 1000.0;
      value.answer.sentences.push_back(std::move(text));
    });
  }
  void on_tool_call(TurnId, std::string, std::string name, std::string arguments_json) override {
    change([&](ChatAnswer& value) { value.answer.tools.push_back({std::move(name), std::move(arguments_json)}); });
  }
  void on_done(TurnId, dialog::ModelUsage) override { finish({}); }
  void on_failed(TurnId, Error error) override { finish(to_string(error)); }

 private:
  const Timestamp began_;
};

class ProviderModel final : public ChatModel {
 public:
  explicit ProviderModel(std::unique_ptr<OwnProviders> providers) : providers_(std::move(providers)) {
    providers_->set.llm->warm_up();
  }

  ChatAnswer answer(const ModelRequest& request) override {
    const auto sink = std::make_shared<AnswerSink>(monotonic_now());
    const auto session = providers_->set.llm->start(request, sink);
    auto [value, problem] = sink->wait();
    value.problem = std::move(problem);
    value.answer.failed = !value.problem.empty();
    return std::move(value);
  }
  [[nodiscard]] std::string name() const override { return providers_->set.llm->name(); }
  [[nodiscard]] const std::vector<std::string>& warnings() const override { return providers_->set.warnings; }

 private:
  std::unique_ptr<OwnProviders> providers_;
};

}  // namespace

Result<std::unique_ptr<ChatModel>> make_chat_model(const Settings& settings,
                                                   std::shared_ptr<const dialog::Persona> persona) {
  providers::FactoryWants wants;
  wants.stt = wants.tts = wants.warm_phrases = false;
  auto opened = OwnProviders::open(settings, std::move(persona), wants);
  if (!opened) return fail(opened.error());
  return std::make_unique<ProviderModel>(std::move(*opened));
}

}  // namespace al::alctl
