#include "agentd/call_summaries.h"

#include <algorithm>
#include <utility>

#include "agentd/mobile_number.h"
#include "core/log.h"

namespace al::agentd {
namespace {

constexpr Duration kEvery = seconds{3};
constexpr Duration kStoreWait = seconds{5};
constexpr auto kNotOlder = std::chrono::hours{6};  // of a call's beginning: nobody expects it later
constexpr Duration kRemember = std::chrono::hours{48};
constexpr int kBatch = 50;

std::string key_of(const CallSid& call) {
  return "summary:" + call.str();
}

}  // namespace

CallSummaries::CallSummaries(const Settings& settings, net::Loop& loop, store::AsyncStore& store,
                             MessageService& messages)
    : loop_(loop),
      store_(store),
      messages_(messages),
      enabled_(settings.boolean("whatsapp_call_summary")),
      timer_(loop, [this](Timestamp) { look(); }) {
  if (enabled_ && !messages.available()) {
    log::warn("SUMMARY",
              {{"why", "WHATSAPP_CALL_SUMMARY is set and WHATSAPP_PROVIDER is off"}, {"so", "none is sent"}});
  } else if (enabled_ && messages.provider() != "bridge" && !settings.has("whatsapp_template")) {
    log::warn("SUMMARY", {{"why", "WHATSAPP_CALL_SUMMARY is set and WHATSAPP_TEMPLATE is not"},
                          {"so", "only callers who wrote to us within 24 hours get one"}});
  }
  if (!messages.available()) return;
  loop_.post([this, weak = std::weak_ptr(alive_)] {
    if (weak.lock()) timer_.arm_after(kEvery);
  });
}

CallSummaries::~CallSummaries() {
  alive_.reset();
}

void CallSummaries::look() {
  timer_.arm_after(kEvery);
  if (!enabled_ || looking_) return;
  looking_ = true;
  store_.ask<Outcome>([this](store::Store& store) { return run(store, wall_now()); }, kStoreWait,
                      [this, weak = std::weak_ptr(alive_)](const Result<Outcome>& outcome) {
                        if (!weak.lock()) return;
                        if (outcome && outcome->queued > 0) messages_.wake();
                        loop_.post([this, weak] {
                          if (weak.lock()) looking_ = false;
                        });
                      });
}

Result<CallSummaries::Outcome> CallSummaries::run(store::Store& store, WallTime now) const {
  Outcome outcome;
  const auto due = store.records().calls_to_sum_up(now - kNotOlder, kBatch);
  if (!due) return fail(due.error());
  for (const store::CallDetails& call : *due) {
    const auto queued = decide(store, call, now);
    if (!queued) return fail(queued.error());
    ++(*queued ? outcome.queued : outcome.skipped);
  }
  return outcome;
}

Result<bool> CallSummaries::decide(store::Store& store, const store::CallDetails& call, WallTime now) const {
  const auto skip = [&](std::string_view why) -> Result<bool> {
    const auto noted = store.registry().first_time(key_of(call.call.sid), now, kRemember);
    if (!noted) return fail(noted.error());
    if (*noted) log::info("SUMMARY_SKIPPED", {{"call", call.call.sid.str()}, {"why", why}});
    return false;
  };
  if (!may_be_mobile(call.call.from)) return skip("the caller's number is not known to be a mobile");
  store::RecordFilter filter;
  filter.call = call.call.sid;
  filter.inbound = false;
  const auto earlier = store.records().messages(filter);
  if (!earlier) return fail(earlier.error());
  const bool has_it = std::ranges::any_of(
      *earlier, [](const auto& message) { return message.status != store::MessageStatus::kFailed; });
  if (has_it) return skip("it was sent during the call");

  const auto lead = std::ranges::find_if(call.leads, [](const auto& one) { return !one.summary.empty(); });
  if (lead == call.leads.end()) return skip("the call left no words");
  MessageService::Message message;
  message.to = call.call.from;
  message.text = lead->summary;
  message.call = call.call.sid;
  message.key = key_of(call.call.sid);
  message.once = true;
  const auto queued = messages_.queue_in(store, message);
  if (queued) {
    log::info("SUMMARY", {{"call", call.call.sid.str()}, {"to", log::phone(message.to)}});
    return true;
  }
  if (store::is_temporary(queued.error())) return fail(queued.error());
  return skip(queued.error().detail);
}

}  // namespace al::agentd
