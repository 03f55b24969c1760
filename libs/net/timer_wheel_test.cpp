#include "net/timer_wheel.h"

#include <vector>

#include <gtest/gtest.h>

namespace al::net {
namespace {

// The wheel alone, in virtual time. Timers need a Loop for arm(); here the wheel is driven by hand.
class TimerWheelTest : public ::testing::Test {
 protected:
  static Timestamp at(std::int64_t us) { return Timestamp{Duration{us}}; }
  void advance(std::int64_t us) {
    wheel_.advance(at(us), [this](Duration late) { lateness_.push_back(late.count()); });
  }
  Loop loop_;
  TimerWheel wheel_{at(0)};
  std::vector<std::int64_t> lateness_;
  std::vector<int> fired_;
};

TEST_F(TimerWheelTest, NeverFiresEarlyAndAtMostOneTickLate) {
  Timer timer(loop_, [&](Timestamp) { fired_.push_back(1); });
  wheel_.arm(timer, at(5'300));
  advance(5'299);
  EXPECT_TRUE(fired_.empty());
  EXPECT_EQ(wheel_.next_tick(), at(6'000));
  advance(6'000);
  EXPECT_EQ(fired_.size(), 1U);
  EXPECT_FALSE(timer.armed());
  EXPECT_EQ(wheel_.next_tick(), std::nullopt);
}

TEST_F(TimerWheelTest, FiresInOrderOfTicksWhenItComesLate) {
  Timer a(loop_, [&](Timestamp) { fired_.push_back(1); });
  Timer b(loop_, [&](Timestamp) { fired_.push_back(2); });
  Timer c(loop_, [&](Timestamp) { fired_.push_back(3); });
  wheel_.arm(c, at(30'000));
  wheel_.arm(a, at(10'000));
  wheel_.arm(b, at(20'000));
  advance(50'000);
  EXPECT_EQ(fired_, (std::vector{1, 2, 3}));
  EXPECT_EQ(lateness_, (std::vector<std::int64_t>{40'000, 30'000, 20'000}));
}

TEST_F(TimerWheelTest, ADeadlineBeyondOneTurnWaitsInItsSlot) {
  Timer far(loop_, [&](Timestamp) { fired_.push_back(1); });
  wheel_.arm(far, at(600'000'000));  // ten minutes
  for (std::int64_t ms = 1; ms < 600'000; ms += 97) advance(ms * 1'000);
  EXPECT_TRUE(fired_.empty());
  advance(600'000'000);
  EXPECT_EQ(fired_.size(), 1U);
}

TEST_F(TimerWheelTest, ACancelledOrRearmedTimerDoesNotFireAtItsOldTime) {
  Timer timer(loop_, [&](Timestamp) { fired_.push_back(1); });
  wheel_.arm(timer, at(5'000));
  wheel_.arm(timer, at(9'000));
  advance(6'000);
  EXPECT_TRUE(fired_.empty());
  TimerWheel::cancel(timer);
  advance(20'000);
  EXPECT_TRUE(fired_.empty());
}

TEST_F(TimerWheelTest, ACallbackMayCancelAndDestroyItsNeighboursOfTheSameTick) {
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 4; ++i) {
    timers.push_back(std::make_unique<Timer>(loop_, [&, i](Timestamp) {
      fired_.push_back(i);
      if (i == 0) {
        timers[1].reset();
        timers[2]->cancel();
      }
    }));
    wheel_.arm(*timers.back(), at(5'000));
  }
  advance(5'000);
  EXPECT_EQ(fired_, (std::vector{0, 3}));
}

TEST_F(TimerWheelTest, ACallbackMayArmItselfAgain) {
  Timer timer(loop_, [&](Timestamp now) {
    fired_.push_back(1);
    wheel_.arm(timer, now + milliseconds{20});
  });
  wheel_.arm(timer, at(20'000));
  for (std::int64_t ms = 1; ms <= 1'000; ++ms) advance(ms * 1'000);
  EXPECT_EQ(fired_.size(), 50U);
}

TEST_F(TimerWheelTest, APastDeadlineFiresAtTheNextTick) {
  advance(100'000);
  Timer timer(loop_, [&](Timestamp) { fired_.push_back(1); });
  wheel_.arm(timer, at(50'000));
  EXPECT_EQ(wheel_.next_tick(), at(101'000));
  advance(101'000);
  EXPECT_EQ(fired_.size(), 1U);
}

TEST_F(TimerWheelTest, NextTickFindsEverySlotFromEveryPosition) {
  for (const std::int64_t start : {0, 63, 64, 500, 1'023, 1'024, 70'000}) {
    for (const std::int64_t ahead : {1, 2, 63, 64, 65, 127, 1'000, 1'023, 1'024}) {
      TimerWheel wheel(at(start * 1'000));
      Timer timer(loop_, [](Timestamp) {});
      wheel.arm(timer, at((start + ahead) * 1'000));
      EXPECT_EQ(wheel.next_tick(), at((start + ahead) * 1'000)) << start << " + " << ahead;
    }
  }
}

TEST_F(TimerWheelTest, AThrowingCallbackDoesNotStopTheOthers) {
  Timer bad(loop_, [](Timestamp) { throw std::runtime_error("bad"); });
  Timer good(loop_, [&](Timestamp) { fired_.push_back(1); });
  wheel_.arm(bad, at(5'000));
  wheel_.arm(good, at(5'000));
  advance(5'000);
  EXPECT_EQ(fired_.size(), 1U);
}

TEST_F(TimerWheelTest, ALongStallLosesNoTimer) {
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 3'000; i += 7) {
    timers.push_back(std::make_unique<Timer>(loop_, [&](Timestamp) { fired_.push_back(1); }));
    wheel_.arm(*timers.back(), at(i * 1'000));
  }
  advance(60'000'000);
  EXPECT_EQ(fired_.size(), timers.size());
}

}  // namespace
}  // namespace al::net
