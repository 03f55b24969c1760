#include "dialog/clause_cutter.h"
#include "providers/chain_race.h"

namespace al::providers {
namespace {

using dialog::LanguageModel;
using dialog::ModelRequest;
using dialog::ModelSession;
using dialog::ModelSink;

struct ModelTraits {
  using Port = LanguageModel;
  using Sink = ModelSink;
  using Session = ModelSession;
  using Request = ModelRequest;
  using ModelRace = chain::Race<ModelTraits>;

  static const std::string& language(const ModelRequest& request) { return request.language; }
  static ModelRequest for_link(const ModelRequest& request, const ChainLink<LanguageModel>&) { return request; }
  static void fail(ModelSink& sink, const ModelRequest& request, const Error& error) {
    sink.on_failed(request.turn, error);
  }
  static std::unique_ptr<ModelSession> start(LanguageModel& port, ModelRequest request,
                                             const std::shared_ptr<ModelRace>& race, std::size_t attempt);
};
using ModelRace = ModelTraits::ModelRace;

// Hears one link.
class LinkSink final : public ModelSink {
 public:
  LinkSink(const std::shared_ptr<ModelRace>& race, std::size_t attempt) : race_(race), attempt_(attempt) {}

  // The engine speaks from the first clause on. What comes before is of no use to it, and can still be taken back.
  void on_delta(TurnId turn, std::string text) override {
    const bool blank = text.find_first_not_of(" \n\t") == std::string::npos;
    some_ = some_ || !blank;
    if (!decided_) decided_ = !cutter_.feed(text) || cutter_.next().has_value();
    const chain::Weight weight = decided_ ? chain::Weight::kDecides
                                 : blank  ? chain::Weight::kNothing
                                          : chain::Weight::kSome;
    output(weight, [turn, text = std::move(text)](ModelSink& sink) { sink.on_delta(turn, text); });
  }
  void on_tool_call(TurnId turn, std::string id, std::string name, std::string arguments_json) override {
    some_ = true;
    output(chain::Weight::kDecides,
           [turn, id = std::move(id), name = std::move(name), arguments = std::move(arguments_json)](ModelSink& sink) {
             sink.on_tool_call(turn, id, name, arguments);
           });
  }
  void on_done(TurnId turn, dialog::ModelUsage usage) override {
    if (const auto race = race_.lock()) {
      race->done(attempt_, some_, [turn, usage](ModelSink& sink) { sink.on_done(turn, usage); });
    }
  }
  void on_failed(TurnId, Error error) override {
    if (const auto race = race_.lock()) race->failed(attempt_, std::move(error));
  }

 private:
  void output(chain::Weight weight, ModelRace::Call call) {
    if (const auto race = race_.lock()) race->output(attempt_, weight, std::move(call));
  }

  const std::weak_ptr<ModelRace> race_;
  const std::size_t attempt_;
  bool some_ = false;     // a word or a tool call came
  bool decided_ = false;  // a whole clause came
  dialog::ClauseCutter cutter_;
};

std::unique_ptr<ModelSession> ModelTraits::start(LanguageModel& port, ModelRequest request,
                                                 const std::shared_ptr<ModelRace>& race, std::size_t attempt) {
  return port.start(std::move(request), std::make_shared<LinkSink>(race, attempt));
}

}  // namespace

Result<std::unique_ptr<LanguageModel>> make_model_chain(std::vector<ChainLink<LanguageModel>> links,
                                                        ModelChainOptions options, Scheduler& scheduler,
                                                        ProviderObserver* observer) {
  const chain::RaceTimes times{options.hedge_after, options.first_deadline, options.progress_deadline,
                               options.last_deadline};
  return chain::make_race_chain<ModelTraits>(ProviderStage::kModel, std::move(links), times, options.breaker, scheduler,
                                             observer, "language models");
}

}  // namespace al::providers
