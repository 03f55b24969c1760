// Whether a provider should be asked at all. Closed: yes. After repeated failures open: no, for a while that doubles
// with each relapse. Then half-open: one request goes through as a probe and decides. A pure state machine: no clock,
// no thread, no lock; the chain that owns it passes `now` and serialises. Source of the pattern: M. Nygard, Release
// It!.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "core/time.h"

namespace al::providers {

struct BreakerOptions {
  int failures_to_open = 3;             // in a row, each within `window` of the one before
  Duration window = seconds{60};        // an older failure is forgotten
  Duration open_for = seconds{5};       // first rest; doubles with each failed probe …
  Duration longest_open = seconds{60};  // … up to this
  Duration rejected_for = seconds{60};  // after kRejected (wrong key): opens at once, asking again does not help
  Duration probe_limit = seconds{20};   // a probe that reported nothing for so long is taken as lost
};

class CircuitBreaker {
 public:
  enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen };

  explicit CircuitBreaker(BreakerOptions options = {}) : options_(options) {}

  // May a request be sent now? In half-open a `true` takes the one probe: report its end with one of the three below.
  [[nodiscard]] bool allow(Timestamp now);

  // Each returns true when this closed (succeeded) or opened (failed) the breaker.
  bool succeeded(Timestamp now);
  // `code` and the provider's wish to be left alone for `retry_after` (0 = none): kRejected and a retry_after open at
  // once; kUnsupported says nothing about the provider's health and is ignored.
  bool failed(Timestamp now, Errc code, Duration retry_after = {});
  // The request was cancelled by us before it could tell: a probe is given back.
  void abandoned(Timestamp now);

  [[nodiscard]] State state(Timestamp now) const;
  [[nodiscard]] Timestamp opens_until() const { return open_until_; }

 private:
  void open(Timestamp now, Duration rest);

  BreakerOptions options_;
  State state_ = State::kClosed;
  int failures_ = 0;  // in a row
  Timestamp last_failure_{};
  Timestamp open_until_{};
  Duration rest_{};  // of the latest opening; 0 = has not opened since it was healthy
  bool probing_ = false;
  Timestamp probe_since_{};
};

[[nodiscard]] std::string_view to_string(CircuitBreaker::State state);  // "closed", "open", "half-open"

}  // namespace al::providers
