// What all providers over HTTP share: where they are, how long to wait, when to try again, and how a refusal becomes an
// Error. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"
#include "net/http_client.h"
#include "net/http_types.h"
#include "providers/scheduler.h"

namespace al::net {
class Loop;
}

namespace al::providers {

// A caller is waiting, so these are short: the chain's next provider is better than a late answer.
inline constexpr net::HttpTimeouts kProviderTimeouts{.connect = milliseconds{1500},
                                                     .first_byte = milliseconds{4000},
                                                     .progress = milliseconds{3000},
                                                     .total = milliseconds{30000}};

// Where the adapters' work is done: requests on the client's thread, timers by the scheduler, WebSockets on the loop.
// All three must outlive every provider and session made with it.
struct ProviderContext {
  net::HttpClient& http;
  Scheduler& scheduler;
  net::Loop& loop;
};

struct RetryPolicy {
  int max_retries = 2;                       // attempts after the first
  Duration budget = milliseconds{800};       // a longer wait than what is left of this is not worth it on a call
  Duration first_delay = milliseconds{500};  // doubled each time, up to max_delay, less up to 25 %
  Duration max_delay = seconds{8};
};

// How long to wait before attempt number `retry` (1 = the first retry) after an answer with this status and these
// headers; nullopt = do not try again. `status` 0 is a connection that failed before any byte of the answer came.
// Rules as the official SDKs follow them: 408, 409, 429 and >= 500 are tried again unless `x-should-retry` says
// otherwise; the delay is `retry-after-ms`, else `retry-after` (seconds or an HTTP date), else exponential.
// `unit` in [0,1) takes the jitter from the caller; `now` is for HTTP dates; `waited` is what earlier retries used.
[[nodiscard]] std::optional<Duration> retry_delay(const RetryPolicy& policy, int retry, int status,
                                                  const net::HttpHeaders& headers, double unit, WallTime now,
                                                  Duration waited);

// Turns a refusal into an Error whose detail names the provider, the status and the provider's own code and message
// (at most 300 characters; anything that looks like a key is masked). Understands the bodies of OpenAI, Anthropic,
// Google, ElevenLabs and Meta; an HTML page or other text is only described. `headers` give Error::retry_after.
[[nodiscard]] Error http_refusal(std::string_view provider, int status, std::string_view body,
                                 const net::HttpHeaders& headers = {}, WallTime now = {});

// The provider's own words in such a body, at most 300 bytes, keys masked: for an answer whose status was good and
// whose contents were not.
[[nodiscard]] std::string refusal_text(std::string_view body);

// An error that a provider reports inside an answer that began well: there is no status to name. Its kind gives the
// code: kRateLimited, kRejected (a wrong key), else kClosed.
[[nodiscard]] Error error_in_answer(std::string_view body);

// True for a 429 that more waiting will not cure (OpenAI's insufficient_quota).
[[nodiscard]] bool quota_is_exhausted(std::string_view body);

// `text` without control characters, with key-like words ("sk-…", "Bearer …", long digit-letter runs) replaced by ***,
// cut to `max_bytes` at a character.
[[nodiscard]] std::string printable_excerpt(std::string_view text, std::size_t max_bytes = 300);

}  // namespace al::providers
