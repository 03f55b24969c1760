#include "providers/scheduler.h"

#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

namespace al::providers {
namespace {

TEST(TimerThread, AnEarlierTaskDoesNotWaitForALaterOne) {
  const auto scheduler = make_timer_thread();
  std::mutex mutex;
  std::condition_variable changed;
  bool ran = false;
  scheduler->at(scheduler->now() + std::chrono::hours{1}, [] {});
  for (int i = 0; i < 100; ++i) {
    ran = false;
    scheduler->at(scheduler->now(), [&] {
      const std::lock_guard lock(mutex);
      ran = true;
      changed.notify_one();
    });
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, seconds{20}, [&] { return ran; })) << i;
  }
}

TEST(TimerThread, WaitingTasksAreDroppedWithIt) {
  bool ran = false;
  {
    const auto scheduler = make_timer_thread();
    scheduler->at(scheduler->now() + std::chrono::hours{1}, [&] { ran = true; });
  }
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace al::providers
