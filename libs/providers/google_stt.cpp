#include "providers/google_stt.h"

#include <map>
#include <utility>

#include "providers/google_turn.h"

namespace al::providers {
namespace {

class Session final : public dialog::SttSession {
 public:
  Session(std::shared_ptr<GoogleSttService> service, dialog::SttOptions call, std::shared_ptr<dialog::SttSink> sink)
      : service_(std::move(service)),
        call_(std::move(call)),
        outbox_(std::make_shared<GoogleTurn::Outbox>(std::move(sink))) {}
  ~Session() override {
    outbox_->close();
    for (const auto& [id, turn] : turns_) turn->cancel();
  }

  void start_turn(TurnId id) override {
    constexpr std::size_t kMaxOpenTurns = 4;
    while (turns_.size() >= kMaxOpenTurns) cancel_turn(turns_.begin()->first);
    auto turn = std::make_shared<GoogleTurn>(service_, call_, id, outbox_);
    if (!turns_.emplace(id, turn).second) return;
    turn->begin();
  }
  void feed(TurnId id, std::span<const std::int16_t> pcm_8k) override {
    if (const auto found = turns_.find(id); found != turns_.end()) found->second->feed(pcm_8k);
  }
  void finish_turn(TurnId id) override {
    if (const auto found = turns_.find(id); found != turns_.end()) found->second->finish();
  }
  void cancel_turn(TurnId id) override {
    const auto found = turns_.find(id);
    if (found == turns_.end()) return;
    found->second->cancel();
    turns_.erase(found);
  }

 private:
  const std::shared_ptr<GoogleSttService> service_;
  const dialog::SttOptions call_;
  const std::shared_ptr<GoogleTurn::Outbox> outbox_;
  std::map<TurnId, std::shared_ptr<GoogleTurn>> turns_;
};

class GoogleStt final : public dialog::SpeechToText {
 public:
  explicit GoogleStt(std::shared_ptr<GoogleSttService> service) : service_(std::move(service)) {}
  ~GoogleStt() override { service_->shut_down(); }
  std::unique_ptr<dialog::SttSession> open(const dialog::SttOptions& options,
                                           std::shared_ptr<dialog::SttSink> sink) override {
    warm_up();
    return std::make_unique<Session>(service_, options, std::move(sink));
  }
  void warm_up() override {
    service_->warm_up();
    if (service_->options.tokens) service_->options.tokens->warm_up();
  }
  [[nodiscard]] std::string name() const override { return "google"; }

 private:
  std::shared_ptr<GoogleSttService> service_;
};

}  // namespace

std::unique_ptr<dialog::SpeechToText> make_google_stt(GoogleSttOptions options, Scheduler& scheduler) {
  return std::make_unique<GoogleStt>(std::make_shared<GoogleSttService>(std::move(options), scheduler));
}

}  // namespace al::providers
