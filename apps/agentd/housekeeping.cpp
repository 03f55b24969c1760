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

Result<Tidied> tidy_up(store::Store& store, const store::RetentionPolicy& policy, const store::CallerFolders& folders,
                       WallTime now) {
  Tidied tidied;
  const auto removed = store.records().apply_retention(policy, now);
  if (!removed) return fail(removed.error());
  tidied.records = removed->total();
  const auto forgotten = store.registry().purge(now - kEndedAfter, now - kLostAfter);
  if (!forgotten) return fail(forgotten.error());
  tidied.calls_forgotten = *forgotten;
  if (policy.records.count() > 0) {
    const auto samples = store::remove_old_samples(folders, now - policy.records);
    if (samples) {
      tidied.samples = *samples;
    } else {
      log::warn("HOUSEKEEPING_FILES", {{"why", samples.error().detail}});
    }
  }
  return tidied;
}

Housekeeping::Housekeeping(const Settings& settings, net::Loop& loop, store::AsyncStore& store)
    : store_(store),
      policy_{days_of(settings, "retention_days"), days_of(settings, "lead_retention_days")},
      folders_(store::caller_folders(settings)),
      timer_(loop, [this](Timestamp) { clean(); }) {
  loop.post([this] { timer_.arm_after(kFirst); });
}

void Housekeeping::clean() {
  timer_.arm_after(kInterval);
  (void)store_.write("housekeeping", [policy = policy_, folders = folders_](store::Store& store) -> Result<void> {
    const auto tidied = tidy_up(store, policy, folders, wall_now());
    if (!tidied) return fail(tidied.error());
    if (tidied->records + tidied->calls_forgotten + tidied->samples > 0) {
      log::info("HOUSEKEEPING", {{"records_removed", tidied->records},
                                 {"calls_forgotten", tidied->calls_forgotten},
                                 {"samples_removed", tidied->samples}});
    }
    return {};
  });
}

}  // namespace al::agentd
