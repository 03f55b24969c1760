#include "store/lead_handover.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/random.h"
#include "core/secret.h"
#include "core/text.h"
#include "store/export.h"

namespace al::store {
namespace {

constexpr std::string_view kKind = "crm";
constexpr std::string_view kEvent = "lead";

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::floor<seconds>(time).time_since_epoch().count();
}

std::string signature_of(std::string_view secret, std::string_view timestamp, std::string_view body) {
  std::string signed_text(timestamp);
  signed_text += '.';
  signed_text += body;
  return to_hex(as_bytes(hmac_sha256(secret, signed_text)));
}

}  // namespace

std::string lead_json(const LeadRecord& lead) {
  nlohmann::json json = to_json(lead);
  json["id"] = lead_id(lead.call, lead.key);
  json.erase("hand_over");  // our own bookkeeping
  return dump_json(json);
}

HandOver lead_hand_over(const LeadRecord& lead) {
  // What was said, without when: saying the same again is no news, a corrected number is.
  LeadRecord content = lead;
  content.created = content.updated = WallTime{};
  const std::string version = to_hex(as_bytes(sha256(lead_json(content))).substr(0, 6));
  return {std::string(kKind), "lead:" + lead.call.str() + ":" + lead.key + ":" + version, lead.phone, lead_json(lead)};
}

WebhookRequest signed_webhook(std::string url, std::string_view event, std::string_view delivery, std::string body,
                              std::string_view secret, WallTime now) {
  WebhookRequest request;
  request.url = std::move(url);
  request.headers = {{"Content-Type", "application/json"},
                     {"X-AgentLocator-Event", std::string(event)},
                     {"X-AgentLocator-Delivery", std::string(delivery)}};
  if (!secret.empty()) {
    const std::string timestamp = std::to_string(unix_seconds(now));
    request.headers.emplace_back("X-AgentLocator-Signature",
                                 fmt::format("t={},v1={}", timestamp, signature_of(secret, timestamp, body)));
  }
  request.body = std::move(body);
  return request;
}

bool verify_webhook(std::string_view signature_header, std::string_view body, std::string_view secret, WallTime now,
                    Duration tolerance) {
  std::string_view timestamp;
  std::string_view signature;
  for (const std::string_view part : split(signature_header, ',')) {
    if (part.starts_with("t=")) timestamp = part.substr(2);
    if (part.starts_with("v1=")) signature = part.substr(3);
  }
  std::int64_t sent = 0;
  const auto [end, error] = std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), sent);
  if (error != std::errc{} || end != timestamp.data() + timestamp.size() || secret.empty()) return false;
  const std::int64_t allowed = std::chrono::duration_cast<seconds>(tolerance).count();
  // Without subtraction: the number is a stranger's and may be anything.
  const std::int64_t here = unix_seconds(now);
  if (sent < here - allowed || sent > here + allowed) return false;
  return constant_time_equal(signature, signature_of(secret, timestamp, body));
}

Duration retry_delay(const RetryPolicy& policy, int attempt, std::uint64_t seed) {
  Duration delay = policy.first;
  for (int i = 1; i < attempt && delay < policy.longest; ++i) delay *= 2;
  delay = std::min(delay, policy.longest);
  Random random(seed ^ static_cast<std::uint64_t>(attempt));
  return delay + Duration{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(delay.count()) / 4 + 1))};
}

Delivery judge_delivery(int http_status) {
  if (http_status >= 200 && http_status < 300) return Delivery::kDone;
  // Redirects are not followed: the address is part of what was configured and signed for.
  const bool lasting = http_status >= 300 && http_status < 500;
  const bool may_pass = http_status == 401 || http_status == 403 || http_status == 404 || http_status == 408 ||
                        http_status == 425 || http_status == 429;
  return lasting && !may_pass ? Delivery::kGiveUp : Delivery::kRetry;
}

Result<std::vector<DeliveryStep>> LeadHandOver::due(Store& store, WallTime now) const {
  std::vector<DeliveryStep> steps;
  auto rows = store.outbox().claim(kKind, options_.node, now, options_.lease, options_.batch);
  if (!rows) return fail(rows.error());
  for (OutboxRow& row : *rows) {
    DeliveryStep step;
    step.request = signed_webhook(options_.url, kEvent, row.work.key, row.work.payload, options_.secret, now);
    step.row = std::move(row);
    steps.push_back(std::move(step));
  }
  return steps;
}

Result<Delivery> LeadHandOver::finished(Store& store, const DeliveryStep& step, int http_status, Duration retry_after,
                                        WallTime now) const {
  const OutboxRow& row = step.row;
  Delivery outcome = judge_delivery(http_status);
  if (outcome == Delivery::kRetry && row.attempts >= options_.retry.max_attempts) outcome = Delivery::kGiveUp;
  const std::string what = http_status == 0 ? "no answer" : "HTTP " + std::to_string(http_status);

  // The lead first: it can be marked twice, but a finished row is never looked at again.
  if (const auto lead = parse_json(row.work.payload); lead && outcome != Delivery::kRetry) {
    auto marked = store.records().set_lead_hand_over(CallSid(json_string(*lead, "call_sid")), json_string(*lead, "key"),
                                                     outcome == Delivery::kDone ? "done" : "failed", row.work.key);
    if (!marked) return fail(marked.error());
  }
  Result<bool> noted = true;
  switch (outcome) {
    case Delivery::kDone:
      noted = store.outbox().done(row.id, options_.node, now);
      break;
    case Delivery::kGiveUp:
      noted = store.outbox().give_up(row.id, options_.node, now, what);
      break;
    case Delivery::kRetry: {
      const Duration wait = std::max(retry_delay(options_.retry, row.attempts, std::hash<std::string>{}(row.id)),
                                     std::min(retry_after, options_.retry.longest));
      noted = store.outbox().retry(row.id, options_.node, now + std::chrono::ceil<milliseconds>(wait), what);
      break;
    }
  }
  if (!noted) return fail(noted.error());
  return outcome;
}

}  // namespace al::store
