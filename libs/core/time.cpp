#include "core/time.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace al {

Timestamp monotonic_now() {
  return Timestamp{std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

WallTime wall_now() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

std::string to_iso8601(WallTime time) {
  const auto whole = std::chrono::floor<seconds>(time);
  const auto ms = (time - whole).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(whole)), ms);
}

}  // namespace al
