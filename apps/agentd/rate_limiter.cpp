#include "agentd/rate_limiter.h"

#include <algorithm>
#include <cmath>

namespace al::agentd {
namespace {
constexpr double kMicrosecondsPerMinute = 60e6;
}

RateLimiter::RateLimiter(int per_minute, std::size_t max_addresses)
    : per_microsecond_(static_cast<double>(std::max(per_minute, 1)) / kMicrosecondsPerMinute),
      burst_(std::max(5.0, static_cast<double>(per_minute) / 4)),
      max_addresses_(std::max<std::size_t>(max_addresses, 1)) {}

bool RateLimiter::allow(std::string_view address, Timestamp now) {
  const std::lock_guard lock(mutex_);
  if (const auto known = by_address_.find(address); known != by_address_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    Bucket& bucket = recent_.front();
    const auto passed = static_cast<double>(std::max<Duration::rep>((now - bucket.filled).count(), 0));
    bucket.tokens = std::min(burst_, bucket.tokens + passed * per_microsecond_);
    bucket.filled = now;
  } else {
    if (recent_.size() >= max_addresses_) {
      by_address_.erase(recent_.back().address);
      recent_.pop_back();
    }
    recent_.push_front({std::string(address), burst_, now});
    by_address_.emplace(recent_.front().address, recent_.begin());
  }
  Bucket& bucket = recent_.front();
  constexpr double kRounding = 1e-9;  // of many small additions
  if (bucket.tokens < 1 - kRounding) return false;
  bucket.tokens -= 1;
  return true;
}

std::size_t RateLimiter::addresses() const {
  const std::lock_guard lock(mutex_);
  return recent_.size();
}

int RateLimiter::retry_after_s() const {
  return std::max(1, static_cast<int>(std::ceil(1.0 / per_microsecond_ / 1e6)));
}

}  // namespace al::agentd
