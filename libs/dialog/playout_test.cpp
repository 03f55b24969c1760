#include "dialog/playout.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace al::dialog {
namespace {

constexpr Timestamp kStart{seconds{100}};
constexpr TurnId kTurn{1};
constexpr SpeechId kFirst{1};
constexpr SpeechId kSecond{2};

Pcm tone(std::int64_t ms, std::int16_t level = 8000) {
  return Pcm(static_cast<std::size_t>(MediaTime::from_ms(ms).samples), level);
}

struct Sent {
  int frames = 0;
  std::vector<std::string> marks;
};

Sent run(Playout& playout, Timestamp now) {
  Sent sent;
  while (auto step = playout.step(now)) {
    if (auto* mark = std::get_if<Playout::Mark>(&*step)) {
      sent.marks.push_back(mark->name);
    } else {
      ++sent.frames;
    }
  }
  return sent;
}

// As a driver does it: a wake-up each 20 ms, `from` and `to` included (milliseconds since kStart).
Sent run(Playout& playout, int from, int to) {
  Sent all;
  for (int ms = from; ms <= to; ms += 20) {
    Sent sent = run(playout, kStart + milliseconds{ms});
    all.frames += sent.frames;
    for (std::string& mark : sent.marks) all.marks.push_back(std::move(mark));
  }
  return all;
}

void add(Playout& playout, SpeechId speech, std::string text, const Pcm& pcm) {
  ASSERT_TRUE(playout.open(speech, kTurn, SpeechKind::kAnswer, std::move(text), kStart));
  ASSERT_TRUE(playout.append(speech, pcm, kStart));
  ASSERT_TRUE(playout.finish(speech));
}

TEST(Playout, SendsTheLeadAtOnceAndThenOneFrameEachTwentyMilliseconds) {
  Playout playout({.lead_frames = 3});
  add(playout, kFirst, "hello", tone(400));
  playout.start(kStart);
  EXPECT_EQ(run(playout, kStart).frames, 3);
  for (int i = 1; i <= 10; ++i) {
    ASSERT_EQ(playout.next_due(), kStart + milliseconds{20 * i});
    EXPECT_EQ(run(playout, kStart + milliseconds{20 * i - 1}).frames, 0);
    EXPECT_EQ(run(playout, kStart + milliseconds{20 * i}).frames, 1);
  }
}

TEST(Playout, ALateWakeUpCatchesUpWithTheGridInsteadOfDrifting) {
  Playout playout({.lead_frames = 3});
  add(playout, kFirst, "hello", tone(400));
  playout.start(kStart);
  run(playout, kStart);
  EXPECT_EQ(run(playout, kStart + milliseconds{47}).frames, 2);
  EXPECT_EQ(playout.next_due(), kStart + milliseconds{60});
  EXPECT_EQ(playout.underruns(), 0U);
}

TEST(Playout, PadsTheLastPartOfAFrameAndNeverDropsIt) {
  for (const std::size_t samples :
       {std::size_t{1}, std::size_t{159}, std::size_t{160}, std::size_t{161}, std::size_t{479}}) {
    Playout playout({.lead_frames = 3});
    add(playout, kFirst, "x", Pcm(samples, 8000));
    playout.close();
    playout.start(kStart);
    const Sent sent = run(playout, 0, 1000);
    EXPECT_EQ(sent.frames, static_cast<int>((samples + 159) / 160 + 10)) << samples;  // and 200 ms of tail
    EXPECT_EQ(sent.marks.size(), 2U);
  }
}

TEST(Playout, SendsAMarkAfterEachTextAndALastOneAfterTheTail) {
  Playout playout({.lead_frames = 3});
  add(playout, kFirst, "one", tone(40));
  add(playout, kSecond, "two", tone(40));
  playout.close();
  playout.start(kStart);
  std::vector<std::string> order;
  for (int ms = 0; ms < 600; ms += 20) {
    while (auto step = playout.step(kStart + milliseconds{ms})) {
      auto* mark = std::get_if<Playout::Mark>(&*step);
      order.push_back(mark == nullptr ? "f" : mark->name);
    }
  }
  const std::vector<std::string> expected = {"f", "f", "s1", "f", "f", "s2", "f", "f", "f",
                                             "f", "f", "f",  "f", "f", "f",  "f", "e3"};
  EXPECT_EQ(order, expected);
  EXPECT_TRUE(playout.mark_played("s1", kStart + milliseconds{60}).known);
  EXPECT_TRUE(playout.mark_played("e3", kStart + milliseconds{300}).last);
  EXPECT_FALSE(playout.mark_played("e3", kStart + milliseconds{300}).known);  // a second echo proves nothing
}

TEST(Playout, CountsAnUnderrunOnlyInsideASpeechAndMovesTheGrid) {
  Playout playout({.lead_frames = 3});
  ASSERT_TRUE(playout.open(kFirst, kTurn, SpeechKind::kAnswer, "slow voice", kStart));
  playout.append(kFirst, tone(100), kStart);
  playout.start(kStart);
  run(playout, 0, 60);
  EXPECT_EQ(run(playout, kStart + milliseconds{200}).frames, 0);  // the synthesiser is late
  playout.append(kFirst, tone(100), kStart + milliseconds{200});
  EXPECT_EQ(run(playout, kStart + milliseconds{200}).frames, 3);  // the lead again
  EXPECT_EQ(playout.underruns(), 1U);
  EXPECT_EQ(playout.next_due(), kStart + milliseconds{220});
}

TEST(Playout, HeldSpeechGoesOnWhereItStopped) {
  Playout playout({.lead_frames = 3});
  Pcm ramp = tone(400);
  for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<std::int16_t>(100 * (i / 160));
  add(playout, kFirst, "ramp", ramp);
  playout.start(kStart);
  int sent = run(playout, 0, 100).frames;
  playout.hold();
  EXPECT_FALSE(playout.next_due().has_value());
  EXPECT_EQ(run(playout, kStart + milliseconds{300}).frames, 0);
  playout.resume(kStart + milliseconds{500});
  sent += run(playout, 500, 1500).frames;
  EXPECT_EQ(sent, 20);  // every frame once
}

TEST(Playout, WhatAClearTookIsSentAgain) {
  Playout playout({.lead_frames = 10});
  add(playout, kFirst, "one two three four five", tone(1000));
  playout.start(kStart);
  EXPECT_EQ(run(playout, 0, 100).frames, 15);  // 5 played, 10 ahead
  playout.hold();
  playout.flush(kStart + milliseconds{100});
  playout.resume(kStart + milliseconds{800});
  int sent = 0;
  sent += run(playout, 800, 3000).frames;
  EXPECT_EQ(sent, 45);
}

TEST(Playout, KnowsWhichWordsWereHeard) {
  Playout playout({.lead_frames = 3});
  add(playout, kFirst, "I found three flats.", tone(1000));
  add(playout, kSecond, "One of them has a balcony.", tone(1000));
  playout.start(kStart);
  run(playout, 0, 1500);
  const auto heard = playout.heard(kStart + milliseconds{1500});
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_TRUE(heard[0].whole);
  EXPECT_EQ(heard[1].text, "One of them");
  EXPECT_FALSE(heard[1].whole);
}

TEST(Playout, AMarkCorrectsTheClock) {
  Playout playout({.lead_frames = 3});
  add(playout, kFirst, "first words", tone(200));
  add(playout, kSecond, "a b c d e f g h i j", tone(1000));
  playout.start(kStart);
  run(playout, 0, 600);
  // The mark of the first text comes 200 ms after its computed end: the caller is about 100 ms behind us.
  EXPECT_TRUE(playout.mark_played("s1", kStart + milliseconds{400}).known);
  const auto heard = playout.heard(kStart + milliseconds{700});
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[1].text, "a b c d");  // 400 ms of 1000, not 500
}

TEST(Playout, EchoesOfAClearProveNothing) {
  Playout playout({.lead_frames = 3});
  add(playout, kFirst, "one two three", tone(40));
  add(playout, kSecond, "never heard at all", tone(1000));
  playout.start(kStart);
  run(playout, kStart);
  playout.hold();
  playout.flush(kStart + milliseconds{10});
  EXPECT_FALSE(playout.mark_played("s1", kStart + milliseconds{40}).known);
  EXPECT_TRUE(playout.heard(kStart + milliseconds{40}).empty());
}

TEST(Playout, AFillerGoesBeforeWhatWasNotBegun) {
  Playout playout({.lead_frames = 3});
  ASSERT_TRUE(playout.open(kFirst, kTurn, SpeechKind::kAnswer, "answer", kStart));
  const auto clip = std::make_shared<const Pcm>(tone(100));
  ASSERT_TRUE(playout.add_next(kSecond, kTurn, SpeechKind::kFiller, "one moment", clip, kStart));
  playout.start(kStart);
  EXPECT_EQ(run(playout, 0, 400).frames, 5);
  EXPECT_TRUE(playout.run_dry(kStart + seconds{2}));
  playout.park();
  EXPECT_FALSE(playout.started());
  EXPECT_TRUE(playout.append(kFirst, tone(100), kStart));
  playout.start(kStart + seconds{3});
  EXPECT_EQ(run(playout, 3000, 3400).frames, 5);
}

TEST(Playout, LateAudioOfADroppedSpeechIsRefused) {
  Playout playout({.lead_frames = 3});
  ASSERT_TRUE(playout.open(kFirst, kTurn, SpeechKind::kAnswer, "answer", kStart));
  playout.drop_unsent(kTurn);
  EXPECT_FALSE(playout.append(kFirst, tone(20), kStart));
  EXPECT_FALSE(playout.finish(kFirst));
  EXPECT_TRUE(playout.empty());
}

TEST(Playout, KeepsNoMoreSoundThanItsBound) {
  Playout playout({.max_speech = milliseconds{1000}});
  ASSERT_TRUE(playout.open(kFirst, kTurn, SpeechKind::kAnswer, "endless", kStart));
  for (int i = 0; i < 10; ++i) playout.append(kFirst, tone(300), kStart);
  EXPECT_EQ(playout.sound_of(kFirst), Duration{seconds{1}});
  for (std::uint64_t i = 2; i < 100; ++i) playout.open(SpeechId{i}, kTurn, SpeechKind::kAnswer, "more", kStart);
  EXPECT_FALSE(playout.open(SpeechId{100}, kTurn, SpeechKind::kAnswer, "too many", kStart));
}

TEST(Playout, TheAudibleFrameIsTheOneThatPlaysNow) {
  Playout playout({.lead_frames = 3});
  Pcm pcm;
  for (int i = 0; i < 10; ++i) pcm.insert(pcm.end(), 160, static_cast<std::int16_t>(1000 * (i + 1)));
  add(playout, kFirst, "steps", pcm);
  playout.start(kStart);
  run(playout, 0, 60);
  ASSERT_FALSE(playout.audible(kStart + milliseconds{45}).empty());
  EXPECT_EQ(playout.audible(kStart + milliseconds{45})[0], 3000);
  EXPECT_TRUE(playout.audible(kStart + seconds{1}).empty());
}

}  // namespace
}  // namespace al::dialog
