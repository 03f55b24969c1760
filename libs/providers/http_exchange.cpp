#include "providers/http_exchange.h"

#include <mutex>
#include <optional>
#include <utility>

#include "core/random.h"
#include "providers/google_auth.h"

namespace al::providers {
namespace {
constexpr std::size_t kMaxRefusalBytes = 64 * 1024;
}

class HttpExchange::Run final : public net::HttpSink, public std::enable_shared_from_this<Run> {
 public:
  Run(ProviderContext context, HttpExchangeRequest request, std::shared_ptr<HttpExchangeSink> sink)
      : context_(context), request_(std::move(request)), sink_(std::move(sink)) {}

  // Asks for a token if one is needed, then sends. On the caller's thread or the scheduler's.
  void begin() {
    if (!request_.tokens) {
      send({});
      return;
    }
    request_.tokens->request([self = weak_from_this()](Result<std::string> token) {
      const auto run = self.lock();
      if (!run) return;
      if (token) {
        run->send(std::move(*token));
      } else {
        // Possibly still inside start(): report from the scheduler's thread.
        run->context_.scheduler.at(run->context_.scheduler.now(), [self, error = token.error()] {
          if (const auto later = self.lock()) later->finish_failed(error);
        });
      }
    });
  }

  void cancel() {
    std::optional<net::HttpTransfer> doomed;
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      doomed.emplace(std::move(transfer_));
    }
    doomed.reset();  // waits for a sink call that is running; outside the lock, because that call may want it
  }

  void on_headers(int status, const net::HttpHeaders& headers) override {
    status_ = status;
    headers_ = headers;
    refusal_.clear();
    if (ok() && alive()) sink_->on_start(headers);
  }

  bool on_body(std::string_view piece) override {
    if (!alive() || ended_) return false;
    if (!ok()) {
      if (refusal_.size() + piece.size() <= kMaxRefusalBytes) refusal_.append(piece);
      return true;
    }
    answered_ = true;
    if (sink_->on_piece(piece)) return true;
    ended_ = true;
    return false;
  }

  void on_done(Result<net::ClientResponse> result) override {
    if (!alive() || ended_) return;
    if (result && ok()) {
      ended_ = true;
      sink_->on_end();
      return;
    }
    if (!answered_ && (retry_later(result) || send_rewritten())) return;
    if (result || (status_ != 0 && !ok())) {
      finish_failed(http_refusal(request_.provider, status_, refusal_, headers_, wall_now()));
    } else {
      finish_failed({.code = result.error().code, .detail = request_.provider + ": " + result.error().detail});
    }
  }

 private:
  [[nodiscard]] bool ok() const { return status_ >= 200 && status_ < 300; }

  bool alive() {
    const std::lock_guard lock(mutex_);
    return !cancelled_;
  }

  void send(std::string token) {
    net::ClientRequest http = request_.http;
    if (!body_.empty()) http.body = body_;
    if (!token.empty()) http.headers.push_back({"Authorization", "Bearer " + token});
    status_ = 0;
    int attempt = 0;
    {
      const std::lock_guard lock(mutex_);
      attempt = ++attempts_;
    }
    auto transfer = context_.http.start(std::move(http), shared_from_this());
    // It may have failed, and the next attempt may have begun, before start() came back.
    const std::lock_guard lock(mutex_);
    if (!cancelled_ && attempt == attempts_) std::swap(transfer_, transfer);
  }

  // A connection that broke before any answer, or a refusal that says "later", is tried again within the budget.
  bool retry_later(const Result<net::ClientResponse>& result) {
    const bool connection_lost = !result && status_ == 0 && result.error().code == Errc::kClosed;
    const bool refused = status_ != 0 && !ok() && !quota_is_exhausted(refusal_);
    if (!connection_lost && !refused) return false;
    const Timestamp now = context_.scheduler.now();
    // A connection lost at once is usually a kept-alive one that the server had closed: no reason to wait.
    const bool stale = connection_lost && retries_ == 0;
    std::optional<Duration> delay =
        stale && request_.retry.max_retries > 0
            ? Duration::zero()
            : retry_delay(request_.retry, retries_ + 1, status_, headers_, jitter_.unit(), wall_now(), waited_);
    if (!delay) return false;
    ++retries_;
    waited_ += *delay;
    context_.scheduler.at(now + *delay, [self = weak_from_this()] {
      if (const auto run = self.lock(); run && run->alive()) run->begin();
    });
    return true;
  }

  // The service takes the request in another form: it is sent in that form.
  bool send_rewritten() {
    constexpr int kBadRequest = 400;
    if (status_ != kBadRequest || !request_.rewrite || !body_.empty()) return false;
    auto body = request_.rewrite(refusal_, request_.http.body);
    if (!body) return false;
    body_ = std::move(*body);
    context_.scheduler.at(context_.scheduler.now(), [self = weak_from_this()] {
      if (const auto run = self.lock(); run && run->alive()) run->begin();
    });
    return true;
  }

  void finish_failed(Error error) {
    if (!alive() || std::exchange(ended_, true)) return;
    sink_->on_failed(std::move(error));
  }

  const ProviderContext context_;
  const HttpExchangeRequest request_;
  const std::shared_ptr<HttpExchangeSink> sink_;
  std::mutex mutex_;  // guards the next three
  bool cancelled_ = false;
  int attempts_ = 0;
  net::HttpTransfer transfer_;
  // The rest is touched by one request at a time: the client's calls for it, or what starts the next one.
  int status_ = 0;
  net::HttpHeaders headers_;
  std::string refusal_;
  std::string body_;  // instead of the request's; empty = as it is
  bool answered_ = false;
  bool ended_ = false;
  int retries_ = 0;
  Duration waited_{};
  Random jitter_{static_cast<std::uint64_t>(monotonic_now().time_since_epoch().count())};
};

HttpExchange::HttpExchange() = default;
HttpExchange::~HttpExchange() {
  if (run_) run_->cancel();
}
HttpExchange::HttpExchange(HttpExchange&&) noexcept = default;
HttpExchange& HttpExchange::operator=(HttpExchange&& other) noexcept {
  if (this != &other) {
    if (run_) run_->cancel();
    run_ = std::move(other.run_);
  }
  return *this;
}

HttpExchange HttpExchange::start(ProviderContext context, HttpExchangeRequest request,
                                 std::shared_ptr<HttpExchangeSink> sink) {
  HttpExchange exchange;
  exchange.run_ = std::make_shared<Run>(context, std::move(request), std::move(sink));
  exchange.run_->begin();
  return exchange;
}

}  // namespace al::providers
