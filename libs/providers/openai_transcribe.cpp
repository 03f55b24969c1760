#include "providers/openai_transcribe.h"

#include <atomic>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "audio/format.h"
#include "audio/resampler.h"
#include "core/json.h"
#include "core/secret.h"
#include "core/utf8.h"
#include "providers/http_exchange.h"
#include "providers/model_dialect.h"
#include "providers/sink_gate.h"
#include "providers/transcribe_wire.h"
#include "providers/turn_audio.h"

namespace al::providers {
namespace {

constexpr std::size_t kMaxReply = 256 * 1024;

struct Setup {
  OpenAiTranscribeOptions options;
  ProviderContext context;
};
using Gate = SinkGate<dialog::SttSink>;

// The upload of one turn.
class Upload final : public HttpExchangeSink {
 public:
  Upload(std::string name, TurnId turn, std::shared_ptr<Gate> gate)
      : name_(std::move(name)), turn_(turn), gate_(std::move(gate)) {}

  void cancel() { cancelled_ = true; }
  void on_start(const net::HttpHeaders&) override { body_.clear(); }
  bool on_piece(std::string_view bytes) override {
    if (body_.size() + bytes.size() > kMaxReply) {
      on_failed({.code = Errc::kMalformed, .detail = name_ + ": the answer does not end"});
      return false;
    }
    body_.append(bytes);
    return true;
  }
  void on_end() override {
    auto text = read_transcription(body_);
    if (!text) {
      on_failed({.code = text.error().code, .detail = name_ + ": " + text.error().detail});
      return;
    }
    with_sink([&](dialog::SttSink& out) { out.on_final(turn_, std::move(*text), 0.0F); });
  }
  void on_failed(Error error) override {
    with_sink([&](dialog::SttSink& out) { out.on_failed(turn_, std::move(error)); });
  }

 private:
  template <typename Use>
  void with_sink(Use&& use) {
    if (!cancelled_) gate_->with(std::forward<Use>(use));
  }

  const std::string name_;
  const TurnId turn_;
  const std::shared_ptr<Gate> gate_;
  std::string body_;
  std::atomic<bool> cancelled_{false};
};

struct Turn {
  TurnAudio audio;
  std::shared_ptr<Upload> upload;
  HttpExchange exchange;
};

class Session final : public dialog::SttSession {
 public:
  Session(std::shared_ptr<const Setup> setup, dialog::SttOptions call, std::shared_ptr<dialog::SttSink> sink)
      : setup_(std::move(setup)), call_(std::move(call)), gate_(std::make_shared<Gate>(std::move(sink))) {}
  ~Session() override { gate_->close(); }

  void start_turn(TurnId turn) override {
    // Turns that were answered are no longer needed; only a late upload may still run.
    constexpr std::size_t kMaxOpenTurns = 4;
    while (turns_.size() >= kMaxOpenTurns) cancel_turn(turns_.begin()->first);
    turns_.insert_or_assign(turn, Turn{TurnAudio(setup_->options.max_turn), nullptr, {}});
  }
  void feed(TurnId turn, std::span<const std::int16_t> pcm_8k) override {
    const auto found = turns_.find(turn);
    if (found != turns_.end() && !found->second.upload) found->second.audio.append(pcm_8k);
  }
  void finish_turn(TurnId turn) override {
    const auto found = turns_.find(turn);
    if (found == turns_.end() || found->second.upload) return;
    Turn& open = found->second;
    open.upload = std::make_shared<Upload>(setup_->options.name, turn, gate_);
    // Whisper invents words for silence and refuses files without frames.
    constexpr std::size_t kLeastSamples = audio::kSampleRateHz / 10;
    if (open.audio.samples().size() < kLeastSamples) {
      setup_->context.scheduler.at(setup_->context.scheduler.now(), [gate = gate_, turn] {
        gate->with([&](dialog::SttSink& out) { out.on_final(turn, {}, 0.0F); });
      });
      return;
    }
    open.exchange = HttpExchange::start(setup_->context, request(open.audio.samples()), open.upload);
    open.audio = TurnAudio(setup_->options.max_turn);
  }
  void cancel_turn(TurnId turn) override {
    const auto found = turns_.find(turn);
    if (found == turns_.end()) return;
    if (found->second.upload) found->second.upload->cancel();
    turns_.erase(found);
  }

 private:
  HttpExchangeRequest request(std::span<const std::int16_t> pcm_8k) const {
    const OpenAiTranscribeOptions& options = setup_->options;
    TranscriptionUpload upload = write_transcription(
        {.pcm_8k = pcm_8k,
         .model = options.model,
         .language = call_.language,
         .hints = options.hints_as_prompt ? std::span<const std::string>(call_.hints) : std::span<const std::string>(),
         .boundary = "al-" + to_hex(random_bytes(16))});
    net::ClientRequest http{.method = "POST",
                            .url = options.base_url + "/audio/transcriptions",
                            .headers = {{"Content-Type", std::move(upload.content_type)}},
                            .body = std::move(upload.body),
                            .timeouts = options.timeouts,
                            .max_body = 2 * kMaxReply};
    if (!options.api_key.empty()) http.headers.push_back({"Authorization", "Bearer " + options.api_key});
    return {.provider = options.name, .http = std::move(http), .retry = options.retry, .tokens = nullptr};
  }

  const std::shared_ptr<const Setup> setup_;
  const dialog::SttOptions call_;
  const std::shared_ptr<Gate> gate_;
  std::map<TurnId, Turn> turns_;
};

class OpenAiTranscribe final : public dialog::SpeechToText {
 public:
  explicit OpenAiTranscribe(Setup setup) : setup_(std::make_shared<const Setup>(std::move(setup))) {}
  std::unique_ptr<dialog::SttSession> open(const dialog::SttOptions& options,
                                           std::shared_ptr<dialog::SttSink> sink) override {
    warm_up();
    return std::make_unique<Session>(setup_, options, std::move(sink));
  }
  void warm_up() override { setup_->context.http.warm(setup_->options.base_url); }
  [[nodiscard]] std::string name() const override { return setup_->options.name; }

 private:
  std::shared_ptr<const Setup> setup_;
};

}  // namespace

Result<std::unique_ptr<dialog::SpeechToText>> make_openai_transcribe(OpenAiTranscribeOptions options,
                                                                     ProviderContext context) {
  if (options.model.empty()) return fail(Errc::kMalformed, options.name + ": no model is set");
  if (auto checked = check_base_url(options.base_url, options.name + " base URL"); !checked)
    return fail(checked.error());
  return std::make_unique<OpenAiTranscribe>(Setup{.options = std::move(options), .context = context});
}

}  // namespace al::providers
