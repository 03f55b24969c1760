// The watchdog's errands: claims in the registry, redirects through REST.
#include <algorithm>
#include <utility>

#include "agentd/call_desk.h"
#include "core/log.h"

namespace al::agentd {

using store::RegistryRow;
using store::WatchdogAction;

namespace {
constexpr Duration kClaimWait = seconds{2};

milliseconds to_wall(Duration duration) {
  return std::chrono::duration_cast<milliseconds>(duration);
}
}  // namespace

store::WatchdogOptions CallDesk::watchdog_options() const {
  store::WatchdogOptions options;
  options.start_limit = options_.start_limit;
  options.media_limit = options_.media_limit;
  options.poll = options_.poll;
  options.can_redirect = rest_.available();
  options.shared = options_.shared_store;
  options.rest_timeout = options_.rest_timeout;
  options.rest_attempts = options_.rest_attempts;
  // A claim must outlive the attempt that it covers, however patient that is.
  options.lease = std::max(options.lease, options.rest_timeout * 2 + seconds{2});
  return options;
}

std::string CallDesk::base_url() {
  const std::lock_guard lock(mutex_);
  return last_base_;
}

void CallDesk::pump() {
  while (const auto action = watchdog_.poll_action()) act(*action);
  timer_.arm(watchdog_.deadline());
}

void CallDesk::act(const WatchdogAction& action) {
  switch (action.kind) {
    case WatchdogAction::Kind::kClaimDue:
      claim_due();
      break;
    case WatchdogAction::Kind::kClaimOne:
      claim_one(action);
      break;
    case WatchdogAction::Kind::kRedirect:
      redirect(action);
      break;
    case WatchdogAction::Kind::kFinish:
      finish(action);
      break;
    case WatchdogAction::Kind::kReport:
      log::warn("WATCHDOG", {{"call", action.call.str()}, {"reason", action.reason}});
      // A call that never started and cannot be redirected keeps no slot.
      if (const auto seat = seats_.find(action.call); seat != seats_.end() && seat->second.stream.empty()) {
        release_slot();
        seats_.erase(seat);
      }
      break;
  }
}

void CallDesk::claim_due() {
  const store::WatchdogOptions options = watchdog_options();
  store_.ask<std::vector<RegistryRow>>(
      [node = options_.node, lease = options.lease, batch = options.claim_batch](store::Store& store) {
        return store.registry().claim_due(node, wall_now(), lease, batch);
      },
      kClaimWait,
      [this, weak = std::weak_ptr(alive_)](Result<std::vector<RegistryRow>> rows) {
        if (!weak.lock()) return;
        on_loop([this, rows = std::move(rows)] {
          if (rows) {
            watchdog_.due_claimed(*rows, monotonic_now());
          } else {
            watchdog_.due_failed(monotonic_now());
          }
          pump();
        });
      });
}

void CallDesk::claim_one(const WatchdogAction& action) {
  store_.ask<bool>(
      [call = action.call, stream = action.stream, node = options_.node, lease = watchdog_options().lease](
          store::Store& store) { return store.registry().claim_redirect(call, stream, node, wall_now(), lease); },
      kClaimWait,
      [this, weak = std::weak_ptr(alive_), call = action.call, stream = action.stream](Result<bool> won) {
        if (!weak.lock()) return;
        on_loop([this, call, stream, won] {
          if (won && !*won) stream_lost(call, stream, "it was silent, and its call is elsewhere");
          watchdog_.claim_answered(call, won ? std::optional<bool>(*won) : std::nullopt, monotonic_now());
          pump();
        });
      });
}

void CallDesk::redirect(const WatchdogAction& action) {
  const std::string base = base_url();
  log::warn("WATCHDOG", {{"call", action.call.str()},
                         {"reason", action.reason},
                         {"action", "redirect to voicemail"},
                         {"attempt", action.attempt}});
  rest_.redirect_once(action.call, base + "/webhook/handle_recording",
                      [this, weak = std::weak_ptr(alive_), call = action.call](store::RestVerdict verdict) {
                        if (!weak.lock()) return;
                        watchdog_.rest_answered(call, verdict, monotonic_now());
                        pump();
                      });
}

void CallDesk::finish(const WatchdogAction& action) {
  const WallTime now = wall_now();
  (void)store_.write("finish_redirect",
                     [call = action.call, node = options_.node, end = action.end, now,
                      again = now + to_wall(action.again_in)](store::Store& store) -> Result<void> {
                       const auto done = store.registry().finish_redirect(call, node, end, now, again);
                       return done ? Result<void>() : fail(done.error());
                     });
  // The call is at the voicemail now, or over: its seat is free.
  if (action.end != store::RedirectEnd::kNotSent) gone(action.call);
}

}  // namespace al::agentd
