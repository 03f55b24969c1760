// The token sources of google_auth.h: fixed, self-signed, exchanged.
#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/log.h"
#include "providers/google_auth.h"
#include "providers/http_exchange.h"
#include "providers/tts_dialect.h"

namespace al::providers {
namespace {

constexpr milliseconds kRefreshBefore{5 * 60 * 1000};
constexpr milliseconds kLeastLife{60 * 1000};  // a token handed out is good for at least this
constexpr std::size_t kMaxWaiting = 1024;

class FixedTokens final : public TokenSource {
 public:
  explicit FixedTokens(std::string token) : token_(std::move(token)) {}
  void request(Done done) override { done(token_); }

 private:
  const std::string token_;
};

class SelfSignedTokens final : public TokenSource {
 public:
  SelfSignedTokens(ServiceAccountKey key, std::string audience, WallClock clock)
      : key_(std::move(key)), audience_(std::move(audience)), clock_(std::move(clock)) {}

  void request(Done done) override { done(current()); }
  void warm_up() override { (void)current(); }

 private:
  Result<std::string> current() {
    constexpr seconds kLifetime{3600};
    const WallTime now = clock_();
    const std::lock_guard lock(mutex_);
    // A clock that was set back must not keep a token from the future in use.
    const bool usable = !token_.empty() && now >= issued_ && now < issued_ + kLifetime - kRefreshBefore;
    if (!usable) {
      auto signed_token = sign_jwt(key_, {.audience = audience_, .scope = {}, .issued_at = now, .lifetime = kLifetime});
      if (!signed_token) return signed_token;
      token_ = std::move(*signed_token);
      issued_ = now;
    }
    return token_;
  }

  const ServiceAccountKey key_;
  const std::string audience_;
  const WallClock clock_;
  std::mutex mutex_;
  std::string token_;
  WallTime issued_{};
};

// The state is shared with the exchange under way, which may outlive the source by one callback.
class ExchangeState final : public HttpExchangeSink, public std::enable_shared_from_this<ExchangeState> {
 public:
  ExchangeState(ServiceAccountKey key, std::string scope, ProviderContext context, WallClock clock)
      : key_(std::move(key)), scope_(std::move(scope)), context_(context), clock_(std::move(clock)) {}

  void request(TokenSource::Done done) {
    std::string token;
    {
      const std::lock_guard lock(mutex_);
      const WallTime now = clock_();
      const bool usable = !token_.empty() && now + kLeastLife < expires_;
      const bool renew = !usable || now >= renew_at_;
      if (usable) token = token_;
      if (renew && !running_) start(now);
      if (!usable && waiting_.size() < kMaxWaiting) {
        waiting_.push_back(std::move(done));
        return;
      }
    }
    if (token.empty()) {
      done(fail(Errc::kRateLimited, "token exchange: too many calls wait for a token"));
    } else {
      done(std::move(token));
    }
  }

  void warm_up() {
    const std::lock_guard lock(mutex_);
    const WallTime now = clock_();
    if (!running_ && (token_.empty() || now >= renew_at_)) start(now);
  }

  void shut_down() {
    HttpExchange doomed;
    {
      const std::lock_guard lock(mutex_);
      std::swap(doomed, exchange_);
    }
    doomed = HttpExchange();
    settle(fail(Errc::kClosed, "token exchange: shutting down"));
  }

  void on_start(const net::HttpHeaders&) override { body_.clear(); }
  bool on_piece(std::string_view bytes) override {
    constexpr std::size_t kMaxReply = 64 * 1024;
    if (body_.size() + bytes.size() <= kMaxReply) body_.append(bytes);
    return true;
  }
  void on_end() override { settle(read_reply()); }
  void on_failed(Error error) override {
    if (error.detail.find("invalid_grant") != std::string::npos) {
      error.detail += " (is this machine's clock right, and is the key still valid?)";
    }
    settle(fail(std::move(error)));
  }

 private:
  // With mutex_ held.
  void start(WallTime now) {
    auto assertion =
        sign_jwt(key_, {.audience = key_.token_uri, .scope = scope_, .with_subject = false, .issued_at = now});
    running_ = true;
    if (!assertion) {
      context_.scheduler.at(context_.scheduler.now(),
                            [self = shared_from_this(), error = assertion.error()] { self->settle(fail(error)); });
      return;
    }
    std::string form = "grant_type=" + percent_encode("urn:ietf:params:oauth:grant-type:jwt-bearer") +
                       "&assertion=" + percent_encode(*assertion);
    HttpExchangeRequest request{.provider = "token exchange",
                                .http = {.method = "POST",
                                         .url = key_.token_uri,
                                         .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                                         .body = std::move(form),
                                         .timeouts = kProviderTimeouts,
                                         .max_body = 64 * 1024},
                                .retry = {},
                                .tokens = nullptr};
    exchange_ = HttpExchange::start(context_, std::move(request), shared_from_this());
  }

  Result<std::string> read_reply() {
    const auto document = parse_json(body_);
    if (!document) return fail(Errc::kMalformed, "token exchange: the reply is not JSON");
    std::string token = json_string(*document, "access_token");
    if (token.empty()) return fail(Errc::kMalformed, "token exchange: the reply has no 'access_token'");
    const auto life = seconds(std::clamp<std::int64_t>(json_int(*document, "expires_in").value_or(3600), 0, 86400));
    const std::lock_guard lock(mutex_);
    const WallTime now = clock_();
    token_ = token;
    expires_ = now + life;
    renew_at_ = life > 2 * kRefreshBefore ? expires_ - kRefreshBefore
                                          : now + std::chrono::duration_cast<milliseconds>(life) / 2;
    return token;
  }

  void settle(Result<std::string> outcome) {
    std::vector<TokenSource::Done> waiting;
    {
      const std::lock_guard lock(mutex_);
      running_ = false;
      waiting.swap(waiting_);
    }
    if (!outcome) log::warn("TOKEN_EXCHANGE_FAILED", {{"error", to_string(outcome.error())}});
    for (const auto& done : waiting) done(outcome);
  }

  const ServiceAccountKey key_;
  const std::string scope_;
  const ProviderContext context_;
  const WallClock clock_;
  std::string body_;  // of the reply under way; the client's thread only
  std::mutex mutex_;  // guards the rest
  std::string token_;
  WallTime expires_{};
  WallTime renew_at_{};
  bool running_ = false;
  std::vector<TokenSource::Done> waiting_;
  HttpExchange exchange_;
};

class ExchangeTokens final : public TokenSource {
 public:
  explicit ExchangeTokens(std::shared_ptr<ExchangeState> state) : state_(std::move(state)) {}
  ~ExchangeTokens() override { state_->shut_down(); }
  void request(Done done) override { state_->request(std::move(done)); }
  void warm_up() override { state_->warm_up(); }

 private:
  std::shared_ptr<ExchangeState> state_;
};

}  // namespace

std::unique_ptr<TokenSource> make_fixed_token_source(std::string token) {
  return std::make_unique<FixedTokens>(std::move(token));
}

std::unique_ptr<TokenSource> make_self_signed_token_source(ServiceAccountKey key, std::string audience,
                                                           WallClock clock) {
  return std::make_unique<SelfSignedTokens>(std::move(key), std::move(audience), std::move(clock));
}

std::unique_ptr<TokenSource> make_exchange_token_source(ServiceAccountKey key, std::string scope,
                                                        ProviderContext context, WallClock clock) {
  return std::make_unique<ExchangeTokens>(
      std::make_shared<ExchangeState>(std::move(key), std::move(scope), context, std::move(clock)));
}

}  // namespace al::providers
