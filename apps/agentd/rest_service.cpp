#include "agentd/rest_service.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "twilio/twiml.h"

namespace al::agentd {
namespace {

std::string_view retry_after_of(const net::ClientResponse& response) {
  return net::find_header(response.headers, "Retry-After").value_or("");
}

std::optional<twilio::RestAccount> account_from(const Settings& settings) {
  twilio::RestAccount account;
  account.account_sid = settings.string("twilio_account_sid");
  account.base_url = settings.string("twilio_api_base_url");
  while (account.base_url.ends_with('/')) account.base_url.pop_back();
  if (settings.has("twilio_api_key_sid") && settings.has("twilio_api_key_secret")) {
    account.user = settings.string("twilio_api_key_sid");
    account.secret = settings.string("twilio_api_key_secret");
  } else if (const auto tokens = settings.list("twilio_auth_token"); !tokens.empty()) {
    account.user = account.account_sid;
    account.secret = tokens.front();
  }
  if (account.account_sid.empty() || account.secret.empty()) return std::nullopt;
  return account;
}

bool is_over(twilio::RestVerdict verdict) {
  return verdict == twilio::RestVerdict::kOk || verdict == twilio::RestVerdict::kAlreadyOver;
}

std::function<void(twilio::RestVerdict)> done_or_over(std::function<void(bool)> done) {
  return [done = std::move(done)](twilio::RestVerdict verdict) { done(is_over(verdict)); };
}

}  // namespace

struct RestService::Attempt {
  twilio::RestRequest request;
  CallSid call;
  Done done;
  std::optional<Timestamp> give_up;  // no answer is of use after it
  int tries = 0;
  Random random{0};
  std::optional<net::Timer> timer;
};

RestService::RestService(const Settings& settings, net::HttpClient& http, net::Loop& loop)
    : http_(http),
      loop_(loop),
      account_(account_from(settings)),
      timeout_(settings.duration("twilio_rest_timeout_sec")),
      repeats_(static_cast<int>(settings.integer("twilio_rest_attempts")) - 1) {}

RestService::~RestService() {
  alive_.reset();
}

net::ClientRequest RestService::to_client(const twilio::RestRequest& request, Duration timeout) const {
  net::ClientRequest client;
  client.method = request.method;
  client.url = request.url;
  for (const auto& [name, value] : request.headers) client.headers.push_back({name, value});
  client.body = request.body;
  client.timeouts.total = std::chrono::duration_cast<milliseconds>(timeout);
  client.timeouts.first_byte = client.timeouts.total;
  client.max_body = std::size_t{256} << 10;
  return client;
}

void RestService::redirect_once(const CallSid& call, std::string url, std::function<void(store::RestVerdict)> done) {
  if (!account_) {
    loop_.post([done = std::move(done)] { done(store::RestVerdict::kRefused); });
    return;
  }
  http_.start_detached(
      to_client(twilio::redirect_call(*account_, call.str(), url), timeout_),
      [this, weak = std::weak_ptr(alive_), call, done = std::move(done)](Result<net::ClientResponse> response) mutable {
        const auto alive = weak.lock();
        if (!alive) return;
        store::RestVerdict verdict = store::RestVerdict::kUnknown;
        if (response) {
          const auto outcome = twilio::read_rest_answer(response->status, response->body, retry_after_of(*response));
          verdict = store::judge_rest(response->status, outcome.code, true);
          if (outcome.verdict == twilio::RestVerdict::kRefused) {
            log::warn("REST_REFUSED", {{"call", call.str()},
                                       {"status", response->status},
                                       {"code", outcome.code},
                                       {"message", outcome.message}});
          }
        } else {
          verdict = store::judge_rest(0, 0, response.error().code != Errc::kClosed);
          log::warn("REST_NO_ANSWER", {{"call", call.str()}, {"detail", response.error().detail}});
        }
        loop_.post([done = std::move(done), verdict] { done(verdict); });
      });
}

void RestService::complete(const CallSid& call, std::function<void(bool over)> done) {
  if (account_) {
    begin(call, twilio::complete_call(*account_, call.str()), done_or_over(std::move(done)));
  } else {
    loop_.post([done = std::move(done)] { done(false); });
  }
}

void RestService::transfer(const CallSid& call, const std::string& number, std::function<void(bool taken)> done) {
  if (!account_) {
    loop_.post([done = std::move(done)] { done(false); });
    return;
  }
  twilio::TwimlElement response{"Response", {}, {}, {}};
  response.child("Dial", number);
  begin(call, twilio::update_call_twiml(*account_, call.str(), twilio::render_twiml(response)),
        done_or_over(std::move(done)));
}

void RestService::update(const CallSid& call, const std::string& twiml, Duration limit, Done done) {
  if (!account_) {
    loop_.post([done = std::move(done)] { done(twilio::RestVerdict::kRefused); });
    return;
  }
  begin(call, twilio::update_call_twiml(*account_, call.str(), twiml), std::move(done), monotonic_now() + limit);
}

void RestService::begin(const CallSid& call, twilio::RestRequest request, Done done, std::optional<Timestamp> give_up) {
  auto what = std::make_shared<Attempt>();
  what->request = std::move(request);
  what->call = call;
  what->done = std::move(done);
  what->give_up = give_up;
  what->random = Random(std::hash<CallSid>{}(call));
  loop_.post([this, weak = std::weak_ptr(alive_), what] {
    if (weak.lock()) attempt(what);
  });
}

void RestService::wait_then_attempt(std::shared_ptr<Attempt> what, Duration wait) {
  Attempt* key = what.get();
  what->timer.emplace(loop_, [this, key](Timestamp) {
    const auto found = waiting_.extract(key);
    if (!found.empty()) attempt(found.mapped());
  });
  what->timer->arm_after(wait);
  waiting_.emplace(key, std::move(what));
}

void RestService::attempt(std::shared_ptr<Attempt> what) {
  ++what->tries;
  const Duration left = what->give_up ? *what->give_up - monotonic_now() : timeout_;
  http_.start_detached(
      to_client(what->request, std::clamp<Duration>(left, milliseconds{50}, timeout_)),
      [this, weak = std::weak_ptr(alive_), what](Result<net::ClientResponse> response) {
        const auto alive = weak.lock();
        if (!alive) return;
        twilio::RestOutcome outcome;
        outcome.verdict = twilio::RestVerdict::kRetry;
        if (response) outcome = twilio::read_rest_answer(response->status, response->body, retry_after_of(*response));
        loop_.post([this, weak, what, outcome] {
          if (!weak.lock()) return;
          if (outcome.verdict == twilio::RestVerdict::kRetry) {
            const auto wait = twilio::rest_backoff(what->tries, outcome.retry_after, what->random, repeats_);
            if (wait && (!what->give_up || monotonic_now() + *wait < *what->give_up)) {
              wait_then_attempt(what, *wait);
              return;
            }
          }
          if (!is_over(outcome.verdict)) {
            log::warn("REST_GAVE_UP", {{"call", what->call.str()},
                                       {"tries", what->tries},
                                       {"status", outcome.http_status},
                                       {"code", outcome.code},
                                       {"message", outcome.message}});
          }
          what->done(outcome.verdict);
        });
      });
}

}  // namespace al::agentd
