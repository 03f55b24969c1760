#include "agentd/handover_service.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "core/log.h"

namespace al::agentd {
namespace {

constexpr Duration kPoll = seconds{1};
constexpr Duration kWait = seconds{2};
constexpr Duration kLeaseMargin = seconds{5};
constexpr std::size_t kMaxAnswer = std::size_t{64} << 10;  // nobody reads it

store::LeadHandOver::Options options_from(const Settings& settings, std::string node) {
  store::LeadHandOver::Options options;
  options.url = settings.string("crm_webhook_url");
  options.secret = settings.string("crm_webhook_secret");
  options.node = std::move(node);
  // Who dies with a request under way keeps the lead from the others for no longer than that request could have taken.
  options.lease = settings.duration("crm_timeout_sec") + kLeaseMargin;
  options.retry.max_attempts = static_cast<int>(settings.integer("crm_max_attempts"));
  return options;
}

Duration retry_after_of(const net::ClientResponse& response) {
  const std::string_view text = net::find_header(response.headers, "Retry-After").value_or("");
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return seconds{std::max(value, 0)};
}

}  // namespace

HandoverService::HandoverService(const Settings& settings, net::Loop& loop, store::AsyncStore& store,
                                 net::HttpClient& http, std::string node)
    : loop_(loop),
      store_(store),
      http_(http),
      active_(settings.has("crm_webhook_url")),
      timeout_(settings.duration("crm_timeout_sec")),
      rules_(options_from(settings, std::move(node))),
      timer_(loop, [this](Timestamp) { poll(); }) {
  if (!active_) return;
  loop_.post([this, weak = std::weak_ptr(alive_)] {
    if (weak.lock()) poll();
  });
}

HandoverService::~HandoverService() {
  alive_.reset();
}

void HandoverService::poll() {
  timer_.arm_after(kPoll);
  if (polling_) return;
  polling_ = true;
  store_.ask<std::vector<store::DeliveryStep>>(
      [rules = &rules_](store::Store& store) { return rules->due(store, wall_now()); }, kWait,
      [this, weak = std::weak_ptr(alive_)](Result<std::vector<store::DeliveryStep>> steps) {
        if (!weak.lock()) return;
        loop_.post([this, weak, steps = std::move(steps)] {
          if (!weak.lock()) return;
          polling_ = false;
          if (!steps) return;
          for (const store::DeliveryStep& step : *steps) send(step);
        });
      });
}

void HandoverService::send(const store::DeliveryStep& step) {
  net::ClientRequest request;
  request.method = "POST";
  request.url = step.request.url;
  for (const auto& [name, value] : step.request.headers) request.headers.push_back({name, value});
  request.body = step.request.body;
  request.timeouts.total = std::chrono::duration_cast<milliseconds>(timeout_);
  request.max_body = kMaxAnswer;
  http_.start_detached(std::move(request),
                       [this, weak = std::weak_ptr(alive_), step](Result<net::ClientResponse> answer) {
                         if (!weak.lock()) return;
                         loop_.post([this, weak, step, status = answer ? answer->status : 0,
                                     retry_after = answer ? retry_after_of(*answer) : Duration{0}] {
                           if (weak.lock()) finished(step, status, retry_after);
                         });
                       });
}

void HandoverService::finished(const store::DeliveryStep& step, int status, Duration retry_after) {
  log::info("CRM", {{"delivery", step.row.work.key}, {"status", status}, {"attempt", step.row.attempts}});
  (void)store_.write("crm", [rules = &rules_, step, status, retry_after](store::Store& store) -> Result<void> {
    const auto done = rules->finished(store, step, status, retry_after, wall_now());
    return done ? Result<void>() : fail(done.error());
  });
}

}  // namespace al::agentd
