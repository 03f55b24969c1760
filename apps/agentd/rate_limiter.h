// How many requests one address may send: a token bucket an address, in a bounded table. For /api and for unsigned
// requests; signed requests of Twilio never come here. Time is passed in. Thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/time.h"

namespace al::agentd {

class RateLimiter {
 public:
  // `per_minute` requests, of which a quarter (at least 5) may come at once. At most `max_addresses` are remembered:
  // beyond that the one that has been quiet longest is forgotten.
  explicit RateLimiter(int per_minute, std::size_t max_addresses = 10'000);

  // True if a request of `address` may pass now.
  [[nodiscard]] bool allow(std::string_view address, Timestamp now);
  [[nodiscard]] std::size_t addresses() const;
  // Seconds after which a refused address may try again, for Retry-After.
  [[nodiscard]] int retry_after_s() const;

 private:
  struct Bucket {
    std::string address;
    double tokens = 0;
    Timestamp filled{};
  };

  const double per_microsecond_;
  const double burst_;
  const std::size_t max_addresses_;
  mutable std::mutex mutex_;
  std::list<Bucket> recent_;                                                      // the last one used first
  std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_address_;  // keys view into recent_
};

}  // namespace al::agentd
