// The contract of Registry, over memory, SQLite and PostgreSQL.
#include "store/registry.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/local_registry.h"
#include "store/store_fixture.h"

namespace al::store {
namespace {

using testing::at;
using testing::call_sid;

const AccountSid kAccount("AC00000000000000000000000000000001");
const StreamSid kStream("MZ00000000000000000000000000000001");
const StreamSid kOther("MZ00000000000000000000000000000002");

class RegistryContract : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    AL_SKIP_WITHOUT_SERVER(GetParam());
    if (GetParam() == "memory") return;
    database_ = std::make_unique<testing::Database>(GetParam());
    store_ = database_->open();
    ASSERT_NE(store_, nullptr);
  }
  Registry& registry() { return store_ ? store_->registry() : local_; }

  static StreamOffer offer(const CallSid& call, OfferKind kind = OfferKind::kNewCall, std::int64_t now = 0) {
    StreamOffer out;
    out.kind = kind;
    out.call = call;
    out.account = kAccount;
    out.node = "a";
    out.caller = "+972501234567";
    out.token_hash = hash_token("token");
    out.token_expires = at(now + 60000);
    out.deadline = at(now + 6000);
    return out;
  }
  static StreamStart start(const CallSid& call, const std::string& token = "token", const StreamSid& stream = kStream) {
    return {call, kAccount, hash_token(token), stream, "b", at(9000)};
  }

  std::unique_ptr<testing::Database> database_;
  std::unique_ptr<Store> store_;
  LocalRegistry local_;
};

Errc code(const auto& result) {
  return result ? Errc{-1} : result.error().code;
}

TEST_P(RegistryContract, ACallGoesFromExpectedOverStartedAndMediaToEnded) {
  const CallSid call = call_sid(1);
  const auto expected = registry().offer_stream(offer(call), at(0));
  ASSERT_TRUE(expected) << expected.error().detail;
  EXPECT_EQ(expected->phase, Phase::kExpected);
  EXPECT_EQ(expected->deadline, at(6000));
  EXPECT_EQ(expected->caller, "+972501234567");

  const auto started = registry().accept_stream(start(call), at(300));
  ASSERT_TRUE(started) << started.error().detail;
  EXPECT_EQ(started->phase, Phase::kStarted);
  EXPECT_EQ(started->node, "b");
  EXPECT_EQ(started->deadline, at(9000));

  EXPECT_EQ(registry().media_arrived(call, kStream, at(320)), true);
  EXPECT_EQ(registry().find(call)->phase, Phase::kMedia);
  EXPECT_FALSE(registry().find(call)->deadline);
  EXPECT_EQ(registry().end_call(call, "completed", at(5000)), true);
  EXPECT_EQ(registry().end_call(call, "again", at(5001)), false);
  EXPECT_EQ(registry().find(call)->reason, "completed");
  EXPECT_TRUE(registry().live("", 10)->empty());
}

TEST_P(RegistryContract, ATokenIsGoodOnceForItsCallAndAccountUntilItExpires) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  EXPECT_EQ(code(registry().accept_stream(start(call, "wrong"), at(1))), Errc::kRejected);
  EXPECT_EQ(code(registry().accept_stream(start(call, ""), at(1))), Errc::kRejected);
  EXPECT_EQ(code(registry().accept_stream(start(call_sid(2)), at(1))), Errc::kNotFound);
  StreamStart foreign = start(call);
  foreign.account = AccountSid("AC99");
  EXPECT_EQ(code(registry().accept_stream(foreign, at(1))), Errc::kRejected);
  EXPECT_EQ(code(registry().accept_stream(start(call), at(60001))), Errc::kRejected);
  EXPECT_TRUE(registry().accept_stream(start(call), at(60000)));
  EXPECT_EQ(code(registry().accept_stream(start(call, "token", kOther), at(2))), Errc::kConflict) << "used";
  EXPECT_EQ(registry().find(call)->stream, kStream) << "the first stream is unharmed";
}

TEST_P(RegistryContract, RepeatingAStartWhoseAnswerWasLostSucceeds) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_TRUE(registry().accept_stream(start(call), at(1)));
  EXPECT_TRUE(registry().accept_stream(start(call), at(2)));
  StreamStart elsewhere = start(call);
  elsewhere.node = "c";
  EXPECT_EQ(code(registry().accept_stream(elsewhere, at(3))), Errc::kConflict);
}

TEST_P(RegistryContract, ARepeatedWebhookReplacesTheTokenOnlyBeforeTheStream) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  StreamOffer second = offer(call, OfferKind::kNewCall, 1000);
  second.token_hash = hash_token("second");
  ASSERT_TRUE(registry().offer_stream(second, at(1000)));
  EXPECT_EQ(registry().find(call)->deadline, at(7000));
  EXPECT_EQ(code(registry().accept_stream(start(call), at(1001))), Errc::kRejected);
  ASSERT_TRUE(registry().accept_stream(start(call, "second"), at(1002)));
  EXPECT_EQ(code(registry().offer_stream(second, at(1003))), Errc::kConflict);
}

TEST_P(RegistryContract, AnEndedCallNeverStartsAgain) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_EQ(registry().end_call(call, "completed", at(1)), true);
  EXPECT_EQ(code(registry().offer_stream(offer(call), at(2))), Errc::kConflict);
  EXPECT_EQ(code(registry().offer_stream(offer(call, OfferKind::kResume), at(2))), Errc::kConflict);
  EXPECT_EQ(code(registry().accept_stream(start(call), at(3))), Errc::kConflict);
  EXPECT_EQ(registry().claim_redirect(call, StreamSid(), "a", at(4), seconds{5}), false);
}

TEST_P(RegistryContract, TheRedirectThatComesFirstKeepsTheStreamOut) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  const auto claimed = registry().claim_due("b", at(6000), seconds{5}, 10);
  ASSERT_TRUE(claimed) << claimed.error().detail;
  ASSERT_EQ(claimed->size(), 1u);
  EXPECT_EQ((*claimed)[0].phase, Phase::kRedirecting);
  EXPECT_EQ(code(registry().accept_stream(start(call), at(6001))), Errc::kConflict);
  EXPECT_EQ(registry().finish_redirect(call, "a", RedirectEnd::kDone, at(6100), at(0)), false)
      << "another node's claim";
  EXPECT_EQ(registry().finish_redirect(call, "b", RedirectEnd::kDone, at(6100), at(0)), true);
  EXPECT_EQ(registry().find(call)->phase, Phase::kRedirected);
  EXPECT_EQ(code(registry().accept_stream(start(call), at(6200))), Errc::kConflict);
  EXPECT_TRUE(registry().claim_due("b", at(99999), seconds{5}, 10)->empty());
}

TEST_P(RegistryContract, TheStreamThatComesFirstKeepsTheRedirectOut) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_TRUE(registry().accept_stream(start(call), at(5999)));
  EXPECT_TRUE(registry().claim_due("a", at(6000), seconds{5}, 10)->empty());
  EXPECT_EQ(registry().claim_redirect(call, StreamSid(), "a", at(6000), seconds{5}), false);
}

TEST_P(RegistryContract, AStreamWithoutMediaIsOverdueAndMediaStopsThat) {
  ASSERT_TRUE(registry().offer_stream(offer(call_sid(1)), at(0)));
  ASSERT_TRUE(registry().offer_stream(offer(call_sid(2)), at(0)));
  ASSERT_TRUE(registry().accept_stream(start(call_sid(1)), at(1)));
  ASSERT_TRUE(registry().accept_stream(start(call_sid(2), "token", kOther), at(1)));
  ASSERT_EQ(registry().media_arrived(call_sid(2), kOther, at(2)), true);
  const auto claimed = registry().claim_due("a", at(9000), seconds{5}, 10);
  ASSERT_EQ(claimed->size(), 1u);
  EXPECT_EQ((*claimed)[0].call, call_sid(1));
  EXPECT_EQ(registry().media_arrived(call_sid(1), kStream, at(9001)), false) << "the redirect was first";
}

TEST_P(RegistryContract, AStreamWhoseNodeFallsSilentIsOverdueForTheOthers) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_TRUE(registry().accept_stream(start(call), at(10)));
  ASSERT_TRUE(registry().media_arrived(call, kStream, at(20)).value());
  EXPECT_TRUE(registry().keep_alive(call, kStream, at(1000), at(20)).value());
  EXPECT_FALSE(registry().keep_alive(call, kOther, at(9000), at(20)).value()) << "not its stream";
  EXPECT_TRUE(registry().claim_due("b", at(999), seconds{5}, 10)->empty());
  EXPECT_TRUE(registry().keep_alive(call, kStream, at(2000), at(900)).value());
  EXPECT_TRUE(registry().claim_due("b", at(1999), seconds{5}, 10)->empty());
  // The end of an unfinished stream changes nothing: if its node dies now, too, nobody else knows of the call.
  EXPECT_TRUE(registry().close_stream(call, kStream, false, "stop", at(1999)).value());
  const auto due = registry().claim_due("b", at(2000), seconds{5}, 10);
  ASSERT_EQ(due->size(), 1U);
  EXPECT_EQ(due->front().stream, kStream);
  EXPECT_FALSE(registry().keep_alive(call, kStream, at(9000), at(2001)).value()) << "the redirect was first";
}

TEST_P(RegistryContract, StreamsOfAProcessThatDiedAreOverdueUnlessResumed) {
  for (int n = 1; n <= 3; ++n) {
    ASSERT_TRUE(registry().offer_stream(offer(call_sid(n)), at(0)));
    StreamStart started = start(call_sid(n));
    started.node = n == 3 ? "b" : "a";
    ASSERT_TRUE(registry().accept_stream(started, at(10)));
    ASSERT_TRUE(registry().media_arrived(call_sid(n), kStream, at(20)).value());
  }
  EXPECT_EQ(registry().orphan("a", at(1000), at(100)).value(), 2U);
  ASSERT_TRUE(registry().offer_stream(offer(call_sid(1), OfferKind::kResume, 200), at(200)));
  const auto due = registry().claim_due("a", at(1000), seconds{5}, 10);
  ASSERT_EQ(due->size(), 1U);
  EXPECT_EQ(due->front().call, call_sid(2));
  EXPECT_EQ(registry().orphan("", at(2000), at(1500)).value(), 1U) << "the one of node b";
}

TEST_P(RegistryContract, ACallOnItsWayToTheVoicemailIsOfferedNoStreamAndSaysSo) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_EQ(registry().claim_redirect(call, StreamSid(), "a", at(6000), seconds{5}), true);
  for (const OfferKind kind : {OfferKind::kNewCall, OfferKind::kResume, OfferKind::kPlayback}) {
    const auto row = registry().offer_stream(offer(call, kind), at(6001));
    ASSERT_TRUE(row) << row.error().detail;
    EXPECT_EQ(row->phase, Phase::kRedirecting);
    EXPECT_EQ(row->resumes, 0);
  }
  ASSERT_EQ(registry().finish_redirect(call, "a", RedirectEnd::kDone, at(6100), at(0)), true);
  EXPECT_EQ(registry().offer_stream(offer(call, OfferKind::kResume), at(6200))->phase, Phase::kRedirected);
  EXPECT_EQ(code(registry().accept_stream(start(call), at(6201))), Errc::kConflict);
}

TEST_P(RegistryContract, AClaimThatLapsesIsTakenOver) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_EQ(registry().claim_due("a", at(6000), seconds{5}, 10)->size(), 1u);
  EXPECT_TRUE(registry().claim_due("b", at(10999), seconds{5}, 10)->empty());
  ASSERT_EQ(registry().claim_due("b", at(11000), seconds{5}, 10)->size(), 1u);
  EXPECT_EQ(registry().finish_redirect(call, "a", RedirectEnd::kDone, at(11001), at(0)), false);
  EXPECT_EQ(registry().finish_redirect(call, "b", RedirectEnd::kOver, at(11001), at(0)), true);
  EXPECT_EQ(registry().find(call)->phase, Phase::kEnded);
}

TEST_P(RegistryContract, ARedirectThatTwilioDidNotTakeLetsTheStreamWinAfterAll) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_EQ(registry().claim_redirect(call, StreamSid(), "a", at(6000), seconds{5}), true);
  ASSERT_EQ(registry().finish_redirect(call, "a", RedirectEnd::kNotSent, at(6100), at(7000)), true);
  EXPECT_EQ(registry().find(call)->phase, Phase::kExpected);
  EXPECT_EQ(registry().find(call)->deadline, at(7000));
  EXPECT_TRUE(registry().accept_stream(start(call), at(6500)));
}

TEST_P(RegistryContract, ARedirectGivenUpIsNotTriedAgainAndAStreamMayStillCome) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_EQ(registry().claim_redirect(call, StreamSid(), "a", at(6000), seconds{5}), true);
  ASSERT_EQ(registry().finish_redirect(call, "a", RedirectEnd::kFailed, at(6100), at(7000)), true);
  EXPECT_TRUE(registry().claim_due("a", at(99999), seconds{5}, 10)->empty());
  EXPECT_TRUE(registry().accept_stream(start(call), at(7500)));
}

TEST_P(RegistryContract, ABrokenStreamIsResumedWithItsCheckpointOnlySoOften) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_TRUE(registry().accept_stream(start(call), at(1)));
  ASSERT_EQ(registry().media_arrived(call, kStream, at(2)), true);
  ASSERT_EQ(registry().save_checkpoint(call, kStream, "{\"said\":\"שלום\"}", at(3)), true);
  ASSERT_EQ(registry().close_stream(call, kStream, false, "reset", at(4)), true);

  const auto resumed = registry().offer_stream(offer(call, OfferKind::kResume, 5), at(5));
  ASSERT_TRUE(resumed) << resumed.error().detail;
  EXPECT_EQ(resumed->resumes, 1);
  EXPECT_EQ(resumed->checkpoint, "{\"said\":\"שלום\"}");
  EXPECT_EQ(registry().save_checkpoint(call, kStream, "late", at(6)), false) << "the old socket has lost the call";
  const auto again = registry().accept_stream(start(call, "token", kOther), at(7));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->checkpoint, "{\"said\":\"שלום\"}");
  ASSERT_TRUE(registry().offer_stream(offer(call, OfferKind::kResume, 8), at(8)));
  EXPECT_EQ(code(registry().offer_stream(offer(call, OfferKind::kResume, 9), at(9))), Errc::kRejected);
  EXPECT_EQ(code(registry().offer_stream(offer(call_sid(9), OfferKind::kResume, 9), at(9))), Errc::kNotFound);
}

TEST_P(RegistryContract, AFinishedConversationIsNotResumed) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  ASSERT_TRUE(registry().accept_stream(start(call), at(1)));
  ASSERT_EQ(registry().close_stream(call, kStream, true, "goodbye", at(2)), true);
  EXPECT_EQ(code(registry().offer_stream(offer(call, OfferKind::kResume), at(3))), Errc::kConflict);
  EXPECT_EQ(registry().find(call)->reason, "goodbye");
}

TEST_P(RegistryContract, PlaybackReopensTheStreamWithoutCounting) {
  const CallSid call = call_sid(1);
  ASSERT_TRUE(registry().offer_stream(offer(call), at(0)));
  for (int i = 0; i < 5; ++i) {
    const auto row = registry().offer_stream(offer(call, OfferKind::kPlayback), at(i));
    ASSERT_TRUE(row) << row.error().detail;
    EXPECT_EQ(row->resumes, 0);
    ASSERT_TRUE(registry().accept_stream(start(call), at(i)));
  }
}

TEST_P(RegistryContract, DueCallsAreTakenOldestFirstUpToTheLimit) {
  for (int i = 0; i < 5; ++i) {
    StreamOffer late = offer(call_sid(i));
    late.deadline = at(1000 - i);
    ASSERT_TRUE(registry().offer_stream(late, at(0)));
  }
  EXPECT_TRUE(registry().claim_due("a", at(995), seconds{1}, 3)->empty());
  const auto claimed = registry().claim_due("a", at(1000), seconds{5}, 3);
  ASSERT_EQ(claimed->size(), 3u);
  for (const RegistryRow& row : *claimed) EXPECT_GE(row.call, call_sid(2));
  EXPECT_EQ(registry().claim_due("b", at(1000), seconds{5}, 10)->size(), 2u);
}

TEST_P(RegistryContract, ListsLiveCallsByNodeAndForgetsOldOnes) {
  ASSERT_TRUE(registry().offer_stream(offer(call_sid(1)), at(0)));
  ASSERT_TRUE(registry().offer_stream(offer(call_sid(2)), at(1)));
  ASSERT_TRUE(registry().accept_stream(start(call_sid(2)), at(2)));
  ASSERT_TRUE(registry().offer_stream(offer(call_sid(3)), at(3)));
  ASSERT_EQ(registry().end_call(call_sid(3), "x", at(4)), true);
  EXPECT_EQ(registry().live("", 10)->size(), 2u);
  ASSERT_EQ(registry().live("b", 10)->size(), 1u);
  EXPECT_EQ(registry().live("b", 10)->front().call, call_sid(2));
  EXPECT_EQ(registry().live("", 1)->size(), 1u);

  EXPECT_EQ(registry().purge(at(4), at(0)), 0u);
  EXPECT_EQ(registry().purge(at(5), at(0)), 1u);
  EXPECT_EQ(code(registry().find(call_sid(3))), Errc::kNotFound);
  EXPECT_EQ(registry().purge(at(5), at(1)), 1u) << "nobody heard of call 1 since 0";
  EXPECT_EQ(registry().live("", 10)->size(), 1u);
}

TEST_P(RegistryContract, AKeyIsNewOnceUntilItExpires) {
  EXPECT_EQ(registry().first_time("k", at(0), seconds{1}), true);
  EXPECT_EQ(registry().first_time("k", at(999), seconds{1}), false);
  EXPECT_EQ(registry().first_time("k2", at(999), seconds{1}), true);
  EXPECT_EQ(registry().first_time("k", at(1000), seconds{1}), true);
}

// Every interleaving is possible on a real database: of stream and redirect, one wins for each call.
TEST_P(RegistryContract, OfManyRacingConnectionsExactlyOneWinsEachCall) {
  if (GetParam() == "memory") GTEST_SKIP() << "one thread only";
  constexpr int kCalls = 120;
  for (int i = 0; i < kCalls; ++i) ASSERT_TRUE(registry().offer_stream(offer(call_sid(i)), at(0)));
  database_->options().lock_wait = seconds{20};
  constexpr int kWorkers = 4;
  std::vector<int> wins(kCalls, 0);
  std::vector<std::vector<int>> taken(kWorkers);
  std::vector<std::unique_ptr<Store>> stores;
  for (int w = 0; w < kWorkers; ++w) stores.push_back(database_->open());
  std::vector<std::thread> threads;
  for (int w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      Registry& mine = stores[static_cast<std::size_t>(w)]->registry();
      const std::string node = "n" + std::to_string(w);
      for (int i = 0; i < kCalls; ++i) {
        const int n = w % 2 == 0 ? i : kCalls - 1 - i;
        if (w == 0) {
          for (const RegistryRow& row :
               mine.claim_due(node, at(6000), seconds{60}, 2).value_or(std::vector<RegistryRow>{})) {
            taken[0].push_back(std::stoi(row.call.str().substr(20)));
          }
        } else if (w == 1) {
          if (mine.claim_redirect(call_sid(n), StreamSid(), node, at(6000), seconds{60}).value_or(false))
            taken[1].push_back(n);
        } else {
          StreamStart mine_start = start(call_sid(n));
          mine_start.node = node;
          mine_start.stream = StreamSid("MZ" + node);
          if (mine.accept_stream(mine_start, at(5999))) taken[static_cast<std::size_t>(w)].push_back(n);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& list : taken) {
    for (const int n : list) ++wins[static_cast<std::size_t>(n)];
  }
  for (int i = 0; i < kCalls; ++i) EXPECT_EQ(wins[static_cast<std::size_t>(i)], 1) << "call " << i;
}

INSTANTIATE_TEST_SUITE_P(Over, RegistryContract, ::testing::Values("memory", "sqlite", "postgres"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace al::store
