// One simulated call from dialling to its end, with a script: what `alctl call` does between its options and its
// report.
#pragma once

#include <string>
#include <vector>

#include "alctl/call_report.h"
#include "alctl/caller_script.h"
#include "alctl/line_driver.h"

namespace al::alctl {

struct CallSetup {
  twilio::SimulatedCallOptions call;
  LineDriverOptions driver;
  CallerScriptOptions script;
  std::vector<CallerLine> lines;
  std::string dtmf;                     // pressed when the agent has finished its greeting
  Duration linger = milliseconds{500};  // after the agent's last words, before the caller hangs up
  Duration longest = seconds{300};
};

struct CallResult {
  CallOutcome outcome;
  CallTracks tracks;
};

// Blocks until the call is over. Ctrl-C makes the caller hang up.
[[nodiscard]] CallResult run_call(CallSetup setup, Io& io);

// Random identifiers as Twilio makes them.
[[nodiscard]] std::string random_sid(const std::string& prefix);

}  // namespace al::alctl
