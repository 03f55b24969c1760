#include "providers/http_provider.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/utf8.h"

namespace al::providers {
namespace {

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value < 0) return {};
  return value;
}

// What the server asks us to wait; nullopt = it does not say.
std::optional<Duration> asked_delay(const net::HttpHeaders& headers, WallTime now) {
  constexpr double kLongest = 3600.0;  // anything longer is no retry
  if (const auto ms = net::find_header(headers, "retry-after-ms")) {
    if (const auto value = parse_number(*ms)) {
      return microseconds(static_cast<std::int64_t>(std::min(*value / 1000.0, kLongest) * 1e6));
    }
  }
  const auto after = net::find_header(headers, "retry-after");
  if (!after) return {};
  if (const auto value = parse_number(*after)) {
    return microseconds(static_cast<std::int64_t>(std::min(*value, kLongest) * 1e6));
  }
  std::tm date{};  // RFC 9110 5.6.7, the one form that may be sent
  if (strptime(std::string(*after).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return {};
  const auto wait = WallTime(seconds(timegm(&date))) - now;
  return std::clamp<Duration>(wait, Duration::zero(), seconds(3600));
}

bool may_retry(int status, const net::HttpHeaders& headers) {
  if (const auto asked = net::find_header(headers, "x-should-retry")) {
    if (*asked == "true") return true;
    if (*asked == "false") return false;
  }
  return status == 0 || status == 408 || status == 409 || status == 429 || status >= 500;
}

Errc code_for(int status) {
  switch (status) {
    case 404:
      return Errc::kNotFound;
    case 408:
    case 504:
      return Errc::kTimeout;
    case 409:
      return Errc::kConflict;
    case 429:
      return Errc::kRateLimited;
    default:
      return status >= 500 ? Errc::kClosed : Errc::kRejected;
  }
}

std::string scalar(const nlohmann::json& object, std::string_view name) {
  if (const auto number = json_int(object, name)) return std::to_string(*number);
  return json_string(object, name);
}

// "code: message" from the shapes that providers use; empty if the body has none of them.
std::string provider_message(std::string_view body) {
  const auto document = parse_json(body, std::size_t{64} << 10);
  if (!document) return {};
  const nlohmann::json* top = &*document;
  if (top->is_array() && !top->empty()) top = &top->front();  // Google's streaming form wraps errors in a list
  const nlohmann::json* error = json_member(*top, "error");   // OpenAI, Anthropic, Google, Meta
  if (error == nullptr) error = json_member(*top, "detail");  // ElevenLabs
  if (error == nullptr) error = top;                          // Twilio, Deepgram
  if (error->is_string()) {
    const std::string description = json_string(*top, "error_description");  // OAuth 2.0
    return error->get<std::string>() + (description.empty() ? "" : ": " + description);
  }
  std::string kind;
  for (const char* name : {"status", "type", "err_code"}) {
    if (kind.empty()) kind = json_string(*error, name);
  }
  const std::string code = scalar(*error, "code");
  if (!code.empty() && code != kind) kind += kind.empty() ? code : "/" + code;
  std::string message = json_string(*error, "message");
  if (message.empty()) message = json_string(*error, "err_msg");
  if (kind.empty() || message.empty()) return kind + message;
  return kind + ": " + message;
}

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '.' || c == '+' || c == '/' || c == '=';
}

// A word that could be a credential: a known prefix, or 24 and more characters with both digits and letters.
bool looks_like_key(std::string_view word) {
  constexpr std::size_t kLongRun = 24;
  for (const std::string_view prefix : {"sk-", "sk_", "ya29.", "AIza", "eyJ", "xi-", "EAA"}) {
    if (word.starts_with(prefix) && word.size() > prefix.size() + 4) return true;
  }
  if (word.size() < kLongRun) return false;
  const auto digits = std::count_if(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto dots = std::count(word.begin(), word.end(), '.') + std::count(word.begin(), word.end(), '/');
  return digits >= 4 && dots < 2 && static_cast<std::size_t>(digits) < word.size();
}

}  // namespace

std::optional<Duration> retry_delay(const RetryPolicy& policy, int retry, int status, const net::HttpHeaders& headers,
                                    double unit, WallTime now, Duration waited) {
  if (retry < 1 || retry > policy.max_retries || !may_retry(status, headers)) return {};
  Duration delay = policy.first_delay;
  if (const auto asked = asked_delay(headers, now)) {
    delay = *asked;
  } else {
    for (int i = 1; i < retry && delay < policy.max_delay; ++i) delay *= 2;
    delay = std::min(delay, policy.max_delay);
    delay = Duration(static_cast<std::int64_t>(static_cast<double>(delay.count()) * (1.0 - 0.25 * unit)));
  }
  if (waited + delay > policy.budget) return {};
  return delay;
}

std::string refusal_text(std::string_view body) {
  std::string what = provider_message(body);
  if (what.empty()) {
    const std::size_t text = body.find_first_not_of(" \t\r\n");
    if (text == std::string_view::npos) {
      what = "no explanation";
    } else if (body[text] == '<') {
      what = "a page instead of an answer: is the base URL right?";
    } else {
      what = std::string(body);
    }
  }
  return printable_excerpt(what);
}

Error error_in_answer(std::string_view body) {
  const auto says = [body](std::string_view word) { return body.find(word) != std::string_view::npos; };
  Errc code = Errc::kClosed;  // the provider's own trouble: another may do better
  if (says("rate_limit")) {
    code = Errc::kRateLimited;
  } else if (says("authentication_error") || says("permission_error") || says("invalid_api_key")) {
    code = Errc::kRejected;
  }
  return {.code = code, .detail = "an error in the answer, " + refusal_text(body)};
}

Error http_refusal(std::string_view provider, int status, std::string_view body, const net::HttpHeaders& headers,
                   WallTime now) {
  const auto asked = asked_delay(headers, now);
  return {.code = code_for(status),
          .detail = std::string(provider) + ": HTTP " + std::to_string(status) + ", " + refusal_text(body),
          .retry_after = std::chrono::ceil<milliseconds>(asked.value_or(Duration::zero()))};
}

bool quota_is_exhausted(std::string_view body) {
  return body.find("insufficient_quota") != std::string_view::npos;
}

std::string printable_excerpt(std::string_view text, std::size_t max_bytes) {
  const std::string clean = repair_utf8(text.substr(0, max_bytes * 4));
  std::string out;
  std::size_t at = 0;
  while (at < clean.size() && out.size() <= max_bytes) {
    std::size_t end = at;
    while (end < clean.size() && is_word(clean[end])) ++end;
    if (end > at) {
      const std::string_view word = std::string_view(clean).substr(at, end - at);
      out.append(looks_like_key(word) ? std::string_view("***") : word);
      at = end;
    } else {
      std::string_view rest = std::string_view(clean).substr(at);
      const std::size_t before = rest.size();
      const char32_t character = take_codepoint(rest);
      append_utf8(out, character < U' ' || character == 0x7F ? U' ' : character);
      at += before - rest.size();
    }
  }
  return std::string(truncate_utf8(out, max_bytes));
}

}  // namespace al::providers
