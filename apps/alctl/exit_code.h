// The exit codes of alctl: stable, documented in its man page, tested. Scripts depend on them.
#pragma once

#include <string_view>

#include "core/error.h"

namespace al::alctl {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,        // the thing was done and the answer is "no": a check failed, a signature does not match
  kUsage = 2,         // the command line makes no sense
  kNotReady = 3,      // the server is not running or not ready
  kNotFound = 4,      // no such call, code, file
  kDenied = 5,        // refused: key, signature, permission
  kUnreachable = 6,   // no connection, or no answer in time
  kConflict = 7,      // somebody else was first
  kLimit = 8,         // a limit or a budget is used up
  kConfig = 78,       // the configuration is wrong (EX_CONFIG)
  kInterrupted = 130  // Ctrl-C
};

[[nodiscard]] std::string_view describe(ExitCode code);
[[nodiscard]] ExitCode exit_code_for(Errc code);

}  // namespace al::alctl
