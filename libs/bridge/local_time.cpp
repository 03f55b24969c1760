#include "bridge/local_time.h"

#include <chrono>
#include <ctime>

namespace al::bridge {

WallTime to_local(WallTime moment) {
  const std::time_t whole = std::chrono::system_clock::to_time_t(moment);
  std::tm local{};
  if (localtime_r(&whole, &local) == nullptr) return moment;
  return moment + std::chrono::seconds(local.tm_gmtoff);
}

}  // namespace al::bridge
