#include "agentd/supervisor.h"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include <systemd/sd-daemon.h>

#include "core/log.h"

namespace al::agentd {
namespace {

constexpr Duration kTick = milliseconds{500};
// Twilio asks within a second who goes on with a stream that was closed.
constexpr Duration kHandOver = seconds{2};
constexpr Duration kHungAfter = seconds{5};

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// The next signal, or 0 after `wait`.
int next_signal(Duration wait) {
  const sigset_t set = handled_signals();
  timespec limit{};
  limit.tv_sec = static_cast<std::time_t>(wait.count() / 1'000'000);
  limit.tv_nsec = static_cast<long>(wait.count() % 1'000'000) * 1'000;
  const int signal = sigtimedwait(&set, nullptr, &limit);
  return signal < 0 ? 0 : signal;
}

void reload(Daemon& daemon, Settings& current, const LoadSettings& load_again) {
  auto fresh = load_again();
  if (!fresh) {
    log::error("RELOAD_REFUSED", {{"why", fresh.error().detail}, {"instead", "the old settings stay"}});
    sd_notifyf(0, "STATUS=Bad configuration, the old one stays: %s", fresh.error().detail.c_str());
    return;
  }
  for (const std::string_view key : fresh->differences(current)) {
    const SettingSpec* spec = find_setting(key);
    log::info("RELOAD",
              {{"setting", key}, {"takes_effect", spec != nullptr && spec->live ? "now" : "after a restart"}});
  }
  (void)daemon.reload(*fresh);
  current = std::move(*fresh);
}

// How long the watchdog of systemd waits for a sign; 0 = it does not watch.
Duration watchdog_interval() {
  std::uint64_t microseconds_allowed = 0;
  return sd_watchdog_enabled(0, &microseconds_allowed) > 0 ? Duration{static_cast<std::int64_t>(microseconds_allowed)}
                                                           : Duration{0};
}

}  // namespace

void block_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int supervise(Daemon& daemon, Settings settings, const LoadSettings& load_again) {
  const Duration watchdog = watchdog_interval();
  const Duration tick = watchdog > Duration{0} ? std::min(kTick, watchdog / 3) : kTick;
  std::string status = daemon.status_line();
  sd_notifyf(0, "READY=1\nSTATUS=%s", status.c_str());
  std::optional<Timestamp> drain_until;
  std::optional<Timestamp> leave_at;  // after the hand-over
  for (;;) {
    const int signal = next_signal(tick);
    if (signal == SIGHUP) {
      sd_notify(0, "RELOADING=1");
      reload(daemon, settings, load_again);
      sd_notify(0, "READY=1");
    } else if (signal != 0) {
      if (drain_until) {
        log::warn("STOP", {{"why", "a second signal"}});
        return 0;
      }
      daemon.drain();
      sd_notify(0, "STOPPING=1");
      drain_until = monotonic_now() + settings.duration("drain_sec");
    }
    if (drain_until) {
      const Timestamp now = monotonic_now();
      if (leave_at ? now >= *leave_at : daemon.calls() == 0) return 0;
      if (!leave_at && now >= *drain_until) {
        log::warn("HAND_OVER", {{"streams", daemon.streams()}});
        daemon.hand_over();
        leave_at = now + kHandOver;
      }
      // The drain may be longer than systemd's patience: ask for more while calls go on.
      sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%llu", 30'000'000ULL);
    }
    // Only loops that turn keep the watchdog quiet: a hung one is a silent line.
    if (watchdog > Duration{0} && daemon.loops_alive(kHungAfter)) sd_notify(0, "WATCHDOG=1");
    if (std::string now = daemon.status_line(); now != status) {
      status = std::move(now);
      sd_notifyf(0, "STATUS=%s", status.c_str());
    }
  }
}

}  // namespace al::agentd
