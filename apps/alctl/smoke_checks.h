// The go/no-go list for a server that Twilio is to call: each check is one line with one reason.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "alctl/twilio_target.h"
#include "core/time.h"

namespace al::alctl {

struct SmokeCheck {
  std::string name;  // stable
  bool ok = false;
  double ms = 0;
  std::string detail;
  bool skipped = false;  // could not be tried (no token); counts as ok
};

struct SmokeLimits {
  double status_route_ms = 100;
  double version_ms = 1000;
  double first_audio_ms = 2000;
  Duration stranger_gone = seconds{4};  // a socket without a token must be closed (SPEC: 3 s) within this
};

// Runs all checks in order; `on_check` hears each result as it is known. Blocking, about ten seconds.
[[nodiscard]] std::vector<SmokeCheck> run_smoke(const TwilioTarget& target, const SmokeLimits& limits,
                                                const std::function<void(const SmokeCheck&)>& on_check);
[[nodiscard]] bool all_ok(const std::vector<SmokeCheck>& checks);

}  // namespace al::alctl
