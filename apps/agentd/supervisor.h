// The main thread of agentd once it runs: signals, systemd, drain. SIGTERM and SIGINT drain, a second one stops at
// once; SIGHUP reads the settings again.
#pragma once

#include <functional>

#include "agentd/daemon.h"
#include "core/error.h"
#include "core/settings.h"

namespace al::agentd {

using LoadSettings = std::function<Result<Settings>()>;

// Call before any thread is started.
void block_signals();
// Tells systemd that we are ready, then returns when the daemon is to end: 0, or 1 when a loop hung.
int supervise(Daemon& daemon, Settings settings, const LoadSettings& load_again);

}  // namespace al::agentd
