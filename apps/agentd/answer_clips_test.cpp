#include "agentd/answer_clips.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "audio/format.h"

namespace al::agentd {
namespace {

const std::vector<std::uint8_t> kSecond(audio::kSampleRateHz, 0x20);
constexpr Timestamp kStart{};

TEST(AnswerClips, AreThereUntilTheirTimeIsOver) {
  AnswerClips clips;
  const std::string name = clips.put(kSecond, kStart, kStart + seconds{10});
  ASSERT_FALSE(name.empty());
  ASSERT_NE(clips.find(name, kStart + seconds{9}), nullptr);
  EXPECT_EQ(clips.find(name, kStart + seconds{10}), nullptr);
  EXPECT_EQ(clips.find("answer-0.wav", kStart), nullptr);
  EXPECT_EQ(clips.size(), 1U);
  EXPECT_FALSE(clips.put(kSecond, kStart + seconds{10}, kStart + seconds{20}).empty());
  EXPECT_EQ(clips.size(), 1U) << "the old one made room";
}

TEST(AnswerClips, NamesAreLongAndNeverTheSame) {
  AnswerClips clips;
  std::set<std::string> names;
  for (int i = 0; i < 100; ++i) names.insert(clips.put(kSecond, kStart, kStart + seconds{1}));
  EXPECT_EQ(names.size(), 100U);
  for (const std::string& name : names) EXPECT_EQ(name.size(), std::string("answer-.wav").size() + 48);
}

TEST(AnswerClips, ABoundedNumberOfBytesAndClipsIsKept) {
  AnswerClips bytes({.bytes = 20'000, .clips = 100});
  EXPECT_FALSE(bytes.put(kSecond, kStart, kStart + seconds{1}).empty());
  EXPECT_FALSE(bytes.put(kSecond, kStart, kStart + seconds{1}).empty());
  EXPECT_TRUE(bytes.put(kSecond, kStart, kStart + seconds{1}).empty());
  EXPECT_LE(bytes.bytes(), 20'000U);
  EXPECT_FALSE(bytes.put(kSecond, kStart + seconds{1}, kStart + seconds{2}).empty());
  AnswerClips few({.bytes = 1'000'000, .clips = 1});
  EXPECT_FALSE(few.put(kSecond, kStart, kStart + seconds{1}).empty());
  EXPECT_TRUE(few.put(kSecond, kStart, kStart + seconds{1}).empty());
  EXPECT_TRUE(few.put({}, kStart + seconds{2}, kStart + seconds{3}).empty()) << "no sound is no clip";
}

}  // namespace
}  // namespace al::agentd
