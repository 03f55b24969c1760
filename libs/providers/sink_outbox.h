// Sink calls of a session that several threads feed: queued under the session's own lock, made without it, in order.
// Nobody who holds a lock may wait for a sink, because the sink's owner may be calling the session under a lock of its
// own. See sink_gate.h for the promise it keeps.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "providers/sink_gate.h"

namespace al::providers {

template <typename Sink>
class SinkOutbox {
 public:
  explicit SinkOutbox(std::shared_ptr<Sink> sink) : gate_(std::move(sink)) {}

  // Any thread, also with locks held. The call is made by the next drain().
  void add(std::function<void(Sink&)> call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
  }

  // Makes the calls that wait. Never with a lock held. Where another thread is at it, that one makes them all.
  void drain() {
    while (true) {
      std::function<void(Sink&)> call;
      {
        const std::lock_guard lock(mutex_);
        if (draining_ || calls_.empty()) return;
        draining_ = true;
        call = std::move(calls_.front());
        calls_.pop_front();
      }
      gate_.with(call);
      const std::lock_guard lock(mutex_);
      draining_ = false;
    }
  }

  // Waits for a call that is being made; none is made after it.
  void close() { gate_.close(); }

 private:
  SinkGate<Sink> gate_;
  std::mutex mutex_;  // guards the next two
  std::deque<std::function<void(Sink&)>> calls_;
  bool draining_ = false;
};

}  // namespace al::providers
