#include "audio/conditioner.h"

#include <gtest/gtest.h>

#include "audio/test_signals.h"

namespace al::audio {
namespace {

using test::Pcm;

Pcm run(Conditioner& conditioner, const Pcm& in, bool voice) {
  Pcm out;
  for (std::size_t i = 0; i < test::frame_count(in); ++i) {
    PcmFrame frame;
    conditioner.process(test::frame(in, i), voice, frame);
    out.insert(out.end(), frame.begin(), frame.end());
  }
  return out;
}

float level_of_end(const Pcm& pcm) {
  return dbfs_from_rms(rms(std::span(pcm).last(test::samples(200))));
}

ConditionerOptions nothing() {
  ConditionerOptions o;
  o.remove_dc = o.high_pass = o.low_pass = o.automatic_gain = false;
  return o;
}

TEST(Conditioner, WithEveryStageOffNothingChanges) {
  Conditioner conditioner(nothing());
  const Pcm in = test::noise(100, -3.0F);
  EXPECT_EQ(run(conditioner, in, true), in);
}

TEST(Conditioner, RemovesAnOffset) {
  ConditionerOptions o = nothing();
  o.remove_dc = true;
  Conditioner conditioner(o);
  const Pcm out = run(conditioner, Pcm(kSampleRateHz, 5000), false);
  EXPECT_NEAR(out.back(), 0, 2);
}

TEST(Conditioner, CutsHumAndKeepsSpeech) {
  ConditionerOptions o = nothing();
  o.high_pass = true;
  Conditioner hum(o);
  EXPECT_LT(level_of_end(run(hum, test::sine(1000, 50, -20.0F), false)), -31.0F);
  Conditioner voice(o);
  EXPECT_NEAR(level_of_end(run(voice, test::sine(1000, 300, -20.0F), false)), -20.0F, 0.3F);
}

TEST(Conditioner, CutsTheTopOfTheBand) {
  ConditionerOptions o = nothing();
  o.low_pass = true;
  Conditioner top(o);
  EXPECT_LT(level_of_end(run(top, test::sine(1000, 3950, -20.0F), false)), -45.0F);
  Conditioner voice(o);
  EXPECT_NEAR(level_of_end(run(voice, test::sine(1000, 2000, -20.0F), false)), -20.0F, 0.3F);
}

TEST(Conditioner, BringsAQuietTalkerToTheTargetSlowly) {
  Conditioner conditioner;
  const Pcm talk = test::sine(1000, 500, -35.0F);
  EXPECT_LT(level_of_end(run(conditioner, talk, true)), -27.0F) << "one second is too soon";
  run(conditioner, talk, true);
  EXPECT_NEAR(level_of_end(run(conditioner, talk, true)), -20.0F, 0.5F);
}

TEST(Conditioner, NeverPumpsNoiseUpBetweenWords) {
  Conditioner conditioner;
  run(conditioner, test::sine(1000, 500, -20.0F), true);
  const float before = conditioner.gain_db();
  run(conditioner, test::noise(30'000, -50.0F), false);
  EXPECT_FLOAT_EQ(conditioner.gain_db(), before);
}

TEST(Conditioner, AGainIsBoundedAndAShoutIsTakenBackQuickly) {
  Conditioner conditioner;
  run(conditioner, test::sine(10'000, 500, -55.0F), true);
  EXPECT_FLOAT_EQ(conditioner.gain_db(), ConditionerOptions{}.agc_max_gain_db);
  run(conditioner, test::sine(1500, 500, -8.0F), true);
  EXPECT_LE(conditioner.gain_db(), -11.0F);
}

TEST(Conditioner, ResetForgetsTheCall) {
  Conditioner used;
  run(used, test::noise(3000, -40.0F), true);
  used.reset();
  Conditioner fresh;
  const Pcm in = test::noise(500, -25.0F, 7);
  EXPECT_EQ(run(used, in, true), run(fresh, in, true));
}

}  // namespace
}  // namespace al::audio
