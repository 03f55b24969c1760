// Finished leads go to the customer's CRM as signed webhooks, from the outbox, until they arrive. Pure over Outbox:
// building and signing the request, and what its answer means; sending is the driver's.
//
// The request: POST, application/json, headers
//   X-AgentLocator-Event: lead
//   X-AgentLocator-Delivery: <key>            the same for every attempt: receivers drop repeats by it
//   X-AgentLocator-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "store/store.h"

namespace al::store {

struct WebhookRequest {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// The JSON of a lead, as receivers and exports see it. One line.
[[nodiscard]] std::string lead_json(const LeadRecord& lead);
// The work that hands `lead` over: one for each different content, so that a corrected lead is sent again (receivers
// know it by its "id") and a repeated one is not.
[[nodiscard]] HandOver lead_hand_over(const LeadRecord& lead);

// An empty secret leaves the signature out.
[[nodiscard]] WebhookRequest signed_webhook(std::string url, std::string_view event, std::string_view delivery,
                                            std::string body, std::string_view secret, WallTime now);
// For receivers written in C++ and for tests: checks the signature header; refuses a time more than `tolerance` away.
[[nodiscard]] bool verify_webhook(std::string_view signature_header, std::string_view body, std::string_view secret,
                                  WallTime now, Duration tolerance = std::chrono::minutes{5});

struct RetryPolicy {
  Duration first = seconds{2};
  Duration longest = std::chrono::hours{1};
  int max_attempts = 20;  // CRM_MAX_ATTEMPTS
};
// Wait after attempt number `attempt` (1 = the first) failed: doubling, then spread by up to a quarter with `seed` so
// that a receiver that comes back is not hit by everything at once.
[[nodiscard]] Duration retry_delay(const RetryPolicy& policy, int attempt, std::uint64_t seed);

enum class Delivery { kDone, kRetry, kGiveUp };
// `http_status` 0 = no answer. 2xx is done; 408, 425, 429, 5xx and no answer are tried again; other 4xx are given up at
// once except 401, 403 and 404, which an operator may be repairing right now.
[[nodiscard]] Delivery judge_delivery(int http_status);

struct DeliveryStep {
  OutboxRow row;
  WebhookRequest request;
};

class LeadHandOver {
 public:
  struct Options {
    std::string url;     // CRM_WEBHOOK_URL
    std::string secret;  // CRM_WEBHOOK_SECRET
    std::string node;
    RetryPolicy retry;
    Duration lease = seconds{60};  // longer than one request may take
    int batch = 10;
  };
  explicit LeadHandOver(Options options) : options_(std::move(options)) {}

  // What is to be sent now.
  [[nodiscard]] Result<std::vector<DeliveryStep>> due(Store& store, WallTime now) const;
  // Records the outcome of a step; also marks the lead ("done", "failed"). `retry_after` (0 = none) lengthens the wait,
  // up to the longest one.
  Result<Delivery> finished(Store& store, const DeliveryStep& step, int http_status, Duration retry_after,
                            WallTime now) const;

 private:
  Options options_;
};

}  // namespace al::store
