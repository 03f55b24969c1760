#include "providers/http_model.h"

#include <utility>

#include "core/log.h"
#include "providers/http_exchange.h"
#include "providers/sink_gate.h"

namespace al::providers {
namespace {

constexpr std::size_t kExcerpt = 300;  // of a refusal, for the log

// One answer: bytes of the exchange in, calls of the sink out.
class Answer final : public HttpExchangeSink {
 public:
  Answer(std::shared_ptr<const ModelDialect> dialect, TurnId turn, std::shared_ptr<dialog::ModelSink> sink)
      : dialect_(std::move(dialect)), reader_(dialect_->reader()), turn_(turn), gate_(std::move(sink)) {
    events_.on_text = [this](std::string_view text) {
      gate_.with([&](dialog::ModelSink& out) { out.on_delta(turn_, std::string(text)); });
    };
    events_.on_tool_call = [this](ToolCall call) {
      gate_.with([&](dialog::ModelSink& out) {
        out.on_tool_call(turn_, std::move(call.id), std::move(call.name), std::move(call.arguments_json));
      });
    };
  }

  void close() { gate_.close(); }

  void on_start(const net::HttpHeaders&) override {}

  bool on_piece(std::string_view bytes) override {
    received_ += bytes.size();
    if (ended_) return received_ < kMaxStreamBytes;  // reads to the end, so that the connection can be used again
    if (received_ > kMaxStreamBytes) return end({.code = Errc::kMalformed, .detail = "the answer does not end"});
    if (auto fed = reader_->feed(bytes, events_); !fed) return end(fed.error());
    if (reader_->done()) succeed();
    return true;
  }

  void on_end() override {
    if (ended_) return;
    if (auto finished = reader_->finish(events_); !finished) {
      end(finished.error());
    } else {
      succeed();
    }
  }

  void on_failed(Error error) override {
    if (std::exchange(ended_, true)) return;
    gate_.with([&](dialog::ModelSink& out) { out.on_failed(turn_, std::move(error)); });
  }

 private:
  bool end(Error error) {
    on_failed({.code = error.code, .detail = dialect_->name() + ": " + error.detail});
    return false;
  }
  void succeed() {
    ended_ = true;
    gate_.with([&](dialog::ModelSink& out) { out.on_done(turn_, reader_->usage()); });
  }

  const std::shared_ptr<const ModelDialect> dialect_;
  const std::unique_ptr<ModelStreamReader> reader_;
  const TurnId turn_;
  SinkGate<dialog::ModelSink> gate_;
  ModelEvents events_;
  std::size_t received_ = 0;
  bool ended_ = false;
};

class Session final : public dialog::ModelSession {
 public:
  Session(std::shared_ptr<Answer> answer, HttpExchange exchange)
      : answer_(std::move(answer)), exchange_(std::move(exchange)) {}
  ~Session() override { answer_->close(); }

 private:
  std::shared_ptr<Answer> answer_;
  HttpExchange exchange_;
};

class HttpModel final : public dialog::LanguageModel {
 public:
  HttpModel(std::shared_ptr<const ModelDialect> dialect, HttpModelOptions options, ProviderContext context)
      : dialect_(std::move(dialect)), options_(options), context_(context) {}

  std::unique_ptr<dialog::ModelSession> start(dialog::ModelRequest request,
                                              std::shared_ptr<dialog::ModelSink> sink) override {
    auto answer = std::make_shared<Answer>(dialect_, request.turn, std::move(sink));
    HttpExchangeRequest exchange{.provider = dialect_->name(),
                                 .http = {.method = "POST",
                                          .url = dialect_->url(),
                                          .headers = dialect_->headers(),
                                          .body = dialect_->body(request),
                                          .timeouts = options_.timeouts,
                                          .max_body = kMaxStreamBytes},
                                 .retry = options_.retry,
                                 .tokens = nullptr};
    // Models differ in what they take, and names of models are no guide: their refusals are.
    exchange.rewrite = [dialect = dialect_, request = std::move(request)](
                           std::string_view refusal, const std::string& sent) -> std::optional<std::string> {
      if (dialect->learn(refusal)) {
        log::warn("LLM_REQUEST_ADAPTED",
                  {{"provider", dialect->name()}, {"why", printable_excerpt(refusal, kExcerpt)}});
      }
      std::string body = dialect->body(request);
      if (body == sent) return std::nullopt;
      return body;
    };
    return std::make_unique<Session>(answer, HttpExchange::start(context_, std::move(exchange), answer));
  }

  void warm_up() override { context_.http.warm(dialect_->url()); }
  [[nodiscard]] std::string name() const override { return dialect_->name(); }

 private:
  std::shared_ptr<const ModelDialect> dialect_;
  HttpModelOptions options_;
  ProviderContext context_;
};

}  // namespace

std::unique_ptr<dialog::LanguageModel> make_http_model(std::shared_ptr<const ModelDialect> dialect,
                                                       HttpModelOptions options, ProviderContext context) {
  return std::make_unique<HttpModel>(std::move(dialect), options, context);
}

}  // namespace al::providers
