// WHATSAPP_CALL_SUMMARY over sockets: who gets the summary of a finished call, how, and that it is once.
#include <gmock/gmock.h>

#include "agentd/mobile_number.h"
#include "agentd/testing_service.h"
#include "core/settings.h"

namespace al::agentd {
namespace {

using nlohmann::json;
using store::testing::call_sid;
using test::form_of;
using test::kPerson;
using test::OtherService;
using ::testing::HasSubstr;

constexpr const char* kWords = "Harbor Homes\nthe area: Haifa\nrooms: 4";

class CallSummariesTest : public test::ServiceTest {
 protected:
  static Changes changes(const OtherService& network) {
    return {{"whatsapp_provider", "twilio"},
            {"whatsapp_call_summary", "true"},
            {"whatsapp_template", "HXsum"},
            {"twilio_api_base_url", network.url()}};
  }
  // What a call of `from` leaves in the database while it lasts. `words` empty: it collected nothing.
  void talks(int n, const std::string& from, const std::string& words = kWords) {
    const auto db = store();
    store::CallRecord call;
    call.sid = call_sid(n);
    call.from = from;
    call.to = test::kUs;
    call.status = store::CallStatus::kInProgress;
    call.started = wall_now();
    ASSERT_TRUE(db->records().put_call(call));
    if (words.empty()) return;
    store::LeadRecord lead;
    lead.call = call.sid;
    lead.key = "lead";
    lead.phone = "+972500000001";  // another number was named: nothing is sent there
    lead.slots = {{"area", "Haifa"}};
    lead.summary = words;
    lead.created = lead.updated = call.started;
    ASSERT_TRUE(db->records().save_lead(lead));
  }
  // Twilio reports the end of the call.
  void hangs_up(int n) {
    EXPECT_EQ(post_signed("/webhook/call_status", {{"CallSid", call_sid(n).str()},
                                                   {"AccountSid", std::string(test::kServiceAccount)},
                                                   {"From", std::string(kPerson)},
                                                   {"To", std::string(test::kUs)},
                                                   {"CallStatus", "completed"},
                                                   {"Direction", "inbound"}})
                  .status,
              204);
  }
  void two_nodes_and_a_restart();

  OtherService network_{[](const providers::RawRequest&, std::size_t number) -> OtherService::Answer {
    return {201, json{{"sid", "SM" + std::string(30, 'a') + std::to_string(10 + number)}, {"status", "queued"}}.dump()};
  }};
};

TEST_F(CallSummariesTest, AFinishedCallSendsItsSummaryToTheCallerAndToNobodyElse) {
  start(changes(network_));
  talks(1, std::string(kPerson));
  talks(2, "+97231234567");  // a landline
  talks(3, "anonymous");
  talks(4, std::string(kPerson), "");
  talks(5, "+972541112222");  // opted out
  talks(6, "+972543334444");  // was sent the summary during the call
  talks(7, "+972545556666");  // still talks
  const auto db = store();
  ASSERT_TRUE(db->records().set_opt_out("+972541112222", true, wall_now()));
  store::MessageRecord sent;
  sent.id = "tool-1";
  sent.provider = "twilio";
  sent.to = "+972543334444";
  sent.call = call_sid(6);
  sent.status = store::MessageStatus::kSent;
  sent.at = wall_now();
  ASSERT_TRUE(db->records().put_message(sent));
  for (int n = 1; n <= 6; ++n) hangs_up(n);

  auto form = form_of(network_.request(0).body);
  EXPECT_EQ(form["To"], "whatsapp:" + std::string(kPerson));
  EXPECT_EQ(form["ContentSid"], "HXsum") << "they never wrote to us: the window is closed";
  EXPECT_EQ(form["ContentVariables"], R"({"1":"Harbor Homes, the area: Haifa, rooms: 4"})");
  for (int n : {2, 3, 5, 6}) {
    EXPECT_TRUE(eventually([&] { return logged("SUMMARY_SKIPPED call=" + call_sid(n).str()); })) << n;
  }
  ASSERT_TRUE(eventually([&] { return store()->records().calls_to_sum_up({}, 10)->empty(); }));
  EXPECT_EQ(network_.requests().size(), 1U);
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 2 && messages("out")[1]["status"] == "sent"; }));
  EXPECT_EQ(messages("out")[1]["call_sid"], call_sid(1).str());
  EXPECT_EQ(messages("out")[1]["id"], "summary:" + call_sid(1).str());
}

TEST_F(CallSummariesTest, InsideTheWindowItIsText) {
  Changes with_text = changes(network_);
  with_text["whatsapp_template"] = "";
  start(with_text);
  EXPECT_EQ(writes("stop by?").status, 200);
  (void)network_.request(0);
  talks(1, std::string(kPerson));
  talks(2, "+972541112222");
  hangs_up(1);
  hangs_up(2);
  EXPECT_EQ(form_of(network_.request(1).body)["Body"], kWords);
  EXPECT_TRUE(eventually([&] { return logged("SUMMARY_SKIPPED call=" + call_sid(2).str()); }))
      << "neither window nor template";
  EXPECT_TRUE(logged("only callers who wrote to us within 24 hours")) << "said at the start";
}

void CallSummariesTest::two_nodes_and_a_restart() {
  start(changes(network_));
  const auto first = std::move(daemon_);  // goes on
  start(changes(network_));               // a second node on the same database
  for (int n = 1; n <= 5; ++n) {
    talks(n, "+97254123456" + std::to_string(n));
    hangs_up(n);
    hangs_up(n);
  }
  for (std::size_t n = 0; n < 5; ++n) (void)network_.request(n);
  stop();
  start(changes(network_));
  talks(6, "+972541234566");
  hangs_up(6);
  (void)network_.request(5);  // whoever looked for the sixth has seen the first five again
  ASSERT_TRUE(eventually([&] {
    const auto all = messages("out");
    return all.size() == 6 && std::all_of(all.begin(), all.end(), [](const json& m) { return m["status"] == "sent"; });
  }));
  EXPECT_EQ(network_.requests().size(), 6U);
}

TEST_F(CallSummariesTest, TwoNodesAndARestartSendItOnce) {
  two_nodes_and_a_restart();
}

TEST_F(CallSummariesTest, TwoNodesOnPostgresSendItOnce) {
  AL_SKIP_WITHOUT_SERVER("postgres");
  const store::testing::TemporarySchema schema;
  database_ = schema.url();
  two_nodes_and_a_restart();
  daemon_.reset();
}

TEST_F(CallSummariesTest, ACallThatEndedWhileNobodyRanIsNotForgotten) {
  start(changes(network_));
  stop();
  talks(1, std::string(kPerson));
  ASSERT_TRUE(store()->records().set_call_status(call_sid(1), store::CallStatus::kCompleted, wall_now()));
  start(changes(network_));
  EXPECT_EQ(form_of(network_.request(0).body)["To"], "whatsapp:" + std::string(kPerson));
}

TEST_F(CallSummariesTest, ASummaryWhoseFateIsUnknownIsNotSentAgain) {
  // The provider takes the request and says nothing; for all we know the message is out.
  network_.answer_with([](const providers::RawRequest&, std::size_t) -> OtherService::Answer {
    return {0, "", {}, OtherService::Answer::Fate::kReset};
  });
  start(changes(network_));
  talks(1, std::string(kPerson));
  hangs_up(1);
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 1 && messages("out")[0]["status"] == "failed"; }));
  // Nor when the process that sent it died before it could say how it went: its claim has run out.
  stop();
  const std::string key = "summary:" + call_sid(2).str();
  const auto db = store();
  ASSERT_TRUE(db->outbox().enqueue({"whatsapp", key, std::string(kPerson),
                                    json{{"to", kPerson}, {"text", "x"}, {"key", key}, {"once", true}}.dump()},
                                   wall_now()));
  ASSERT_EQ(db->outbox().claim("whatsapp", "dead-node", wall_now(), milliseconds{0}, 10)->size(), 1U);
  start(changes(network_));
  EXPECT_TRUE(eventually([&] { return logged("it is not sent twice"); }));
  EXPECT_EQ(network_.requests().size(), 1U);
}

TEST_F(CallSummariesTest, CanBeSwitchedOnWhileAgentdRuns) {
  Changes off = changes(network_);
  off["whatsapp_call_summary"] = "false";
  start(off);
  talks(1, std::string(kPerson));
  hangs_up(1);
  EXPECT_TRUE(network_.requests().empty());
  Settings on;
  ASSERT_TRUE(on.set("whatsapp_call_summary", "true"));
  (void)daemon_->reload(on);
  EXPECT_EQ(form_of(network_.request(0).body)["To"], "whatsapp:" + std::string(kPerson));
}

TEST(MobileNumber, IsToldByThePlanWhereThePlanTells) {
  for (const char* mobile : {"+972541234567", "+972501234567", "+447911123456", "+491711234567", "+33612345678",
                             "+34612345678", "+393331234567", "+962791234567", "+201001234567", "+16175550123"}) {
    EXPECT_TRUE(may_be_mobile(mobile)) << mobile;
  }
  for (const char* none : {"+97231234567", "+97254123456", "+442071234567", "+493012345678", "+33123456789",
                           "+34912345678", "", "anonymous", "0541234567", "client:dana", "+", "+9725412345678901"}) {
    EXPECT_FALSE(may_be_mobile(none)) << none;
  }
}

}  // namespace
}  // namespace al::agentd
