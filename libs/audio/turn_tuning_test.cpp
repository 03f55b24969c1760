#include "audio/turn_tuning.h"

#include <limits>

#include <gtest/gtest.h>

namespace al::audio {
namespace {

TEST(TurnTuning, ASweepCountsFromFirstToLast) {
  const auto sweep = parse_sweep("min_silence=300:400:50");
  ASSERT_TRUE(sweep);
  EXPECT_EQ(sweep->key, "min_silence");
  EXPECT_EQ(sweep->values, (std::vector<std::string>{"300", "350", "400"}));
  EXPECT_EQ(parse_sweep("x=0.1:0.3:0.1")->values, (std::vector<std::string>{"0.1", "0.2", "0.3"}));
  EXPECT_EQ(parse_sweep("x=1:2:0.7")->values, (std::vector<std::string>{"1", "1.7"}));
  EXPECT_EQ(parse_sweep("vad_engine=energy,silero")->values, (std::vector<std::string>{"energy", "silero"}));
}

TEST(TurnTuning, WhatIsNoSweepIsSaid) {
  for (const char* text :
       {"", "x", "=1:2:1", "x=", "x=1:2", "x=1:2:0", "x=2:1:1", "x=a:b:c", "x=1:1e9:1", "x=1:2:-1", "x=1:2:1:1"}) {
    const auto sweep = parse_sweep(text);
    ASSERT_FALSE(sweep) << text;
    EXPECT_EQ(sweep.error().code, Errc::kMalformed);
    EXPECT_NE(sweep.error().detail.find(std::string("'") + text), std::string::npos) << sweep.error().detail;
  }
}

TEST(TurnTuning, CombinationsAreAllOfThemInOrder) {
  const std::vector<Sweep> sweeps{{"a", {"1", "2"}}, {"b", {"x", "y", "z"}}};
  const auto all = combinations(sweeps);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 6U);
  EXPECT_EQ((*all)[0], (Changes{{"a", "1"}, {"b", "x"}}));
  EXPECT_EQ((*all)[5], (Changes{{"a", "2"}, {"b", "z"}}));
  EXPECT_EQ(combinations({})->size(), 1U);
  EXPECT_EQ(combinations(sweeps, 5).error().code, Errc::kUnsupported);
}

TEST(TurnTuning, ParetoKeepsWhatNothingBeats) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<TradePoint> points{{30, 400}, {20, 500}, {25, 500}, {20, 600}, {5, 900}, {nan, 100}, {30, 400}};
  EXPECT_EQ(pareto(points), (std::vector<std::size_t>{0, 1, 4}));
  EXPECT_TRUE(pareto({}).empty());
}

TEST(TurnTuning, OperatingPointsAnswerTheFourQuestions) {
  const std::vector<TradePoint> points{{50, 250}, {40, 290}, {30, 450}, {9, 620}, {4, 1000}};
  const OperatingPoints found = operating_points(points);
  EXPECT_EQ(found.fewest_splits_within_300ms, 1U);
  EXPECT_EQ(found.fewest_splits_within_600ms, 2U);
  EXPECT_EQ(found.fastest_within_10pct, 3U);
  EXPECT_EQ(found.fastest_within_5pct, 4U);
  EXPECT_FALSE(operating_points(std::span(points).first(2)).fastest_within_10pct);
}

}  // namespace
}  // namespace al::audio
