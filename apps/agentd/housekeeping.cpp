#include "agentd/housekeeping.h"

#include "core/log.h"

namespace al::agentd {
namespace {

constexpr Duration kFirst = std::chrono::minutes{2};  // not while a node starts
constexpr Duration kInterval = std::chrono::hours{1};
constexpr auto kEndedAfter = std::chrono::hours{24};  // webhooks of a call are repeated for a day at most
constexpr auto kLostAfter = std::chrono::hours{24};   // its last report never came; no call is that long

std::chrono::days days_of(const Settings& settings, std::string_view key) {
  return std::chrono::duration_cast<std::chrono::days>(settings.duration(key));
}

}  // namespace

Housekeeping::Housekeeping(const Settings& settings, net::Loop& loop, store::AsyncStore& store)
    : store_(store),
      policy_{days_of(settings, "retention_days"), days_of(settings, "lead_retention_days")},
      timer_(loop, [this](Timestamp) { clean(); }) {
  loop.post([this] { timer_.arm_after(kFirst); });
}

void Housekeeping::clean() {
  timer_.arm_after(kInterval);
  (void)store_.write("housekeeping", [policy = policy_](store::Store& store) -> Result<void> {
    const WallTime now = wall_now();
    const auto removed = store.records().apply_retention(policy, now);
    if (!removed) return fail(removed.error());
    const auto forgotten = store.registry().purge(now - kEndedAfter, now - kLostAfter);
    if (!forgotten) return fail(forgotten.error());
    if (removed->total() + *forgotten > 0) {
      log::info("HOUSEKEEPING", {{"records_removed", removed->total()}, {"calls_forgotten", *forgotten}});
    }
    return {};
  });
}

}  // namespace al::agentd
