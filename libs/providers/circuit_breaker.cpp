#include "providers/circuit_breaker.h"

#include <algorithm>

namespace al::providers {

bool CircuitBreaker::allow(Timestamp now) {
  if (state_ == State::kClosed) return true;
  if (now < open_until_) return false;
  state_ = State::kHalfOpen;
  if (probing_ && now - probe_since_ < options_.probe_limit) return false;
  probing_ = true;
  probe_since_ = now;
  return true;
}

bool CircuitBreaker::succeeded(Timestamp) {
  const bool was_open = state_ != State::kClosed;
  state_ = State::kClosed;
  failures_ = 0;
  rest_ = {};
  probing_ = false;
  return was_open;
}

bool CircuitBreaker::failed(Timestamp now, Errc code, Duration retry_after) {
  if (code == Errc::kUnsupported) {
    abandoned(now);
    return false;
  }
  if (state_ == State::kOpen) return false;  // a late answer to a request from before it opened
  if (failures_ > 0 && now - last_failure_ > options_.window) failures_ = 0;
  ++failures_;
  last_failure_ = now;
  if (code == Errc::kRejected) {
    open(now, options_.rejected_for);
  } else if (retry_after > Duration::zero()) {
    open(now, std::min<Duration>(retry_after, options_.longest_open));
  } else if (state_ == State::kHalfOpen) {
    open(now, std::min<Duration>(2 * rest_, options_.longest_open));
  } else if (failures_ >= options_.failures_to_open) {
    open(now, options_.open_for);
  } else {
    return false;
  }
  return true;
}

void CircuitBreaker::abandoned(Timestamp) {
  probing_ = false;
}

void CircuitBreaker::open(Timestamp now, Duration rest) {
  state_ = State::kOpen;
  rest_ = std::max(rest, options_.open_for);
  open_until_ = now + rest;
  probing_ = false;
}

CircuitBreaker::State CircuitBreaker::state(Timestamp now) const {
  return state_ == State::kOpen && now >= open_until_ ? State::kHalfOpen : state_;
}

std::string_view to_string(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed:
      return "closed";
    case CircuitBreaker::State::kOpen:
      return "open";
    case CircuitBreaker::State::kHalfOpen:
      return "half-open";
  }
  return "?";
}

}  // namespace al::providers
