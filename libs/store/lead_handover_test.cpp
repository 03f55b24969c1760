#include "store/lead_handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "store/store_fixture.h"

namespace al::store {
namespace {

using testing::at;
using testing::call_sid;

std::string header(const WebhookRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

LeadRecord lead() {
  LeadRecord out;
  out.call = call_sid(1);
  out.key = "lead";
  out.phone = "+972501234567";
  out.name = "אבי \"א\"";
  out.slots = {{"area", "חיפה"}};
  out.confirmed = true;
  out.created = at(0);
  return out;
}

class HandOverStory : public ::testing::Test {
 protected:
  LeadHandOver hand_over(int max_attempts = 3) const {
    LeadHandOver::Options options;
    options.url = "https://crm.example.com/in";
    options.secret = "s3cret";
    options.node = "a";
    options.retry.max_attempts = max_attempts;
    return LeadHandOver(options);
  }
  void save() {
    const HandOver work = lead_hand_over(lead());
    ASSERT_TRUE(store_->records().save_lead(lead(), &work));
  }
  std::string state() { return store_->records().leads({})->front().hand_over; }

  testing::Database database_{"sqlite"};
  std::unique_ptr<Store> store_ = database_.open();
};

TEST(SignedWebhook, IsVerifiedAndAnyChangeIsRefused) {
  const auto request = signed_webhook("https://x", "lead", "d1", "{\"a\":1}", "key", at(0));
  const std::string signature = header(request, "X-AgentLocator-Signature");
  EXPECT_TRUE(verify_webhook(signature, request.body, "key", at(0)));
  EXPECT_TRUE(verify_webhook(signature, request.body, "key", at(299'000)));
  EXPECT_FALSE(verify_webhook(signature, request.body, "key", at(302'000))) << "replayed later";
  EXPECT_FALSE(verify_webhook(signature, request.body, "other", at(0)));
  EXPECT_FALSE(verify_webhook(signature, request.body + " ", "key", at(0)));
  EXPECT_FALSE(verify_webhook("", request.body, "key", at(0)));
  EXPECT_FALSE(verify_webhook("t=9223372036854775807,v1=00", request.body, "key", at(0)));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(verify_webhook(changed, request.body, "key", at(0))) << i;
  }
}

// Computed with: printf '%s' '1800000000.{"a":1}' | openssl dgst -sha256 -hmac key
TEST(SignedWebhook, AgreesWithOpenSsl) {
  const auto request = signed_webhook("https://x", "lead", "d1", "{\"a\":1}", "key", at(0));
  EXPECT_EQ(header(request, "X-AgentLocator-Signature"),
            "t=1800000000,v1=7330c9cf7d886970cbebbbb5494c04d2aeff06a990adb7d7a75abfeb0159d291");
}

TEST(RetryDelay, DoublesUpToItsLimitAndIsSpread) {
  const RetryPolicy policy;
  for (int attempt = 1; attempt <= 40; ++attempt) {
    const Duration base =
        std::min<Duration>(seconds{2} * (std::int64_t{1} << std::min(attempt - 1, 20)), std::chrono::hours{1});
    const Duration delay = retry_delay(policy, attempt, 7);
    EXPECT_GE(delay, base) << attempt;
    EXPECT_LE(delay, base + base / 4) << attempt;
    EXPECT_EQ(delay, retry_delay(policy, attempt, 7));
  }
  EXPECT_NE(retry_delay(policy, 5, 1), retry_delay(policy, 5, 2));
}

TEST(JudgeDelivery, TriesAgainWhatMayPass) {
  for (const int ok : {200, 201, 204}) EXPECT_EQ(judge_delivery(ok), Delivery::kDone);
  for (const int again : {0, 401, 403, 404, 408, 425, 429, 500, 502, 503})
    EXPECT_EQ(judge_delivery(again), Delivery::kRetry) << again;
  for (const int never : {301, 400, 405, 410, 422}) EXPECT_EQ(judge_delivery(never), Delivery::kGiveUp) << never;
}

TEST_F(HandOverStory, ALeadIsPostedSignedAndMarkedDone) {
  save();
  EXPECT_EQ(state(), "pending");
  const auto steps = hand_over().due(*store_, at(1000));
  ASSERT_TRUE(steps) << steps.error().detail;
  ASSERT_EQ(steps->size(), 1u);
  const WebhookRequest& request = steps->front().request;
  EXPECT_EQ(request.url, "https://crm.example.com/in");
  EXPECT_TRUE(verify_webhook(header(request, "X-AgentLocator-Signature"), request.body, "s3cret", at(1000)));
  const auto body = parse_json(request.body);
  ASSERT_TRUE(body);
  EXPECT_EQ(json_string(*body, "name"), "אבי \"א\"");
  EXPECT_EQ(hand_over().finished(*store_, steps->front(), 200, Duration{0}, at(1500)), Delivery::kDone);
  EXPECT_EQ(state(), "done");
  EXPECT_TRUE(hand_over().due(*store_, at(9'999'999))->empty());
}

TEST_F(HandOverStory, TheSameLeadAgainIsNoNewsAndACorrectedOneIs) {
  save();
  LeadRecord again = lead();
  again.updated = at(5000);
  const HandOver repeated = lead_hand_over(again);
  ASSERT_TRUE(store_->records().save_lead(again, &repeated));
  EXPECT_EQ(store_->outbox().counts("crm")->pending, 1);
  const auto first = hand_over().due(*store_, at(6000));
  ASSERT_TRUE(first);
  for (const DeliveryStep& step : *first) {
    ASSERT_TRUE(hand_over().finished(*store_, step, 200, Duration{0}, at(6000)));
  }
  EXPECT_EQ(state(), "done");
  LeadRecord corrected = again;
  corrected.phone = "+972507654321";
  const HandOver news = lead_hand_over(corrected);
  const auto saved = store_->records().save_lead(corrected, &news);
  ASSERT_TRUE(saved);
  EXPECT_FALSE(saved->created);
  EXPECT_EQ(state(), "pending");
  const auto steps = hand_over().due(*store_, at(7000));
  ASSERT_EQ(steps->size(), 1u);
  const auto body = parse_json(steps->front().request.body);
  EXPECT_EQ(json_string(*body, "phone"), "+972507654321");
  EXPECT_EQ(json_string(*body, "id"), saved->id);
}

TEST_F(HandOverStory, ADeadReceiverIsTriedAgainThenAnOperatorIsNeeded) {
  save();
  WallTime now = at(0);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto steps = hand_over().due(*store_, now);
    ASSERT_EQ(steps->size(), 1u) << attempt;
    const auto outcome = hand_over().finished(*store_, steps->front(), attempt == 1 ? 0 : 503, Duration{0}, now);
    EXPECT_EQ(outcome, attempt < 3 ? Delivery::kRetry : Delivery::kGiveUp);
    EXPECT_TRUE(hand_over().due(*store_, now + seconds{1})->empty()) << "not before its time";
    now += std::chrono::hours{2};
  }
  EXPECT_EQ(state(), "failed");
  EXPECT_EQ(store_->outbox().list("crm", 10)->front().last_error, "HTTP 503");
  EXPECT_EQ(store_->outbox().revive("crm", now), 1u);
  EXPECT_EQ(hand_over().due(*store_, now)->size(), 1u);
}

TEST_F(HandOverStory, TheReceiversWishToWaitIsRespectedUpToAnHour) {
  save();
  auto steps = hand_over().due(*store_, at(0));
  ASSERT_EQ(hand_over().finished(*store_, steps->front(), 429, seconds{600}, at(0)), Delivery::kRetry);
  EXPECT_TRUE(hand_over().due(*store_, at(599'000))->empty());
  steps = hand_over().due(*store_, at(600'000));
  ASSERT_EQ(steps->size(), 1u);
  ASSERT_EQ(hand_over().finished(*store_, steps->front(), 429, std::chrono::hours{1000}, at(600'000)),
            Delivery::kRetry);
  EXPECT_EQ(hand_over().due(*store_, at(600'000 + 3'600'000))->size(), 1u);
}

TEST_F(HandOverStory, AProcessThatDiesBeforeTheAnswerSendsTheSameDeliveryAgain) {
  save();
  const auto first = hand_over().due(*store_, at(0));
  ASSERT_EQ(first->size(), 1u);
  store_.reset();  // killed
  store_ = database_.open();
  EXPECT_TRUE(hand_over().due(*store_, at(59'999))->empty());
  const auto again = hand_over().due(*store_, at(60'000));
  ASSERT_EQ(again->size(), 1u);
  EXPECT_EQ(header(again->front().request, "X-AgentLocator-Delivery"),
            header(first->front().request, "X-AgentLocator-Delivery"));
  EXPECT_EQ(again->front().request.body, first->front().request.body);
}

}  // namespace
}  // namespace al::store
