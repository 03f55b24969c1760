#include "providers/circuit_breaker.h"

#include <gtest/gtest.h>

namespace al::providers {
namespace {

using State = CircuitBreaker::State;

class CircuitBreakerTest : public ::testing::Test {
 protected:
  void fail(int times, Errc code = Errc::kTimeout) {
    for (int i = 0; i < times; ++i) static_cast<void>(breaker.failed(now, code));
  }
  void advance(Duration by) { now += by; }

  CircuitBreaker breaker;
  Timestamp now{seconds{100}};
};

TEST_F(CircuitBreakerTest, OpensAfterThreeFailuresInARow) {
  fail(2);
  EXPECT_TRUE(breaker.allow(now));
  EXPECT_TRUE(breaker.failed(now, Errc::kClosed));
  EXPECT_EQ(breaker.state(now), State::kOpen);
  EXPECT_FALSE(breaker.allow(now));
}

TEST_F(CircuitBreakerTest, ASuccessForgetsEarlierFailures) {
  fail(2);
  EXPECT_FALSE(breaker.succeeded(now));
  fail(2);
  EXPECT_EQ(breaker.state(now), State::kClosed);
}

TEST_F(CircuitBreakerTest, OldFailuresAreForgotten) {
  fail(2);
  advance(seconds{61});
  fail(2);
  EXPECT_EQ(breaker.state(now), State::kClosed);
}

TEST_F(CircuitBreakerTest, LetsOneProbeThroughAndClosesWhenItSucceeds) {
  fail(3);
  advance(seconds{5});
  EXPECT_EQ(breaker.state(now), State::kHalfOpen);
  EXPECT_TRUE(breaker.allow(now));
  EXPECT_FALSE(breaker.allow(now));
  EXPECT_TRUE(breaker.succeeded(now));
  EXPECT_EQ(breaker.state(now), State::kClosed);
  EXPECT_TRUE(breaker.allow(now));
}

TEST_F(CircuitBreakerTest, RestsTwiceAsLongAfterEachFailedProbe) {
  fail(3);
  Duration rest = seconds{5};
  for (int i = 0; i < 6; ++i) {
    advance(rest - milliseconds{1});
    EXPECT_FALSE(breaker.allow(now)) << i;
    advance(milliseconds{1});
    ASSERT_TRUE(breaker.allow(now)) << i;
    EXPECT_TRUE(breaker.failed(now, Errc::kTimeout));
    rest = std::min<Duration>(2 * rest, seconds{60});
  }
}

TEST_F(CircuitBreakerTest, ARefusedKeyOpensAtOnceAndForLong) {
  fail(1, Errc::kRejected);
  advance(seconds{59});
  EXPECT_FALSE(breaker.allow(now));
  advance(seconds{1});
  EXPECT_TRUE(breaker.allow(now));
}

TEST_F(CircuitBreakerTest, HonoursRetryAfter) {
  EXPECT_TRUE(breaker.failed(now, Errc::kRateLimited, seconds{12}));
  advance(seconds{11});
  EXPECT_FALSE(breaker.allow(now));
  advance(seconds{1});
  EXPECT_TRUE(breaker.allow(now));
}

TEST_F(CircuitBreakerTest, AQuestionItCannotAnswerIsNoFault) {
  fail(10, Errc::kUnsupported);
  EXPECT_EQ(breaker.state(now), State::kClosed);
}

TEST_F(CircuitBreakerTest, AnAbandonedProbeIsGivenBack) {
  fail(3);
  advance(seconds{5});
  ASSERT_TRUE(breaker.allow(now));
  breaker.abandoned(now);
  EXPECT_TRUE(breaker.allow(now));
}

TEST_F(CircuitBreakerTest, AProbeThatNeverReportsIsReplaced) {
  fail(3);
  advance(seconds{5});
  ASSERT_TRUE(breaker.allow(now));
  advance(seconds{20});
  EXPECT_TRUE(breaker.allow(now));
}

TEST_F(CircuitBreakerTest, LateFailuresOfEarlierRequestsDoNotProlongTheRest) {
  fail(3);
  advance(seconds{4});
  EXPECT_FALSE(breaker.failed(now, Errc::kTimeout));
  advance(seconds{1});
  EXPECT_TRUE(breaker.allow(now));
}

}  // namespace
}  // namespace al::providers
