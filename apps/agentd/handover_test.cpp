// Leads to a CRM over sockets: what arrives there, byte for byte, and what happens when it does not want it.
#include <gmock/gmock.h>

#include "agentd/testing_service.h"
#include "core/secret.h"
#include "store/lead_handover.h"

namespace al::agentd {
namespace {

using nlohmann::json;
using store::testing::call_sid;
using test::OtherService;
using ::testing::HasSubstr;

constexpr const char* kSecret = "crm-secret";

class HandoverTest : public test::ServiceTest {
 protected:
  Changes changes() {
    return {{"crm_webhook_url", crm_.url("/hook?tenant=a")},
            {"crm_webhook_secret", kSecret},
            {"crm_timeout_sec", "1"},
            {"crm_max_attempts", "3"}};
  }
  // A lead as LeadService leaves it in the database, with its work for the CRM in the same transaction.
  void lead(int n, const std::string& name, std::int64_t version = 0) {
    store::LeadRecord record;
    record.call = call_sid(n);
    record.key = "lead";
    record.phone = test::kPerson;
    record.name = name;
    record.slots = {{"area", "חיפה"}, {"budget", "2000000"}};
    record.summary = "the area: חיפה";
    record.confirmed = true;
    record.created = began_;
    record.updated = record.created + milliseconds{version};
    const store::HandOver work = store::lead_hand_over(record);
    ASSERT_TRUE(store()->records().save_lead(record, &work));
  }
  std::string state(int n) {
    const json leads = get("/api/leads")["leads"];
    for (const json& one : leads) {
      if (one["call_sid"] == call_sid(n).str()) return one["hand_over"];
    }
    return "(no such lead)";
  }
  static std::string header(const providers::RawRequest& request, std::string_view name) {
    return std::string(net::find_header(request.headers, name).value_or("(none)"));
  }
  const WallTime began_ = wall_now() - seconds{1};
  OtherService crm_{[](const providers::RawRequest&, std::size_t) -> OtherService::Answer { return {204, ""}; }};
};

TEST_F(HandoverTest, AFinishedLeadArrivesSignedAndIsMarked) {
  start(changes());
  lead(1, "דנה");
  const auto request = crm_.request(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/hook?tenant=a");
  EXPECT_EQ(header(request, "content-type"), "application/json");
  EXPECT_EQ(header(request, "x-agentlocator-event"), "lead");
  EXPECT_THAT(header(request, "x-agentlocator-delivery"),
              ::testing::StartsWith("lead:" + call_sid(1).str() + ":lead:"));
  // The signature, computed here from its description alone.
  const std::string signature = header(request, "x-agentlocator-signature");
  const std::size_t comma = signature.find(",v1=");
  ASSERT_TRUE(signature.starts_with("t=") && comma != std::string::npos) << signature;
  const std::string stamp = signature.substr(2, comma - 2);
  EXPECT_EQ(signature.substr(comma + 4), to_hex(as_bytes(hmac_sha256(kSecret, stamp + "." + request.body))));
  EXPECT_LT(std::abs(std::stoll(stamp) - wall_now().time_since_epoch().count() / 1000), 60);

  const json body = json::parse(request.body);
  EXPECT_EQ(body["id"], store::lead_id(call_sid(1), "lead"));
  EXPECT_EQ(body["call_sid"], call_sid(1).str());
  EXPECT_EQ(body["name"], "דנה");
  EXPECT_EQ(body["phone"], test::kPerson);
  EXPECT_EQ(body["slots"], (json{{"area", "חיפה"}, {"budget", "2000000"}}));
  EXPECT_EQ(body["confirmed"], true);
  EXPECT_EQ(body.count("hand_over"), 0U);
  EXPECT_TRUE(eventually([&] { return state(1) == "done"; }));
}

TEST_F(HandoverTest, WhatFailsComesAgainUnderTheSameKeyAndARepeatedSavingDoesNot) {
  crm_.answer_with([](const providers::RawRequest&, std::size_t number) -> OtherService::Answer {
    if (number == 0) return {500, "down"};
    if (number == 1) return {0, "", {}, OtherService::Answer::Fate::kReset};
    return {200, "{}"};
  });
  start(changes());
  lead(1, "Dana");
  const auto first = crm_.request(0);
  EXPECT_TRUE(eventually([&] { return state(1) == "pending"; }));
  stop();  // the spool is in the database
  start(changes());
  const auto last = crm_.request(2);
  EXPECT_EQ(header(last, "x-agentlocator-delivery"), header(first, "x-agentlocator-delivery"));
  EXPECT_EQ(last.body, first.body);
  EXPECT_TRUE(store::verify_webhook(header(last, "x-agentlocator-signature"), last.body, kSecret, wall_now()))
      << "signed anew: receivers refuse old times";
  ASSERT_TRUE(eventually([&] { return state(1) == "done"; }));
  lead(1, "Dana", 5);  // the same words again
  lead(1, "Dana Cohen", 9);
  const auto corrected = crm_.request(3);
  EXPECT_EQ(json::parse(corrected.body)["name"], "Dana Cohen") << "only the correction is news";
  EXPECT_NE(header(corrected, "x-agentlocator-delivery"), header(first, "x-agentlocator-delivery"));
  EXPECT_EQ(json::parse(corrected.body)["id"], json::parse(first.body)["id"]);
  EXPECT_TRUE(eventually([&] { return state(1) == "done"; }));
  EXPECT_EQ(crm_.requests().size(), 4U);
}

TEST_F(HandoverTest, ASilentReceiverIsGivenUpAfterItsAttemptsAndARefusalAtOnce) {
  crm_.answer_with([](const providers::RawRequest& request, std::size_t) -> OtherService::Answer {
    if (json::parse(request.body)["name"] == "Refused") return {422, "no such field"};
    return {0, "", {}, OtherService::Answer::Fate::kSilent};
  });
  Changes once = changes();
  once["crm_max_attempts"] = "1";
  start(once);
  lead(1, "Silent");
  lead(2, "Refused");
  EXPECT_TRUE(eventually([&] { return state(1) == "failed" && state(2) == "failed"; }));
  EXPECT_EQ(crm_.requests().size(), 2U);
  const auto rows = store()->outbox().list("crm", 10);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U) << "they wait for an operator";
  for (const store::OutboxRow& row : *rows) {
    EXPECT_TRUE(row.failed);
    EXPECT_EQ(row.last_error, row.work.payload.find("Refused") != std::string::npos ? "HTTP 422" : "no answer");
  }
}

TEST_F(HandoverTest, WithoutASecretNothingIsSignedAndWithoutAnAddressNothingIsSent) {
  Changes open = changes();
  open["crm_webhook_secret"] = "";
  start(open);
  lead(1, "Dana");
  EXPECT_EQ(header(crm_.request(0), "x-agentlocator-signature"), "(none)");
  ASSERT_TRUE(eventually([&] { return state(1) == "done"; }));
}

}  // namespace
}  // namespace al::agentd
