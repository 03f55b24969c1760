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
      if (daemon.streams() == 0 || monotonic_now() >= *drain_until) return 0;
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
