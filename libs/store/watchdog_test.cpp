#include "store/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/store_fixture.h"

namespace al::store {
namespace {

using testing::call_sid;
using Kind = WatchdogAction::Kind;

const CallSid kCall = call_sid(1);
const StreamSid kStream("MZ1");

Timestamp at(Duration since_start) {
  return Timestamp{seconds{1000} + since_start};
}

class WatchdogStory : public ::testing::Test {
 protected:
  // What the watchdog wants since the last look, without its regular polls and reports.
  std::vector<WatchdogAction> actions() {
    std::vector<WatchdogAction> out;
    while (auto action = dog_.poll_action()) {
      if (action->kind == Kind::kClaimDue) {
        dog_.due_claimed({}, now_);
      } else if (action->kind == Kind::kReport) {
        reports_.push_back(action->reason);
      } else {
        out.push_back(*action);
      }
    }
    return out;
  }
  void advance(Duration to) {
    while (dog_.deadline() <= at(to)) {
      now_ = std::max(now_, dog_.deadline());
      dog_.tick(now_);
      if (auto wanted = actions(); !wanted.empty()) {
        pending_ = std::move(wanted);
        return;
      }
    }
    now_ = at(to);
  }
  std::vector<WatchdogAction> take() { return std::exchange(pending_, {}); }
  void restart(const WatchdogOptions& options) { dog_ = Watchdog(options, now_); }

  Timestamp now_ = at(seconds{0});
  Watchdog dog_{WatchdogOptions{}, at(seconds{0})};
  std::vector<WatchdogAction> pending_;
  std::vector<std::string> reports_;
};

TEST_F(WatchdogStory, ACallThatStartsInTimeIsLeftAlone) {
  dog_.call_offered(kCall, true, now_);
  advance(milliseconds{5999});
  dog_.stream_started(kCall, kStream, now_);
  for (int i = 0; i < 100; ++i) {
    advance(seconds{6} + i * seconds{1});
    dog_.media_seen(kCall, now_);
  }
  EXPECT_TRUE(take().empty());
  dog_.call_gone(kCall);
  EXPECT_EQ(dog_.watched(), 0u);
}

TEST_F(WatchdogStory, NoStartInSixSecondsIsClaimedThenRedirectedThenFinished) {
  dog_.call_offered(kCall, true, now_);
  advance(seconds{20});
  auto wanted = take();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].kind, Kind::kClaimOne);
  EXPECT_EQ(now_, at(seconds{6}));
  dog_.claim_answered(kCall, true, now_);
  wanted = actions();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].kind, Kind::kRedirect);
  EXPECT_EQ(wanted[0].reason, "no start within 6 s");
  dog_.rest_answered(kCall, RestVerdict::kDone, now_);
  wanted = actions();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].kind, Kind::kFinish);
  EXPECT_EQ(wanted[0].end, RedirectEnd::kDone);
  EXPECT_EQ(dog_.watched(), 0u);
}

TEST_F(WatchdogStory, NothingIsRedirectedWhenTheClaimIsLost) {
  dog_.call_offered(kCall, true, now_);
  advance(seconds{6});
  ASSERT_EQ(take().size(), 1u);
  dog_.claim_answered(kCall, false, now_);
  EXPECT_TRUE(actions().empty());
  EXPECT_EQ(dog_.stats().lost_claims, 1u);
  advance(seconds{60});
  EXPECT_TRUE(take().empty());
}

TEST_F(WatchdogStory, AStreamWithoutMediaAndOneWhoseMediaStopsAreRedirected) {
  dog_.call_offered(kCall, true, now_);
  dog_.stream_started(kCall, kStream, now_);
  advance(seconds{3});
  dog_.media_seen(kCall, now_);
  advance(seconds{30});
  const auto wanted = take();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].stream, kStream);
  EXPECT_EQ(wanted[0].reason, "no media for 6 s");
  EXPECT_EQ(now_, at(seconds{9}));
}

TEST_F(WatchdogStory, WithoutTheRegistrysWordItAsksAgainAndDoesNotRedirect) {
  dog_.call_offered(kCall, true, now_);
  advance(seconds{6});
  for (int i = 0; i < 20; ++i) {
    const auto wanted = take();
    ASSERT_EQ(wanted.size(), 1u);
    ASSERT_EQ(wanted[0].kind, Kind::kClaimOne);
    dog_.claim_answered(kCall, std::nullopt, now_);
    advance(now_ - at(seconds{0}) + seconds{1});
  }
  EXPECT_FALSE(dog_.may_start_alone(kCall)) << "another node may have it";
}

TEST_F(WatchdogStory, ACallThatNoStoreKnowsIsDecidedHere) {
  dog_.call_offered(kCall, false, now_);
  EXPECT_TRUE(dog_.may_start_alone(kCall));
  advance(seconds{6});
  auto wanted = take();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].kind, Kind::kRedirect);
  EXPECT_FALSE(dog_.may_start_alone(kCall));
  dog_.rest_answered(kCall, RestVerdict::kDone, now_);
  EXPECT_TRUE(actions().empty());
  // The row turns up late: it is claimed and closed, or it would be redirected again.
  dog_.call_stored(kCall);
  wanted = actions();
  ASSERT_EQ(wanted.size(), 2u);
  EXPECT_EQ(wanted[0].kind, Kind::kClaimOne);
  EXPECT_EQ(wanted[1].kind, Kind::kFinish);
}

TEST_F(WatchdogStory, TwilioBusyIsAskedAgainWithBackOffAndThenGivenBack) {
  dog_.call_offered(kCall, true, now_);
  advance(seconds{6});
  take();
  dog_.claim_answered(kCall, true, now_);
  std::vector<Duration> asked;
  for (int i = 0; i < 4; ++i) {
    const auto wanted = i == 0 ? actions() : take();
    ASSERT_EQ(wanted.size(), 1u) << i;
    ASSERT_EQ(wanted[0].kind, Kind::kRedirect);
    asked.push_back(now_ - at(seconds{6}));
    dog_.rest_answered(kCall, RestVerdict::kNotTaken, now_);
    if (i < 3) advance(seconds{60});
  }
  EXPECT_THAT(asked, ::testing::ElementsAre(seconds{0}, milliseconds{500}, milliseconds{1500}, milliseconds{3500}));
  const auto wanted = actions();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].end, RedirectEnd::kNotSent);
  EXPECT_EQ(wanted[0].again_in, seconds{6});
}

TEST_F(WatchdogStory, NoAttemptBeginsThatCouldOutlastTheClaim) {
  dog_.call_offered(kCall, true, now_);
  advance(seconds{6});
  take();
  dog_.claim_answered(kCall, true, now_);
  int attempts = 0;
  for (auto wanted = actions(); !wanted.empty() && wanted[0].kind == Kind::kRedirect; wanted = take()) {
    ++attempts;
    EXPECT_LE(now_ + seconds{5}, at(seconds{6} + seconds{12}));
    now_ += seconds{5};  // each attempt runs into its timeout
    dog_.rest_answered(kCall, RestVerdict::kUnknown, now_);
    advance(seconds{60});
  }
  EXPECT_EQ(attempts, 2);
  EXPECT_TRUE(take().empty()) << "perhaps done: the claim lapses by itself and is asked about again";
}

TEST_F(WatchdogStory, ACallThatIsOverAlreadyIsFinishedQuietly) {
  dog_.call_offered(kCall, true, now_);
  advance(seconds{6});
  take();
  dog_.claim_answered(kCall, true, now_);
  actions();
  dog_.rest_answered(kCall, RestVerdict::kAlreadyOver, now_);
  EXPECT_EQ(actions().at(0).end, RedirectEnd::kOver);
  EXPECT_EQ(dog_.stats().failed, 0u);
}

TEST_F(WatchdogStory, ACallThatEndsWhileItIsBeingClaimedGivesTheClaimBack) {
  dog_.call_offered(kCall, true, now_);
  advance(seconds{6});
  take();
  dog_.call_gone(kCall);
  dog_.claim_answered(kCall, true, now_);
  const auto wanted = actions();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].kind, Kind::kFinish);
  EXPECT_EQ(wanted[0].end, RedirectEnd::kOver);
}

TEST_F(WatchdogStory, CallsOfADeadNodeAreTakenOver) {
  RegistryRow row;
  row.call = kCall;
  row.phase = Phase::kRedirecting;
  dog_.due_claimed({row}, now_);
  const auto wanted = actions();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].kind, Kind::kRedirect);
}

TEST_F(WatchdogStory, ABrokenStreamThatNobodyAsksAboutIsOverdue) {
  dog_.stream_started(kCall, kStream, now_);
  dog_.media_seen(kCall, now_);
  dog_.stream_gone(kCall, now_);
  advance(seconds{30});
  const auto wanted = take();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].kind, Kind::kClaimOne);
  EXPECT_EQ(now_, at(seconds{6}));
}

TEST_F(WatchdogStory, WithoutCredentialsItSaysSoAndDoesNothing) {
  WatchdogOptions options;
  options.can_redirect = false;
  restart(options);
  dog_.call_offered(kCall, true, now_);
  advance(seconds{30});
  EXPECT_TRUE(take().empty());
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_THAT(reports_[0], ::testing::HasSubstr("without credentials"));
  EXPECT_EQ(dog_.watched(), 0u);
}

TEST_F(WatchdogStory, OnASingleNodeALockedDatabaseDoesNotRefuseAStream) {
  WatchdogOptions options;
  options.shared = false;
  restart(options);
  dog_.call_offered(kCall, true, now_);
  EXPECT_TRUE(dog_.may_start_alone(kCall));
  dog_.stream_started(kCall, kStream, now_);
  dog_.media_seen(kCall, now_);
  // The database comes back with the old row, overdue: the running stream is not touched.
  RegistryRow row;
  row.call = kCall;
  row.phase = Phase::kRedirecting;
  dog_.due_claimed({row}, now_);
  const auto wanted = actions();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].kind, Kind::kFinish);
  EXPECT_EQ(wanted[0].end, RedirectEnd::kFailed);
  EXPECT_EQ(dog_.watched(), 1u);
}

TEST_F(WatchdogStory, AnAnswerThatIsLostStopsNeitherPollingNorTheCall) {
  while (dog_.poll_action()) {
  }
  int polls = 0;
  for (Timestamp now = now_; now < at(seconds{60}); now = std::max(now + milliseconds{1}, dog_.deadline())) {
    dog_.tick(now);
    while (auto action = dog_.poll_action()) polls += action->kind == Kind::kClaimDue ? 1 : 0;
  }
  EXPECT_GE(polls, 4);
  EXPECT_LE(polls, 6);
}

TEST(JudgeRest, TellsDoneFromOverFromRepeatable) {
  EXPECT_EQ(judge_rest(200, 0, true), RestVerdict::kDone);
  EXPECT_EQ(judge_rest(404, 20404, true), RestVerdict::kAlreadyOver);
  EXPECT_EQ(judge_rest(400, 21220, true), RestVerdict::kAlreadyOver);
  EXPECT_EQ(judge_rest(400, 21205, true), RestVerdict::kRefused);
  EXPECT_EQ(judge_rest(401, 20003, true), RestVerdict::kRefused);
  EXPECT_EQ(judge_rest(429, 20429, true), RestVerdict::kNotTaken);
  EXPECT_EQ(judge_rest(503, 0, true), RestVerdict::kUnknown);
  EXPECT_EQ(judge_rest(0, 0, true), RestVerdict::kUnknown);
  EXPECT_EQ(judge_rest(0, 0, false), RestVerdict::kNotTaken);
}

}  // namespace
}  // namespace al::store
