// Requests to Twilio's REST API as values, and what an answer means (Twilio: voice/api/call-resource,
// messaging/api/message-resource, usage/requests-to-twilio). Sends nothing: libs/net does. Pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "core/time.h"
#include "twilio/form.h"

namespace al::twilio {

struct RestAccount {
  std::string account_sid;
  std::string user;      // the account SID, or an API key SID (SK…)
  std::string secret;    // the auth token, or the key's secret; never logged
  std::string region;    // "" or "us1", "ie1", "au1", "jp1"
  std::string edge;      // "" or "dublin", "sydney", …
  std::string base_url;  // overrides the host: tests and proxies; without trailing slash
};

struct RestRequest {
  std::string method;  // "POST", "GET", "DELETE"
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // Authorization, Content-Type, Accept
  std::string body;
};

// "https://api.twilio.com", "https://api.dublin.ie1.twilio.com"
[[nodiscard]] std::string rest_host(const RestAccount& account);

[[nodiscard]] RestRequest complete_call(const RestAccount& account, std::string_view call_sid);  // hang up
[[nodiscard]] RestRequest redirect_call(const RestAccount& account, std::string_view call_sid, std::string_view url);
[[nodiscard]] RestRequest update_call_twiml(const RestAccount& account, std::string_view call_sid,
                                            std::string_view twiml);
[[nodiscard]] RestRequest fetch_call(const RestAccount& account, std::string_view call_sid);
// 204, or 404 when it is gone already.
[[nodiscard]] RestRequest delete_recording(const RestAccount& account, std::string_view recording_sid);

struct OutgoingCall {
  std::string to;
  std::string from;
  std::string url;
  std::string status_callback;
};
[[nodiscard]] RestRequest create_call(const RestAccount& account, const OutgoingCall& call);

struct OutgoingMessage {
  std::string to;    // "whatsapp:+972…" or "+972…"
  std::string from;  // the same, or a messaging service SID (MG…)
  std::string body;  // empty when a template is used
  std::vector<std::string> media_urls;
  std::string content_sid;        // HX…: an approved template
  std::string content_variables;  // JSON object as text
  std::string status_callback;
};
[[nodiscard]] RestRequest send_message(const RestAccount& account, const OutgoingMessage& message);

enum class RestVerdict {
  kOk,
  kAlreadyOver,  // 404/20404, 400/21220: the call ended before us; as good as done
  kRetry,        // 429 and 5xx: later
  kRefused,      // anything else: trying again does not help
};
struct RestOutcome {
  RestVerdict verdict = RestVerdict::kRefused;
  int http_status = 0;
  int code = 0;         // Twilio's, 0 = none
  std::string message;  // for the log
  std::string sid;      // of the resource, on kOk
  std::string status;   // of the resource, on kOk
  std::optional<seconds> retry_after;
};
// `retry_after`: the header's text, or empty. The body may be anything (proxies answer with HTML).
[[nodiscard]] RestOutcome read_rest_answer(int http_status, std::string_view body, std::string_view retry_after);

// How long to wait before repetition `attempt` (1 = the first one): 100 ms x 2^n with jitter, at most 3 s; what the
// server asked for when that is longer (at most 30 s). nullopt after `max_repeats` of them.
inline constexpr int kMaxRestTries = 5;
[[nodiscard]] std::optional<Duration> rest_backoff(int attempt, std::optional<seconds> retry_after, Random& random,
                                                   int max_repeats = kMaxRestTries);

}  // namespace al::twilio
