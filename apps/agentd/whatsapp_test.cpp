// WhatsApp over sockets: what networks send us, what we send them, byte for byte as facts about their APIs say.
#include <gmock/gmock.h>

#include "agentd/message_recovery.h"
#include "agentd/opt_out_words.h"
#include "agentd/testing_service.h"
#include "core/secret.h"

namespace al::agentd {
namespace {

using nlohmann::json;
using test::form_of;
using test::kPerson;
using test::kUs;
using test::OtherService;
using test::twilio_takes;
using test::WhatsAppTest;
using ::testing::HasSubstr;

TEST_F(WhatsAppTest, AnIncomingMessageIsStoredAnsweredBySomethingSensibleAndAcknowledgedWithoutText) {
  start_with_twilio();
  const auto answer = writes("Hi, I am looking for an apartment in Haifa");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(net::find_header(answer.headers, "Content-Type"), "text/xml; charset=utf-8");
  EXPECT_EQ(answer.body.find("<Message"), std::string::npos) << "the answer goes out by REST";
  EXPECT_NE(answer.body.find("<Response"), std::string::npos);

  // What goes out, byte for byte: Twilio, api/messages-resource.
  const auto out = network_.request(0);
  EXPECT_EQ(out.method, "POST");
  EXPECT_EQ(out.target, "/2010-04-01/Accounts/" + std::string(test::kServiceAccount) + "/Messages.json");
  EXPECT_EQ(net::find_header(out.headers, "authorization"),
            "Basic " + base64_encode(std::string(test::kServiceAccount) + ":" + std::string(test::kServiceToken)));
  EXPECT_EQ(net::find_header(out.headers, "content-type"), "application/x-www-form-urlencoded");
  auto form = form_of(out.body);
  EXPECT_EQ(form["To"], "whatsapp:" + std::string(kPerson));
  EXPECT_EQ(form["From"], "whatsapp:" + std::string(kUs));
  EXPECT_EQ(form["StatusCallback"], std::string(test::kServiceBase) + "/webhook/whatsapp/status");
  EXPECT_THAT(form["Body"], HasSubstr("?")) << "it asks for what is still missing";
  EXPECT_EQ(form.size(), 4U);

  ASSERT_TRUE(eventually([&] { return messages("out").size() == 1 && messages("out")[0]["status"] == "sent"; }));
  const json in = messages("in").at(0);
  EXPECT_EQ(in["body"], "Hi, I am looking for an apartment in Haifa");
  EXPECT_EQ(in["from"], kPerson);
  EXPECT_EQ(in["to"], kUs);
  EXPECT_EQ(in["provider_id"], message_sid(1));
  EXPECT_EQ(in["status"], "received");
  EXPECT_EQ(messages("out")[0]["body"], form["Body"]);
  ASSERT_TRUE(eventually([&] { return get("/api/leads")["leads"].size() == 1; })) << "what it learnt is a lead";
  EXPECT_EQ(get("/api/leads")["leads"][0]["slots"]["area"], "Haifa");
}

TEST_F(WhatsAppTest, ARepeatedWebhookIsAnsweredOnceAlsoAfterARestart) {
  start_with_twilio();
  EXPECT_EQ(writes("Hello there", message_sid(7)).status, 200);
  (void)network_.request(0);
  EXPECT_EQ(writes("Hello there", message_sid(7)).status, 200);
  stop();
  start_with_twilio();
  EXPECT_EQ(writes("Hello there", message_sid(7)).status, 200);
  EXPECT_EQ(writes("I need four rooms", message_sid(8)).status, 200);
  (void)network_.request(1);
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 2; }));
  EXPECT_EQ(messages("in").size(), 2U);
  EXPECT_EQ(network_.requests().size(), 2U);
}

TEST_F(WhatsAppTest, AConversationGoesOnInTheNextProcessAndIsOverOnceErased) {
  start_with_twilio();
  EXPECT_EQ(writes("Hi, I want an apartment in Haifa").status, 200);
  EXPECT_THAT(said(0), HasSubstr("Harbor Homes")) << "it introduces itself";
  ASSERT_TRUE(eventually([&] { return store()->records().chat(kPerson).has_value(); }));
  stop();
  start_with_twilio();
  EXPECT_EQ(writes("four rooms, up to two million").status, 200);
  EXPECT_THAT(said(1), ::testing::Not(HasSubstr("Harbor Homes"))) << "it did so before";
  ASSERT_TRUE(eventually([&] {
    const json leads = get("/api/leads")["leads"];
    return leads.size() == 1 && leads[0]["slots"].contains("rooms") && leads[0]["slots"].contains("area");
  })) << get("/api/leads");
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 2 && messages("out")[1]["status"] == "sent"; }));

  EXPECT_EQ(api("DELETE", "/api/callers/" + std::string(kPerson)).status, 200);
  EXPECT_EQ(writes("hello again").status, 200);
  EXPECT_THAT(said(2), HasSubstr("Harbor Homes")) << "what was erased is not remembered in memory either";
  EXPECT_TRUE(get("/api/leads")["leads"].empty());
}

TEST_F(WhatsAppTest, MediaIsNotedAndAnswered) {
  start_with_twilio();
  twilio::FormParams form{{"MessageSid", "MM" + std::string(32, '5')},
                          {"AccountSid", std::string(test::kServiceAccount)},
                          {"From", "whatsapp:" + std::string(kPerson)},
                          {"To", "whatsapp:" + std::string(kUs)},
                          {"Body", ""},
                          {"NumMedia", "2"},
                          {"MediaUrl0", "https://api.twilio.com/m/ME0"},
                          {"MediaContentType0", "image/jpeg"},
                          {"MediaUrl1", "https://api.twilio.com/m/ME1"},
                          {"MediaContentType1", "audio/ogg"}};
  EXPECT_EQ(post_signed("/webhook/whatsapp/incoming", form).status, 200);
  EXPECT_FALSE(said(0).empty());
  const json in = messages("in").at(0);
  EXPECT_EQ(in["media"], json::array({"https://api.twilio.com/m/ME0", "https://api.twilio.com/m/ME1"}));
}

TEST_F(WhatsAppTest, OnlySignedAndReadableMessagesCount) {
  start_with_twilio();
  EXPECT_EQ(post_signed("/webhook/whatsapp/incoming", message_form("x", message_sid(1)), false).status, 403);
  const auto bare = ask("POST", "/webhook/whatsapp/incoming", "MessageSid=SM1&From=whatsapp%3A%2B972541234567&Body=x",
                        {{"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(bare.status, 403);
  EXPECT_EQ(bare.body, "Forbidden\n") << "no detail to the caller";
  EXPECT_EQ(post_signed("/webhook/whatsapp/incoming", {{"Body", "x"}}).status, 400) << "signed, but no message";
  EXPECT_EQ(ask("GET", "/webhook/whatsapp/incoming").status, 405);
  EXPECT_EQ(ask("POST", "/webhook/whatsapp/incoming", "{}", {{"Content-Type", "application/json"}}).status, 415);
  EXPECT_TRUE(messages("in").empty());
  EXPECT_TRUE(network_.requests().empty());
}

TEST_F(WhatsAppTest, AStatusNeverGoesBackAndUnsignedOnesAreHarmless) {
  start_with_twilio();
  EXPECT_EQ(writes("Hello").status, 200);
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 1 && messages("out")[0]["status"] == "sent"; }));
  const std::string id = messages("out")[0]["provider_id"];
  const auto report = [&](const std::string& status, bool good = true) {
    return post_signed("/webhook/whatsapp/status",
                       {{"MessageSid", id},
                        {"MessageStatus", status},
                        {"To", "whatsapp:" + std::string(kPerson)},
                        {"ChannelPrefix", "whatsapp"},
                        {"EventType", "READ"}},
                       good)
        .status;
  };
  const auto status = [&] { return messages("out")[0]["status"].get<std::string>(); };
  EXPECT_EQ(report("read", false), 204);
  EXPECT_EQ(report("delivered"), 204);
  ASSERT_TRUE(eventually([&] { return status() == "delivered"; }));
  EXPECT_EQ(report("sent"), 204);
  EXPECT_EQ(report("read"), 204);
  ASSERT_TRUE(eventually([&] { return status() == "read"; }));
  for (const char* late : {"delivered", "sent", "queued", "failed", "undelivered", "nonsense"}) {
    EXPECT_EQ(report(late), 204) << late;
  }
  EXPECT_EQ(post_signed("/webhook/whatsapp/status", {{"MessageStatus", "read"}}).status, 204);
  // A later message's report comes after all of those: once it is there, they have been dealt with.
  EXPECT_EQ(writes("four rooms").status, 200);
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 2 && messages("out")[1]["status"] == "sent"; }));
  const std::string second = messages("out")[1]["provider_id"];
  EXPECT_EQ(post_signed("/webhook/whatsapp/status", {{"MessageSid", second},
                                                     {"MessageStatus", "undelivered"},
                                                     {"ErrorCode", "63024"},
                                                     {"ErrorMessage", "Invalid message recipient"}})
                .status,
            204);
  ASSERT_TRUE(eventually([&] { return messages("out")[1]["status"] == "failed"; }));
  EXPECT_EQ(messages("out")[1]["error"], "63024 Invalid message recipient");
  EXPECT_EQ(status(), "read");
}

TEST_F(WhatsAppTest, AReportThatOvertakesTheAnswerOfTheRequestIsNotLost) {
  // Twilio reports "delivered" while its answer to our request is still under way.
  start_with_twilio();
  const std::string early = "SM" + std::string(32, 'f');
  network_.answer_with([&](const providers::RawRequest&, std::size_t) -> OtherService::Answer {
    EXPECT_EQ(post_signed("/webhook/whatsapp/status", {{"MessageSid", early}, {"MessageStatus", "delivered"}}).status,
              204);
    return {201, json{{"sid", early}, {"status", "queued"}}.dump()};
  });
  EXPECT_EQ(writes("Hello").status, 200);
  EXPECT_TRUE(eventually([&] { return messages("out").size() == 1 && messages("out")[0]["status"] == "delivered"; }));
}

TEST_F(WhatsAppTest, WhoWritesStopIsLeftAloneUntilStart) {
  start_with_twilio({{"whatsapp_template", "HX1"}});
  EXPECT_EQ(writes("Hello").status, 200);
  (void)network_.request(0);
  EXPECT_EQ(writes("STOP").status, 200);
  ASSERT_TRUE(eventually([&] { return store()->records().opted_out(kPerson).value_or(false); }));
  const auto refused = api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "An offer"}}.dump());
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("asked not to be written to"));
  EXPECT_EQ(writes("anything").status, 200);
  ASSERT_TRUE(eventually([&] { return logged("asked not to be written to"); }));
  EXPECT_EQ(network_.requests().size(), 1U);
  EXPECT_EQ(writes("start").status, 200);
  (void)network_.request(1);
  EXPECT_EQ(store()->records().opted_out(kPerson), false);
}

TEST_F(WhatsAppTest, TwiliosOwnWordForAnOptOutCountsAndSoDoesItsRefusal) {
  start_with_twilio({{"whatsapp_template", "HX1"}});
  twilio::FormParams form = message_form("genug", message_sid(1));
  form.add("OptOutType", "STOP");
  EXPECT_EQ(post_signed("/webhook/whatsapp/incoming", form).status, 200);
  ASSERT_TRUE(eventually([&] { return store()->records().opted_out(kPerson).value_or(false); }));
  EXPECT_TRUE(network_.requests().empty());
  // 21610: the person opted out at Twilio.
  const std::string other = "+972547654321";
  network_.answer_with([](const providers::RawRequest&, std::size_t) -> OtherService::Answer {
    return {400, R"({"code":21610,"message":"Attempt to send to unsubscribed recipient","status":400})"};
  });
  EXPECT_EQ(api("POST", "/api/whatsapp/send", json{{"to", other}, {"text", "x"}}.dump()).status, 202);
  ASSERT_TRUE(eventually([&] { return store()->records().opted_out(other).value_or(false); }));
  EXPECT_EQ(network_.requests().size(), 1U) << "and it is not tried again";
}

TEST(OptOutWords, AreWholeMessages) {
  EXPECT_EQ(opt_out_word("", " Stop! "), OptOutWord::kStop);
  EXPECT_EQ(opt_out_word("", "UNSUBSCRIBE"), OptOutWord::kStop);
  EXPECT_EQ(opt_out_word("", "הסירו אותי"), OptOutWord::kStop);
  EXPECT_EQ(opt_out_word("", "start"), OptOutWord::kStart);
  EXPECT_EQ(opt_out_word("", "stop by the office tomorrow?"), OptOutWord::kNone);
  EXPECT_EQ(opt_out_word("", ""), OptOutWord::kNone);
  EXPECT_EQ(opt_out_word("STOP", "leave me alone"), OptOutWord::kStop);
  EXPECT_EQ(opt_out_word("HELP", "stop"), OptOutWord::kNone) << "the network knows better";
}

// ---- the 24-hour rule -----------------------------------------------------------------------------------------------

TEST_F(WhatsAppTest, OutsideTheWindowATemplateIsSentAndWithoutOneNothing) {
  start_with_twilio();
  auto answer = api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "x"}}.dump());
  EXPECT_EQ(answer.status, 409);
  EXPECT_THAT(answer.body, HasSubstr("WHATSAPP_TEMPLATE"));
  stop();
  start_with_twilio({{"whatsapp_template", "HXb0"}});
  answer = api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "Area: Haifa\nRooms: 4"}}.dump());
  EXPECT_EQ(answer.status, 202);
  auto form = form_of(network_.request(0).body);
  EXPECT_EQ(form["ContentSid"], "HXb0");
  EXPECT_EQ(form["ContentVariables"], R"({"1":"Area: Haifa, Rooms: 4"})");
  EXPECT_EQ(form.count("Body"), 0U);
  // Who writes opens the window.
  EXPECT_EQ(writes("Hello").status, 200);
  (void)network_.request(1);
  EXPECT_EQ(api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "y"}}.dump()).status, 202);
  EXPECT_EQ(form_of(network_.request(2).body)["Body"], "y");
}

TEST_F(WhatsAppTest, AWindowThatTheNetworkCountsDifferentlyEndsInTheTemplateToo) {
  start_with_twilio({{"whatsapp_template", "HXb0"}});
  network_.answer_with([](const providers::RawRequest& request, std::size_t number) -> OtherService::Answer {
    if (form_of(request.body).count("Body") == 0) return twilio_takes(request, number);
    return {400, R"({"code":63016,"message":"Failed to send freeform message","status":400})"};
  });
  EXPECT_EQ(writes("Hello").status, 200);
  EXPECT_EQ(form_of(network_.request(0).body).count("Body"), 1U);
  EXPECT_EQ(form_of(network_.request(1).body)["ContentSid"], "HXb0");
  EXPECT_TRUE(eventually([&] { return messages("out").size() == 1 && messages("out")[0]["status"] == "sent"; }));
}

TEST_F(WhatsAppTest, TwilioSaysAfterwardsThatTheWindowWasClosed) {
  start_with_twilio({{"whatsapp_template", "HXb0"}});
  EXPECT_EQ(writes("Hello").status, 200);
  const std::string text = said(0);
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 1 && messages("out")[0]["status"] == "sent"; }));
  const auto failed = [&](const std::string& id) {
    return post_signed("/webhook/whatsapp/status", {{"MessageSid", id},
                                                    {"MessageStatus", "failed"},
                                                    {"ErrorCode", "63016"},
                                                    {"ErrorMessage", "Failed to send freeform message"}})
        .status;
  };
  for (int i = 0; i < 2; ++i) EXPECT_EQ(failed(messages("out")[0]["provider_id"]), 204);
  auto form = form_of(network_.request(1).body);
  EXPECT_EQ(form["ContentSid"], "HXb0");
  EXPECT_THAT(form["ContentVariables"], HasSubstr(text.substr(0, 20)));
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 2 && messages("out")[1]["status"] == "sent"; }));
  EXPECT_EQ(messages("out")[0]["status"], "failed");
  // A template that is refused is not tried as a template again.
  EXPECT_EQ(failed(messages("out")[1]["provider_id"]), 204);
  ASSERT_TRUE(eventually([&] { return messages("out")[1]["status"] == "failed"; }));
  EXPECT_EQ(writes("four rooms").status, 200);
  EXPECT_EQ(form_of(network_.request(2).body).count("Body"), 1U);
}

TEST_F(WhatsAppTest, AMessageWhoseAnswerDiedWithItsProcessIsAnsweredByTheNext) {
  start_with_twilio();
  stop();
  const auto comes_in = [&](int n, std::string_view from, seconds ago) {
    store::MessageRecord message;
    message.provider = "twilio";
    message.provider_id = message_sid(n);
    message.inbound = true;
    message.from = from;
    message.body = "Hi, an apartment in Haifa";
    message.status = store::MessageStatus::kReceived;
    message.at = wall_now() - ago;
    ASSERT_TRUE(store()->records().put_message(message));
  };
  comes_in(1, kPerson, seconds{120});
  comes_in(2, "+972541111111", seconds{3600});  // nobody waits for that any more
  comes_in(3, "+972542222222", seconds{120});
  store::MessageRecord answered;
  answered.id = "reply:x";
  answered.provider = "twilio";
  answered.to = "+972542222222";
  answered.at = wall_now() - seconds{115};
  ASSERT_TRUE(store()->records().put_message(answered));
  comes_in(4, "+972543333333", seconds{120});
  ASSERT_TRUE(store()->records().put_chat("+972543333333", {"{}", wall_now() - seconds{110}}));  // nothing to say
  comes_in(5, "+972544444444", seconds{120});
  ASSERT_TRUE(store()->records().set_opt_out("+972544444444", true, wall_now()));
  comes_in(6, "+972545555555", seconds{2});  // another node is at it
  start_with_twilio();
  EXPECT_EQ(form_of(network_.request(0).body)["To"], "whatsapp:" + std::string(kPerson));
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 2; }));
  stop();
  EXPECT_TRUE(take_unanswered(*store(), wall_now())->empty()) << "given out once";
  EXPECT_EQ(take_unanswered(*store(), wall_now() + seconds{60})->size(), 1U) << "the last one, if nobody else did";
  EXPECT_EQ(network_.requests().size(), 1U);
}

}  // namespace
}  // namespace al::agentd
