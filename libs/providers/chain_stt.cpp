#include "providers/chain_stt_session.h"

namespace al::providers {
namespace {

using dialog::SpeechToText;
using dialog::SttOptions;
using dialog::SttSession;
using dialog::SttSink;

class ChainSession final : public SttSession {
 public:
  explicit ChainSession(std::shared_ptr<chain::SttRelay> shared) : shared_(std::move(shared)) {}
  ~ChainSession() override { shared_->end(); }
  void start_turn(TurnId turn) override { shared_->start_turn(turn); }
  void feed(TurnId turn, std::span<const std::int16_t> pcm_8k) override { shared_->feed(turn, pcm_8k); }
  void finish_turn(TurnId turn) override { shared_->finish_turn(turn); }
  void cancel_turn(TurnId turn) override { shared_->cancel_turn(turn); }

 private:
  const std::shared_ptr<chain::SttRelay> shared_;
};

class SttChain final : public SpeechToText {
 public:
  SttChain(std::shared_ptr<chain::SttCore> core, const SttChainOptions& options)
      : core_(std::move(core)), options_(options) {}

  std::unique_ptr<SttSession> open(const SttOptions& options, std::shared_ptr<SttSink> sink) override {
    auto shared = std::make_shared<chain::SttRelay>(core_, options_, options, std::move(sink));
    shared->open();
    return std::make_unique<ChainSession>(std::move(shared));
  }
  void warm_up() override {
    for (std::size_t i = 0; i < core_->size(); ++i) core_->link(i).provider->warm_up();
  }
  [[nodiscard]] std::string name() const override { return core_->name(); }

 private:
  const std::shared_ptr<chain::SttCore> core_;
  const SttChainOptions options_;
};

}  // namespace

Result<std::unique_ptr<SpeechToText>> make_stt_chain(std::vector<ChainLink<SpeechToText>> links,
                                                     SttChainOptions options, Scheduler& scheduler,
                                                     ProviderObserver* observer) {
  if (links.empty()) return fail(Errc::kMalformed, "a chain of recognisers needs at least one");
  auto core =
      std::make_shared<chain::SttCore>(ProviderStage::kStt, std::move(links), options.breaker, scheduler, observer);
  return std::make_unique<SttChain>(std::move(core), options);
}

}  // namespace al::providers
