#include "agentd/message_recovery.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "core/log.h"

namespace al::agentd {
namespace {

constexpr Duration kFirst = seconds{1};
constexpr Duration kEvery = seconds{30};
constexpr Duration kStoreWait = seconds{5};
// A model may take its timeout, a tool and a second round.
constexpr auto kAnswerTakes = seconds{40};
constexpr auto kNobodyWaits = std::chrono::minutes{15};
constexpr Duration kRemember = std::chrono::hours{24};
constexpr int kMost = 2'000;

}  // namespace

Result<std::vector<store::MessageRecord>> take_unanswered(store::Store& store, WallTime now) {
  store::RecordFilter filter;
  filter.since = now - kNobodyWaits;
  filter.limit = kMost;
  const auto recent = store.records().messages(filter);
  if (!recent) return fail(recent.error());
  // Whoever was written to afterwards has had their answer, be it to this message or to the next one.
  std::set<std::string> spoken_to;
  std::vector<store::MessageRecord> taken;
  for (const store::MessageRecord& message : *recent) {  // newest first
    if (!message.inbound) {
      spoken_to.insert(message.to);
      continue;
    }
    if (message.at > now - kAnswerTakes) {
      spoken_to.insert(message.from);  // they are being answered right now
      continue;
    }
    if (spoken_to.contains(message.from)) continue;
    const auto chat = store.records().chat(message.from);
    if (!chat && chat.error().code != Errc::kNotFound) return fail(chat.error());
    if (chat && chat->updated >= message.at) continue;  // heard, and there was nothing to say
    const auto out = store.records().opted_out(message.from);
    if (!out) return fail(out.error());
    if (*out) continue;
    const auto ours =
        store.registry().first_time("answer:" + message.provider + ":" + message.provider_id, now, kRemember);
    if (!ours) return fail(ours.error());
    if (*ours) taken.push_back(message);
  }
  std::reverse(taken.begin(), taken.end());
  return taken;
}

MessageRecovery::MessageRecovery(net::Loop& loop, store::AsyncStore& store, Answer answer)
    : loop_(loop), store_(store), answer_(std::move(answer)), timer_(loop, [this](Timestamp) { look(); }) {
  loop_.post([this, weak = std::weak_ptr(alive_)] {
    if (weak.lock()) timer_.arm_after(kFirst);
  });
}

MessageRecovery::~MessageRecovery() {
  alive_.reset();
}

void MessageRecovery::look() {
  timer_.arm_after(kEvery);
  store_.ask<std::vector<store::MessageRecord>>(
      [](store::Store& store) { return take_unanswered(store, wall_now()); }, kStoreWait,
      [this, weak = std::weak_ptr(alive_)](const Result<std::vector<store::MessageRecord>>& messages) {
        if (!messages || !weak.lock()) return;
        for (const store::MessageRecord& message : *messages) {
          log::info("WHATSAPP_LATE", {{"from", log::phone(message.from)}, {"id", message.provider_id}});
          answer_(message);
        }
      });
}

}  // namespace al::agentd
