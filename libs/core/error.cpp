#include "core/error.h"

namespace al {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::kTimeout:
      return "timeout";
    case Errc::kClosed:
      return "closed";
    case Errc::kRejected:
      return "rejected";
    case Errc::kRateLimited:
      return "rate limited";
    case Errc::kMalformed:
      return "malformed";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kNotFound:
      return "not found";
    case Errc::kConflict:
      return "conflict";
    case Errc::kInternal:
      return "internal";
  }
  return "unknown";
}

std::string to_string(const Error& error) {
  std::string text(to_string(error.code));
  if (!error.detail.empty()) text += ": " + error.detail;
  return text;
}

}  // namespace al
