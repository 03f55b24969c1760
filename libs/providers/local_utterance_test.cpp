#include "providers/local_utterance.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "core/random.h"

namespace al::providers {
namespace {

using std::chrono_literals::operator""ms;
constexpr std::size_t kMs = 8;  // samples

std::vector<std::int16_t> noise(std::size_t samples, double amplitude, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int16_t> pcm(samples);
  for (auto& sample : pcm) sample = static_cast<std::int16_t>((2 * random.unit() - 1) * amplitude);
  return pcm;
}

// `quiet_ms` of noise at `floor`, loud "voice", quiet again.
std::vector<std::int16_t> utterance(std::size_t lead_ms, std::size_t voice_ms, std::size_t tail_ms, double floor) {
  auto pcm = noise(lead_ms * kMs, floor, 1);
  const auto voice = noise(voice_ms * kMs, 8000, 2);
  pcm.insert(pcm.end(), voice.begin(), voice.end());
  const auto tail = noise(tail_ms * kMs, floor, 3);
  pcm.insert(pcm.end(), tail.begin(), tail.end());
  return pcm;
}

void expect_near(std::size_t actual, std::size_t expected) {
  EXPECT_LE(std::max(actual, expected) - std::min(actual, expected), 20 * kMs) << actual << " for " << expected;
}

TEST(VoicedRange, FindsTheVoiceBetweenSilences) {
  for (const double floor : {0.0, 30.0, 800.0}) {
    const Range voice = voiced_range(utterance(1000, 1500, 700, floor));
    expect_near(voice.begin, 1000 * kMs);
    expect_near(voice.end, 2500 * kMs);
  }
}

TEST(VoicedRange, SilenceHoldsNoVoice) {
  EXPECT_EQ(voiced_range(std::vector<std::int16_t>{}).size(), 0U);
  EXPECT_EQ(voiced_range(std::vector<std::int16_t>(8000, 0)).size(), 0U);
  EXPECT_EQ(voiced_range(noise(8000, 8, 4)).size(), 0U);
}

TEST(VoicedRange, ASteadySignalIsKeptWhole) {
  const auto pcm = noise(16'000, 4000, 5);
  EXPECT_EQ(voiced_range(pcm), (Range{0, 16'000}));
}

TEST(VoicedRange, AClickIsNoVoice) {
  auto pcm = utterance(1000, 500, 500, 20);
  std::fill_n(pcm.begin() + 2000, 100, std::int16_t{20'000});
  expect_near(voiced_range(pcm).begin, 1000 * kMs);
}

TEST(VoicedRange, IsTheSameHoweverTheAudioArrives) {
  const auto pcm = utterance(400, 900, 400, 50);
  const Range whole = voiced_range(pcm);
  for (const std::size_t piece : {1U, 159U, 160U, 161U, 1000U}) {
    LevelTrack track;
    for (std::size_t at = 0; at < pcm.size(); at += piece) {
      track.add(std::span(pcm).subspan(at, std::min<std::size_t>(piece, pcm.size() - at)));
    }
    EXPECT_EQ(voiced_range(track.levels()), whole) << piece;
  }
}

TEST(Padded, StaysInsideTheRecording) {
  EXPECT_EQ(padded({4000, 8000}, 16'000), (Range{4000 - 200 * kMs, 8000 + 300 * kMs}));
  EXPECT_EQ(padded({100, 8000}, 8100), (Range{0, 8100}));
}

TEST(Overlap, RangesThatDoNotMeetShareNothing) {
  EXPECT_EQ(overlap({10, 30}, {20, 40}), (Range{20, 30}));
  EXPECT_EQ(overlap({10, 20}, {30, 40}).size(), 0U);
  EXPECT_EQ(overlap({30, 40}, {10, 20}).size(), 0U);
}

TEST(SplitAtQuiet, ShortAudioIsOnePiece) {
  const auto pcm = noise(12'000 * kMs, 5000, 6);
  EXPECT_EQ(split_at_quiet(pcm, {0, pcm.size()}).size(), 1U);
  EXPECT_TRUE(split_at_quiet(pcm, {5, 5}).empty());
}

TEST(SplitAtQuiet, CutsInThePauseAndLosesNothing) {
  auto pcm = utterance(0, 10'000, 400, 10);
  const auto more = noise(9000 * kMs, 8000, 7);
  pcm.insert(pcm.end(), more.begin(), more.end());
  const auto pieces = split_at_quiet(pcm, {0, pcm.size()});
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0].begin, 0U);
  EXPECT_EQ(pieces[0].end, pieces[1].begin);
  EXPECT_EQ(pieces[1].end, pcm.size());
  EXPECT_GT(pieces[0].end, 10'000 * kMs);
  EXPECT_LT(pieces[0].end, 10'400 * kMs);
}

TEST(SplitAtQuiet, NoPieceIsLongerThanAsked) {
  const auto pcm = noise(60'000 * kMs, 5000, 8);
  for (const Range piece : split_at_quiet(pcm, {123, pcm.size()}, 5000ms)) EXPECT_LE(piece.size(), 5000 * kMs);
}

}  // namespace
}  // namespace al::providers
