#include "providers/deepgram_stt.h"

#include <utility>

#include "providers/deepgram_call.h"

namespace al::providers {
namespace {

class Session final : public dialog::SttSession {
 public:
  explicit Session(std::shared_ptr<DeepgramCall> call) : call_(std::move(call)) {}
  ~Session() override { call_->close(); }
  void start_turn(TurnId turn) override { call_->start_turn(turn); }
  void feed(TurnId turn, std::span<const std::int16_t> pcm_8k) override { call_->feed(turn, pcm_8k); }
  void finish_turn(TurnId turn) override { call_->finish_turn(turn); }
  void cancel_turn(TurnId turn) override { call_->cancel_turn(turn); }

 private:
  std::shared_ptr<DeepgramCall> call_;
};

class Deepgram final : public dialog::SpeechToText {
 public:
  Deepgram(DeepgramOptions options, ProviderContext context) : options_(std::move(options)), context_(context) {}
  std::unique_ptr<dialog::SttSession> open(const dialog::SttOptions& options,
                                           std::shared_ptr<dialog::SttSink> sink) override {
    auto call = std::make_shared<DeepgramCall>(options_, options, context_, std::move(sink));
    call->begin();
    return std::make_unique<Session>(std::move(call));
  }
  [[nodiscard]] std::string name() const override { return "deepgram"; }

 private:
  const DeepgramOptions options_;
  const ProviderContext context_;
};

}  // namespace

Result<std::unique_ptr<dialog::SpeechToText>> make_deepgram_stt(DeepgramOptions options, ProviderContext context) {
  if (options.api_key.empty()) return fail(Errc::kMalformed, "deepgram: no API key is set");
  if (options.model.empty()) return fail(Errc::kMalformed, "deepgram: no model is set");
  const auto url = net::parse_url(options.base_url);
  if (!url || (url->scheme != "wss" && url->scheme != "ws")) {
    return fail(Errc::kMalformed, "deepgram base URL: '" + options.base_url + "' is not a ws or wss URL");
  }
  return std::make_unique<Deepgram>(std::move(options), context);
}

}  // namespace al::providers
