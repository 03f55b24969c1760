#include "audio/conditioner.h"

#include <gtest/gtest.h>

#include "audio/biquad.h"
#include "audio/level.h"
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

// One filter after the other, sample by sample, as the formula says.
void filter_plainly(const Biquad& f, std::vector<float>& samples) {
  float z1 = 0.0F;
  float z2 = 0.0F;
  for (float& s : samples) {
    const float y = f.b0 * s + z1;
    z1 = f.b1 * s - f.a1 * y + z2;
    z2 = f.b2 * s - f.a2 * y;
    s = y;
  }
}

TEST(BiquadChain, SideBySideIsOneAfterTheOtherToTheLastBit) {
  const Pcm noise = test::noise(200, -10.0F);
  const Biquad dc = Biquad::dc_blocker();
  const Biquad high = Biquad::high_pass(100, kSampleRateHz);
  const Biquad low = Biquad::low_pass(3700, kSampleRateHz);
  const Biquad narrow = Biquad::low_pass(700, kSampleRateHz, 4.0);
  const struct {
    BiquadChain chain;
    std::vector<Biquad> filters;
  } cases[] = {{BiquadChain(), {}},
               {BiquadChain{high}, {high}},
               {BiquadChain{high, low}, {high, low}},
               {BiquadChain{dc, high, low}, {dc, high, low}},
               {BiquadChain{dc, high, low, narrow}, {dc, high, low, narrow}}};
  for (const auto& [chain, filters] : cases) {
    std::vector<float> expected(noise.begin(), noise.end());
    for (const Biquad& filter : filters) filter_plainly(filter, expected);
    for (const std::size_t piece : {1U, 2U, 3U, 5U, 159U, 160U, 161U}) {
      std::vector<float> out(noise.begin(), noise.end());
      BiquadChain running = chain;
      for (std::size_t at = 0; at < out.size(); at += piece) {
        running.process(std::span(out).subspan(at, std::min(piece, out.size() - at)));
        running.process({});
      }
      EXPECT_EQ(out, expected) << filters.size() << " filters, pieces of " << piece;
    }
  }
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
