// Timers for provider chains, given from outside so that tests run in virtual time. Chains have no thread of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/time.h"

namespace al::providers {

class Scheduler {
 public:
  virtual ~Scheduler() = default;
  // Any thread. The time that at() is measured in.
  [[nodiscard]] virtual Timestamp now() const = 0;
  // Any thread. Runs `task` once, at or soon after `when`, never from inside this call. Tasks must not block.
  virtual void at(Timestamp when, std::function<void()> task) = 0;
};

// One thread with a queue of timers, on the monotonic clock. Tasks that are still waiting when it is destroyed are
// dropped. For programs without a loop to lend; agentd and alctl make one.
[[nodiscard]] std::unique_ptr<Scheduler> make_timer_thread();

}  // namespace al::providers
