#include "alctl/exit_code.h"

namespace al::alctl {

std::string_view describe(ExitCode code) {
  switch (code) {
    case ExitCode::kOk:
      return "done";
    case ExitCode::kFailed:
      return "done, and the answer is no: a check failed, something does not match";
    case ExitCode::kUsage:
      return "the command line makes no sense";
    case ExitCode::kNotReady:
      return "the server is not running or not ready";
    case ExitCode::kNotFound:
      return "no such thing";
    case ExitCode::kDenied:
      return "refused: key, signature or permission";
    case ExitCode::kUnreachable:
      return "no connection, or no answer in time";
    case ExitCode::kConflict:
      return "somebody else was first";
    case ExitCode::kLimit:
      return "a limit or a budget is used up";
    case ExitCode::kConfig:
      return "the configuration is wrong";
    case ExitCode::kInterrupted:
      return "interrupted from the keyboard";
  }
  return "unknown";
}

ExitCode exit_code_for(Errc code) {
  switch (code) {
    case Errc::kTimeout:
    case Errc::kClosed:
      return ExitCode::kUnreachable;
    case Errc::kRejected:
      return ExitCode::kDenied;
    case Errc::kRateLimited:
      return ExitCode::kLimit;
    case Errc::kNotFound:
      return ExitCode::kNotFound;
    case Errc::kConflict:
      return ExitCode::kConflict;
    case Errc::kMalformed:
    case Errc::kUnsupported:
    case Errc::kInternal:
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

}  // namespace al::alctl
