// Chains of recognisers, in virtual time.
#include <gtest/gtest.h>

#include "providers/chain.h"
#include "providers/testing_providers.h"
#include "providers/testing_scheduler.h"

namespace al::providers {
namespace {

using testing::FakeStt;
using Lines = std::vector<std::string>;

struct SttHeard final : dialog::SttSink {
  void on_partial(TurnId turn, std::string text, float) override {
    lines.push_back("partial " + std::to_string(turn.value) + " " + text);
  }
  void on_final(TurnId turn, std::string text, float confidence) override {
    lines.push_back("final " + std::to_string(turn.value) + " " + text);
    confidences.push_back(confidence);
  }
  void on_failed(TurnId turn, Error error) override {
    lines.push_back("failed " + std::to_string(turn.value) + " " + std::string(al::to_string(error.code)));
  }
  Lines lines;
  std::vector<float> confidences;
};

class SttChainTest : public ::testing::Test {
 protected:
  void open(SttChainOptions options = {}, std::string language = "he-IL") {
    auto made =
        make_stt_chain({{google, {}, {}}, {whisper, {}, {}}, {moonshine, {"en"}, {}}}, options, scheduler, &log);
    ASSERT_TRUE(made);
    chain = std::move(*made);
    dialog::SttOptions asked;
    asked.language = std::move(language);
    asked.call = "CA1";
    session = chain->open(asked, heard);
  }
  void talk(TurnId turn, int frames = 50) {
    session->start_turn(turn);
    more(turn, frames);
  }
  void more(TurnId turn, int frames) {
    const std::vector<std::int16_t> frame(160, 100);
    for (int i = 0; i < frames; ++i) {
      session->feed(turn, frame);
      scheduler.advance(milliseconds{20});
    }
  }
  // A whole turn of one second, and the wait for its end.
  void turn(std::uint64_t id, Duration wait = seconds{10}) {
    talk({id});
    session->finish_turn({id});
    scheduler.advance(wait);
  }

  testing::VirtualScheduler scheduler;
  testing::EventLog log;
  std::shared_ptr<FakeStt> google = std::make_shared<FakeStt>("google", scheduler);
  std::shared_ptr<FakeStt> whisper = std::make_shared<FakeStt>("whisper", scheduler);
  std::shared_ptr<FakeStt> moonshine = std::make_shared<FakeStt>("moonshine", scheduler);
  std::shared_ptr<SttHeard> heard = std::make_shared<SttHeard>();
  std::unique_ptr<dialog::SpeechToText> chain;
  std::unique_ptr<dialog::SttSession> session;
};

TEST_F(SttChainTest, TheFirstHearsTheTurnAndTheSecondIsNotEvenOpened) {
  open();
  EXPECT_EQ(google->opened, 1) << "warm before the first turn";
  turn(1);
  EXPECT_EQ(heard->lines, (Lines{"final 1 google heard 8000"}));
  EXPECT_EQ(whisper->opened, 0);
  EXPECT_EQ(log.lines, (Lines{"google ok"}));
  EXPECT_EQ(log.events[0].elapsed, milliseconds{100}) << "measured from the end of the turn";
}

TEST_F(SttChainTest, AFailureAtTheEndReplaysTheWholeTurn) {
  google->error = Error{Errc::kClosed, "stream reset"};
  open();
  turn(1);
  EXPECT_EQ(heard->lines, (Lines{"final 1 whisper heard 8000"}));
  EXPECT_EQ(log.lines, (Lines{"google failed", "whisper fell_back", "whisper ok"}));
}

TEST_F(SttChainTest, AFailureInTheMiddleReplaysTheBeginningAndGoesOnLive) {
  google->error_on_start = Error{Errc::kClosed, "no stream"};
  open();
  talk({1}, 20);
  EXPECT_EQ(whisper->calls, (Lines{"start 1"})) << "before the turn has ended";
  more({1}, 30);
  session->finish_turn({1});
  scheduler.advance(seconds{5});
  EXPECT_EQ(heard->lines, (Lines{"final 1 whisper heard 8000"}));
}

TEST_F(SttChainTest, ALateFinalGoesToTheNextWithinTheDeadline) {
  google->delay = std::nullopt;
  open();
  talk({1});
  session->finish_turn({1});
  scheduler.advance(milliseconds{1499});
  EXPECT_TRUE(whisper->calls.empty());
  scheduler.advance(milliseconds{102});
  EXPECT_EQ(heard->lines, (Lines{"final 1 whisper heard 8000"}));
  EXPECT_EQ(log.count("google timeout"), 1U);
  EXPECT_EQ(google->calls.back(), "cancel 1") << "nobody listens to it any more";
}

TEST_F(SttChainTest, HedgingAsksTheSecondAndTakesWhoeverIsFirst) {
  google->delay = milliseconds{900};
  whisper->delay = milliseconds{100};
  open({.hedge_after = milliseconds{500}});
  turn(1);
  EXPECT_EQ(heard->lines, (Lines{"final 1 whisper heard 8000"}));
  EXPECT_EQ(log.lines, (Lines{"google hedged", "whisper fell_back", "whisper ok", "google cancelled"}));
}

TEST_F(SttChainTest, PartialsComeFromTheOneInChargeOnly) {
  google->partial = "shalom";
  whisper->partial = "hello";
  google->delay = std::nullopt;
  open();
  turn(1);
  EXPECT_EQ(heard->lines, (Lines{"partial 1 shalom", "partial 1 hello", "final 1 whisper heard 8000"}));
}

TEST_F(SttChainTest, WhenAllFailThePartialHasToDo) {
  google->partial = "two million";
  google->delay = std::nullopt;
  whisper->error = Error{Errc::kRejected, "wrong key"};
  open();
  turn(1);
  ASSERT_EQ(heard->lines, (Lines{"partial 1 two million", "final 1 two million"}));
  EXPECT_FLOAT_EQ(heard->confidences[0], 0.3F);
  EXPECT_EQ(log.count("whisper exhausted"), 1U);
}

TEST_F(SttChainTest, WhenAllFailWithoutWordsTheTurnFailsOnce) {
  google->delay = whisper->delay = std::nullopt;
  open();
  turn(1);
  EXPECT_EQ(heard->lines, (Lines{"failed 1 timeout"}));
}

TEST_F(SttChainTest, AFailureIsHeardOnlyAfterTheTurnHasEnded) {
  google->error_on_start = whisper->error_on_start = Error{Errc::kRejected, "wrong key"};
  open();
  talk({1}, 50);
  EXPECT_TRUE(heard->lines.empty());
  session->finish_turn({1});
  EXPECT_TRUE(heard->lines.empty()) << "never from inside a call";
  scheduler.advance({});
  EXPECT_EQ(heard->lines, (Lines{"failed 1 rejected"}));
}

TEST_F(SttChainTest, AnEarlierFinalMayArriveWhileTheNextTurnIsSpoken) {
  google->delay = milliseconds{600};
  open();
  talk({1});
  session->finish_turn({1});
  talk({2});
  session->finish_turn({2});
  scheduler.advance(seconds{5});
  EXPECT_EQ(heard->lines, (Lines{"final 1 google heard 8000", "final 2 google heard 8000"}));
}

TEST_F(SttChainTest, ACancelledTurnSaysNothingAndStopsItsProviders) {
  open();
  talk({1});
  session->finish_turn({1});
  session->cancel_turn({1});
  scheduler.advance(seconds{10});
  EXPECT_TRUE(heard->lines.empty());
  EXPECT_EQ(google->calls, (Lines{"start 1", "finish 1", "cancel 1"}));
  turn(2);
  EXPECT_EQ(heard->lines, (Lines{"final 2 google heard 8000"}));
}

TEST_F(SttChainTest, OneThatNobodyCouldWaitForIsBlamed) {
  chain = *make_stt_chain({{google, {}, {}}}, {}, scheduler, &log);
  session = chain->open({}, heard);
  google->delay.reset();
  for (std::uint64_t id = 1; id <= 3; ++id) {
    turn(id, seconds{2});
    session->cancel_turn({id});
  }
  EXPECT_EQ(log.count("google breaker_opened"), 1U);
}

TEST_F(SttChainTest, ADestroyedSessionIsSilentAndClosesItsProviders) {
  google->delay = std::nullopt;
  open();
  turn(1, milliseconds{1600});
  session.reset();
  scheduler.advance(seconds{10});
  EXPECT_EQ(google->alive + whisper->alive, 0);
  EXPECT_EQ(scheduler.waiting(), 0U);
}

TEST_F(SttChainTest, LanguagesDecideWhoIsAsked) {
  google->error = whisper->error = Error{Errc::kClosed, "down"};
  open({}, "en-US");
  turn(1);
  EXPECT_EQ(heard->lines, (Lines{"final 1 moonshine heard 8000"}));
  heard->lines.clear();
  open({}, "he-IL");
  turn(1);
  EXPECT_EQ(heard->lines, (Lines{"failed 1 closed"}));
}

TEST_F(SttChainTest, TheBreakerSparesTheCallerTheWait) {
  google->delay = std::nullopt;
  open();
  for (std::uint64_t id = 1; id <= 3; ++id) turn(id, seconds{2});
  EXPECT_EQ(log.count("google breaker_opened"), 1U);
  talk({4});
  session->finish_turn({4});
  scheduler.advance(milliseconds{100});
  EXPECT_EQ(heard->lines.back(), "final 4 whisper heard 8000") << "at once, without google's deadline";

  scheduler.advance(seconds{5});
  google->delay = milliseconds{50};
  turn(5);
  EXPECT_EQ(heard->lines.back(), "final 5 google heard 8000");
  EXPECT_EQ(log.count("google breaker_closed"), 1U);
}

TEST_F(SttChainTest, OneThatHearsNoWordsInTurnAfterTurnIsReplaced) {
  open();
  google->empty = true;
  const auto long_turn = [&](std::uint64_t id) {
    talk({id}, 100);
    session->finish_turn({id});
    scheduler.advance(seconds{1});
  };
  long_turn(1);
  long_turn(2);
  turn(3);  // a second of sound may have been a cough: it does not count
  long_turn(4);
  EXPECT_EQ(heard->lines, (Lines{"final 1 ", "final 2 ", "final 3 ", "final 4 whisper heard 16000"}));
  google->empty = false;
  long_turn(5);
  google->empty = true;
  long_turn(6);  // the first in a row again
  EXPECT_EQ(heard->lines[4], "final 5 google heard 16000");
  EXPECT_EQ(heard->lines[5], "final 6 ");
}

TEST_F(SttChainTest, NoWordsFromTheLastOneAreNoWords) {
  open();
  google->empty = whisper->empty = true;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    talk({id}, 100);
    session->finish_turn({id});
    scheduler.advance(seconds{1});
  }
  EXPECT_EQ(heard->lines, (Lines{"final 1 ", "final 2 ", "final 3 ", "final 4 "}));
}

TEST_F(SttChainTest, MoreAudioThanIsKeptStillReachesTheOneInCharge) {
  open({.max_replay = seconds{1}});
  talk({1}, 100);
  session->finish_turn({1});
  scheduler.advance(seconds{1});
  EXPECT_EQ(heard->lines, (Lines{"final 1 google heard 16000"}));
}

}  // namespace
}  // namespace al::providers
