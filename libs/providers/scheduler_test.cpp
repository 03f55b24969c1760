#include "providers/scheduler.h"

#include <future>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

namespace al::providers {
namespace {

TEST(TimerThread, RunsTasksInTheOrderOfTheirTimes) {
  const auto timers = make_timer_thread();
  std::vector<int> order;
  std::promise<void> done;
  const Timestamp now = timers->now();
  timers->at(now + milliseconds{20}, [&] {
    order.push_back(3);
    done.set_value();
  });
  timers->at(now + milliseconds{10}, [&] { order.push_back(2); });
  timers->at(now, [&] { order.push_back(1); });
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds{30}), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_GE(timers->now() - now, milliseconds{20});
}

TEST(TimerThread, ATaskMayArmAnother) {
  const auto timers = make_timer_thread();
  std::promise<void> done;
  timers->at(timers->now(), [&] { timers->at(timers->now(), [&] { done.set_value(); }); });
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds{30}), std::future_status::ready);
}

TEST(TimerThread, DropsWhatIsNotDueWhenDestroyed) {
  bool ran = false;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = held;
  {
    const auto timers = make_timer_thread();
    timers->at(timers->now() + seconds{3600}, [&ran, held = std::move(held)] { ran = true; });
  }
  EXPECT_FALSE(ran);
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace al::providers
