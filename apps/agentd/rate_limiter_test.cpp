#include "agentd/rate_limiter.h"

#include <string>

#include <gtest/gtest.h>

namespace al::agentd {
namespace {

constexpr Timestamp kStart{seconds{1000}};

TEST(RateLimiter, ABurstPassesThenTheRateHolds) {
  RateLimiter limiter(60);
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += limiter.allow("192.0.2.1", kStart) ? 1 : 0;
  EXPECT_EQ(passed, 15);  // a quarter of 60
  EXPECT_FALSE(limiter.allow("192.0.2.1", kStart + milliseconds{900}));
  EXPECT_TRUE(limiter.allow("192.0.2.1", kStart + milliseconds{1000}));
}

TEST(RateLimiter, OneAddressDoesNotUseUpAnothers) {
  RateLimiter limiter(20);
  for (int i = 0; i < 50; ++i) (void)limiter.allow("192.0.2.1", kStart);
  EXPECT_TRUE(limiter.allow("192.0.2.2", kStart));
}

TEST(RateLimiter, TheTableIsBounded) {
  RateLimiter limiter(20, 100);
  for (int i = 0; i < 5'000; ++i) (void)limiter.allow("10.0.0." + std::to_string(i), kStart);
  EXPECT_EQ(limiter.addresses(), 100U);
}

TEST(RateLimiter, AClockThatStandsStillGivesNothing) {
  RateLimiter limiter(60);
  for (int i = 0; i < 15; ++i) (void)limiter.allow("a", kStart);
  EXPECT_FALSE(limiter.allow("a", kStart));
  EXPECT_FALSE(limiter.allow("a", kStart - seconds{5}));
}

}  // namespace
}  // namespace al::agentd
