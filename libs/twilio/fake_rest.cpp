#include "twilio/fake_rest.h"

#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"

namespace al::twilio {
namespace {

using nlohmann::json;

FakeRestAnswer refusal(int status, int code, std::string_view message) {
  FakeRestAnswer answer;
  answer.status = status;
  answer.body = dump_json({{"code", code},
                           {"message", std::string(message)},
                           {"more_info", "https://www.twilio.com/docs/errors/" + std::to_string(code)},
                           {"status", status}});
  return answer;
}

FakeRestAnswer success(int status, const json& body) {
  FakeRestAnswer answer;
  answer.status = status;
  answer.body = dump_json(body);
  return answer;
}

std::string make_sid(std::string_view prefix, std::uint64_t number) {
  std::array<char, 33> digits{};
  std::snprintf(digits.data(), digits.size(), "%032llx", static_cast<unsigned long long>(number));
  return std::string(prefix) + digits.data();
}

}  // namespace

FakeRest::FakeRest(std::string account_sid, std::string user, std::string secret)
    : account_sid_(std::move(account_sid)), user_(std::move(user)), secret_(std::move(secret)) {}

void FakeRest::put_call(std::string_view call_sid, CallStatus status) {
  calls_[std::string(call_sid)] = status;
}

void FakeRest::attach(SimulatedCall& call) {
  const std::string& sid = call.options().call_sid.str();
  calls_[sid] = CallStatus::kInProgress;
  attached_[sid] = &call;
}

void FakeRest::detach(std::string_view call_sid) {
  const auto found = attached_.find(call_sid);
  if (found == attached_.end()) return;
  calls_[found->first] = found->second->status();
  attached_.erase(found);
}

CallStatus FakeRest::status_of(const std::string& call_sid) const {
  const auto attached = attached_.find(call_sid);
  return attached != attached_.end() ? attached->second->status() : calls_.at(call_sid);
}

void FakeRest::fail_next(int times, int http_status, std::string retry_after, int code) {
  constexpr int kTooManyRequests = 429;
  failures_ = times;
  failure_status_ = http_status;
  failure_code_ = code != 0 ? code : http_status == kTooManyRequests ? 20429 : 20500;
  failure_retry_after_ = std::move(retry_after);
}

FakeRestAnswer FakeRest::handle(std::string_view method, std::string_view path, std::string_view authorization,
                                std::string_view body, Timestamp now) {
  ++requests_;
  if (failures_ > 0) {
    --failures_;
    FakeRestAnswer answer = refusal(failure_status_, failure_code_, "Refused on purpose");
    answer.retry_after = failure_retry_after_;
    return answer;
  }
  if (authorization != "Basic " + al::base64_encode(user_ + ":" + secret_)) return refusal(401, 20003, "Authenticate");
  const std::string prefix = "/2010-04-01/Accounts/" + account_sid_;
  if (!path.starts_with(prefix)) return refusal(404, 20404, "The requested resource was not found");
  path.remove_prefix(prefix.size());
  const auto form = parse_form(body);
  if (!form) return refusal(400, 20001, "Unreadable body");
  if (method == "POST" && path == "/Messages.json") return create_message(*form);
  if (method == "POST" && path == "/Calls.json") return create_call(*form);
  constexpr std::string_view kCalls = "/Calls/";
  constexpr std::string_view kSuffix = ".json";
  if (!path.starts_with(kCalls) || !path.ends_with(kSuffix)) {
    return refusal(404, 20404, "The requested resource was not found");
  }
  const std::string sid(path.substr(kCalls.size(), path.size() - kCalls.size() - kSuffix.size()));
  const auto call = calls_.find(sid);
  if (call == calls_.end()) return refusal(404, 20404, "The requested resource was not found");
  if (method == "POST") return update_call(sid, *form, now);
  return success(200, {{"sid", sid}, {"status", std::string(to_string(status_of(sid)))}});
}

FakeRestAnswer FakeRest::update_call(const std::string& call_sid, const FormParams& form, Timestamp now) {
  if (is_terminal(status_of(call_sid))) return refusal(400, 21220, "Call is not in-progress. Cannot redirect.");
  FakeCallUpdate update;
  update.call_sid = call_sid;
  update.url = form.get("Url");
  update.twiml = form.get("Twiml");
  update.completed = form.get("Status") == "completed";
  if (update.url.empty() && update.twiml.empty() && !update.completed) return refusal(400, 21218, "Invalid parameters");
  if (update.completed) calls_[call_sid] = CallStatus::kCompleted;
  if (const auto attached = attached_.find(call_sid); attached != attached_.end()) {
    SimulatedCall& call = *attached->second;
    if (update.completed) {
      call.rest_complete(now);
    } else if (!update.url.empty()) {
      call.rest_redirect(update.url, now);
    } else {
      call.rest_twiml(update.twiml, now);
    }
  }
  updates_.push_back(std::move(update));
  return success(200, {{"sid", call_sid}, {"status", std::string(to_string(status_of(call_sid)))}});
}

FakeRestAnswer FakeRest::create_call(const FormParams& form) {
  if (form.get("To").empty()) return refusal(400, 21201, "No 'To' number is specified");
  const std::string sid = make_sid("CA", next_sid_++);
  calls_[sid] = CallStatus::kQueued;
  return success(201, {{"sid", sid}, {"status", "queued"}});
}

FakeRestAnswer FakeRest::create_message(const FormParams& form) {
  if (form.get("To").empty()) return refusal(400, 21604, "A 'To' phone number is required.");
  if (form.get("From").empty() && form.get("MessagingServiceSid").empty()) {
    return refusal(400, 21603, "A 'From' phone number is required.");
  }
  if (form.get("Body").empty() && form.get("MediaUrl").empty() && form.get("ContentSid").empty()) {
    return refusal(400, 21619, "A text message body or media urls must be specified.");
  }
  messages_.push_back(form);
  return success(201, {{"sid", make_sid("SM", next_sid_++)}, {"status", "queued"}, {"error_code", nullptr}});
}

std::vector<FakeCallUpdate> FakeRest::take_updates() {
  return std::exchange(updates_, {});
}
std::vector<FormParams> FakeRest::take_messages() {
  return std::exchange(messages_, {});
}

}  // namespace al::twilio
