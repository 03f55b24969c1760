#include "twilio/rest.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "core/text.h"

namespace al::twilio {
namespace {

constexpr int kNotFound = 20404;
constexpr int kInvalidCallState = 21220;

RestRequest make_request(const RestAccount& account, std::string method, std::string_view path,
                         const FormParams& form) {
  RestRequest request;
  request.method = std::move(method);
  request.url = rest_host(account) + "/2010-04-01/Accounts/" + percent_encode(account.account_sid) + std::string(path);
  request.headers.emplace_back("Authorization", "Basic " + base64_encode(account.user + ":" + account.secret));
  request.headers.emplace_back("Accept", "application/json");
  if (request.method == "POST") {
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    request.body = encode_form(form);
  }
  return request;
}

std::string call_path(std::string_view call_sid) {
  return "/Calls/" + percent_encode(call_sid) + ".json";
}

std::optional<seconds> seconds_from(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return seconds(value);
}

RestVerdict judge(int http_status, int code) {
  if (http_status >= 200 && http_status < 300) return RestVerdict::kOk;
  if (http_status == 404 && (code == kNotFound || code == 0)) return RestVerdict::kAlreadyOver;
  if (http_status == 400 && code == kInvalidCallState) return RestVerdict::kAlreadyOver;
  if (http_status == 429 || http_status >= 500) return RestVerdict::kRetry;
  return RestVerdict::kRefused;
}

}  // namespace

std::string rest_host(const RestAccount& account) {
  if (!account.base_url.empty()) return account.base_url;
  const std::string region = account.region.empty() ? "us1" : account.region;
  if (account.edge.empty() && region == "us1") return "https://api.twilio.com";
  // Outside US1 the edge is part of the name; each region has one of its own.
  std::string edge = account.edge;
  if (edge.empty())
    edge = region == "ie1" ? "dublin" : region == "au1" ? "sydney" : region == "jp1" ? "tokyo" : "ashburn";
  return "https://api." + edge + "." + region + ".twilio.com";
}

RestRequest complete_call(const RestAccount& account, std::string_view call_sid) {
  return make_request(account, "POST", call_path(call_sid), {{"Status", "completed"}});
}

RestRequest redirect_call(const RestAccount& account, std::string_view call_sid, std::string_view url) {
  return make_request(account, "POST", call_path(call_sid), {{"Url", url}, {"Method", "POST"}});
}

RestRequest update_call_twiml(const RestAccount& account, std::string_view call_sid, std::string_view twiml) {
  return make_request(account, "POST", call_path(call_sid), {{"Twiml", twiml}});
}

RestRequest fetch_call(const RestAccount& account, std::string_view call_sid) {
  return make_request(account, "GET", call_path(call_sid), {});
}

RestRequest delete_recording(const RestAccount& account, std::string_view recording_sid) {
  return make_request(account, "DELETE", "/Recordings/" + percent_encode(recording_sid) + ".json", {});
}

RestRequest create_call(const RestAccount& account, const OutgoingCall& call) {
  FormParams form{{"To", call.to}, {"From", call.from}, {"Url", call.url}};
  if (!call.status_callback.empty()) form.add("StatusCallback", call.status_callback);
  return make_request(account, "POST", "/Calls.json", form);
}

RestRequest send_message(const RestAccount& account, const OutgoingMessage& message) {
  FormParams form{{"To", message.to}};
  form.add(message.from.starts_with("MG") ? "MessagingServiceSid" : "From", message.from);
  if (!message.content_sid.empty()) {
    form.add("ContentSid", message.content_sid);
    if (!message.content_variables.empty()) form.add("ContentVariables", message.content_variables);
  } else {
    if (!message.body.empty()) form.add("Body", message.body);
    for (const std::string& url : message.media_urls) form.add("MediaUrl", url);
  }
  if (!message.status_callback.empty()) form.add("StatusCallback", message.status_callback);
  return make_request(account, "POST", "/Messages.json", form);
}

RestOutcome read_rest_answer(int http_status, std::string_view body, std::string_view retry_after) {
  RestOutcome outcome;
  outcome.http_status = http_status;
  outcome.retry_after = seconds_from(trim(retry_after));
  constexpr std::size_t kMaxAnswer = 1024 * 1024;
  const auto json = parse_json(body, kMaxAnswer);
  if (json && json->is_object()) {
    if (const auto code = json_int(*json, "code"))
      outcome.code = static_cast<int>(std::clamp<std::int64_t>(*code, 0, 999'999));
    outcome.message = json_string(*json, "message");
    outcome.sid = json_string(*json, "sid");
    outcome.status = json_string(*json, "status");
  } else if (http_status >= 400) {
    outcome.message = "HTTP " + std::to_string(http_status) + " without a JSON body";
  }
  outcome.verdict = judge(http_status, outcome.code);
  return outcome;
}

std::optional<Duration> rest_backoff(int attempt, std::optional<seconds> retry_after, Random& random, int max_repeats) {
  if (attempt < 1 || attempt > max_repeats) return std::nullopt;
  constexpr Duration kFirst = milliseconds{100};
  constexpr Duration kMost = seconds{3};
  constexpr Duration kMostAsked = seconds{30};
  const Duration step = std::min<Duration>(kFirst * (1LL << std::min(attempt - 1, 10)), kMost);
  // Half fixed, half by chance: many calls must not come back in one moment.
  const auto jitter = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(step.count() / 2 + 1)));
  const Duration wait = step / 2 + Duration{jitter};
  if (!retry_after) return wait;
  return std::max(wait, std::min(Duration(*retry_after), kMostAsked));
}

}  // namespace al::twilio
