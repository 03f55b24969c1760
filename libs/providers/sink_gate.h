// The promise of dialog/ports.h in one place: one sink call at a time for one session, and none after the session's
// destructor has returned. A session owns a shared gate and closes it in its destructor; jobs and callbacks that may
// outlive the session hold the gate and go through it.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace al::providers {

template <typename Sink>
class SinkGate {
 public:
  explicit SinkGate(std::shared_ptr<Sink> sink) : sink_(std::move(sink)) {}

  // Calls `use(sink)` unless the gate is closed; returns whether it did. `use` must not open or close this gate.
  template <typename Use>
  bool with(Use&& use) {
    const std::lock_guard lock(mutex_);
    if (!sink_) return false;
    std::forward<Use>(use)(*sink_);
    return true;
  }
  [[nodiscard]] bool open() const {
    const std::lock_guard lock(mutex_);
    return sink_ != nullptr;
  }
  // Waits for a call that is under way; none begins after it.
  void close() {
    std::shared_ptr<Sink> last;  // destroyed outside the lock
    const std::lock_guard lock(mutex_);
    last.swap(sink_);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Sink> sink_;
};

}  // namespace al::providers
