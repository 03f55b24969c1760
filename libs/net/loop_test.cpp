#include "net/loop.h"

#include <atomic>

#include <gtest/gtest.h>

#include "net/net_test_support.h"

namespace al::net {
namespace {

using test::Waiter;

TEST(Loop, RunsPostedWorkInOrderOnItsOwnThread) {
  LoopThread thread("test");
  Waiter waiter;
  std::vector<int> order;
  bool inside = false;
  for (int i = 0; i < 1'000; ++i) {
    thread.loop().post([&, i] {
      waiter.change([&] {
        order.push_back(i);
        inside = thread.loop().is_current();
      });
    });
  }
  ASSERT_TRUE(waiter.wait([&] { return order.size() == 1'000; }));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_TRUE(inside);
  EXPECT_FALSE(thread.loop().is_current());
}

TEST(Loop, FiresTimersInOrderAndCountsTheirLag) {
  LoopThread thread("test");
  Waiter waiter;
  std::vector<int> order;
  std::unique_ptr<Timer> late;
  std::unique_ptr<Timer> early;
  thread.loop().post([&] {
    const Timestamp now = monotonic_now();
    late = std::make_unique<Timer>(thread.loop(), [&](Timestamp) { waiter.change([&] { order.push_back(2); }); });
    early = std::make_unique<Timer>(thread.loop(), [&](Timestamp) { waiter.change([&] { order.push_back(1); }); });
    late->arm(now + milliseconds{30});
    early->arm(now + milliseconds{5});
  });
  ASSERT_TRUE(waiter.wait([&] { return order.size() == 2; }));
  EXPECT_EQ(order, (std::vector{1, 2}));
  const LoopStats stats = thread.loop().stats();
  std::uint64_t counted = 0;
  for (const std::uint64_t count : stats.lag_counts) counted += count;
  EXPECT_EQ(counted, stats.timers_fired);
  EXPECT_GE(stats.timers_fired, 2U);
}

TEST(Loop, AnExceptionInPostedWorkEndsThatWorkOnly) {
  LoopThread thread("test");
  Waiter waiter;
  bool ran = false;
  thread.loop().post([] { throw std::runtime_error("bad"); });
  thread.loop().post([&] { waiter.change([&] { ran = true; }); });
  EXPECT_TRUE(waiter.wait([&] { return ran; }));
}

TEST(Loop, StaysAliveWithNothingToDoAndShowsAHeartbeat) {
  LoopThread thread("test");
  Waiter waiter;
  bool ran = false;
  thread.loop().post([&] { waiter.change([&] { ran = true; }); });
  ASSERT_TRUE(waiter.wait([&] { return ran; }));
  EXPECT_GT(thread.loop().stats().heartbeat.time_since_epoch().count(), 0);
}

TEST(Loop, StopsWithWorkWaiting) {
  std::atomic<int> ran{0};
  {
    LoopThread thread("test");
    for (int i = 0; i < 100; ++i) thread.loop().post([&] { ++ran; });
  }
  EXPECT_LE(ran.load(), 100);
}

}  // namespace
}  // namespace al::net
