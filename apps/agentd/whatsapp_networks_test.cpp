// The networks that carry WhatsApp messages, over sockets: how they fail, and what a bridge and Meta get and send.
#include <gmock/gmock.h>

#include "agentd/testing_service.h"
#include "core/secret.h"
#include "store/lead_handover.h"

namespace al::agentd {
namespace {

using nlohmann::json;
using test::form_of;
using test::kPerson;
using test::OtherService;
using test::twilio_takes;
using test::WhatsAppTest;
using ::testing::HasSubstr;

// ---- failures of the network ----------------------------------------------------------------------------------------

TEST_F(WhatsAppTest, WhatFailsForNowIsTriedAgainAndWhatIsRefusedIsNot) {
  start_with_twilio({{"whatsapp_template", "HX1"}});
  network_.answer_with([](const providers::RawRequest& request, std::size_t number) -> OtherService::Answer {
    if (number == 0)
      return {429, R"({"code":20429,"message":"Too Many Requests","status":429})", {{"Retry-After", "1"}}};
    if (number == 1) return {0, "", {}, OtherService::Answer::Fate::kReset};
    return twilio_takes(request, number);
  });
  EXPECT_EQ(api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "x"}, {"key", "one"}}.dump()).status, 202);
  (void)network_.request(2);
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 1 && messages("out")[0]["status"] == "sent"; }));
  EXPECT_EQ(messages("out")[0]["error"], "");
  // The same key is the same message, however often it is asked for.
  EXPECT_EQ(api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "x"}, {"key", "one"}}.dump()).status, 202);
  EXPECT_EQ(messages("out").size(), 1U);
  EXPECT_NE(messages("out")[0]["provider_id"], "") << "a repetition does not forget what the network called it";

  network_.answer_with([](const providers::RawRequest&, std::size_t) -> OtherService::Answer {
    return {400, R"({"code":63003,"message":"Channel could not find To address","status":400})"};
  });
  EXPECT_EQ(api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "y"}, {"key", "two"}}.dump()).status, 202);
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 2 && messages("out")[1]["status"] == "failed"; }));
  EXPECT_THAT(messages("out")[1]["error"].get<std::string>(), HasSubstr("Channel could not find To address"));
  EXPECT_EQ(network_.requests().size(), 4U);
}

// ---- other providers ------------------------------------------------------------------------------------------------

TEST_F(WhatsAppTest, ABridgeGetsItsBytesAndSpeaksToUsSigned) {
  network_.answer_with([](const providers::RawRequest&, std::size_t) -> OtherService::Answer {
    return {200, R"({"key":{"id":"BAE5F1"},"status":"PENDING"})"};
  });
  start({{"whatsapp_provider", "bridge"},
         {"whatsapp_bridge_url", network_.url("/message/sendText/agent?n={to}")},
         {"whatsapp_bridge_headers", "apikey: k1"},
         {"whatsapp_bridge_body", R"({"number":"{to}","from":"{from}","id":"{id}","text":"{text}"})"},
         {"whatsapp_bridge_secret", "shared"}});
  EXPECT_EQ(
      api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "a \"b\"\n{to}"}, {"key", "k"}}.dump()).status,
      202)
      << "a private account has no 24-hour window";
  const auto out = network_.request(0);
  EXPECT_EQ(out.target, "/message/sendText/agent?n=972541234567");
  EXPECT_EQ(net::find_header(out.headers, "apikey"), "k1");
  EXPECT_EQ(net::find_header(out.headers, "idempotency-key"), "api:k");
  EXPECT_EQ(out.body, R"({"number":"972541234567","from":"+97231234567","id":"api:k","text":"a \"b\"\n{to}"})");

  const auto tells = [&](const json& event, std::string_view secret) {
    const auto request = store::signed_webhook("", "message", "", event.dump(), secret, wall_now());
    net::HttpHeaders headers{{"Content-Type", "application/json"}};
    for (const auto& [name, value] : request.headers) {
      if (name == "X-AgentLocator-Signature") headers.push_back({name, value});
    }
    return ask("POST", "/webhook/whatsapp/bridge", event.dump(), headers).status;
  };
  const json hello = {
      {"id", "B1"}, {"from", kPerson}, {"text", "Hi, an apartment in Haifa"}, {"media", {"https://h/i.jpg"}}};
  EXPECT_EQ(tells(hello, "wrong"), 403);
  EXPECT_EQ(tells(hello, ""), 403) << "unsigned";
  EXPECT_TRUE(messages("in").empty());
  EXPECT_EQ(tells({{"id", "B0"}, {"from", "0541234567"}}, "shared"), 400);
  EXPECT_EQ(tells({{"from", kPerson}}, "shared"), 400);
  EXPECT_EQ(tells(hello, "shared"), 200);
  EXPECT_EQ(tells(hello, "shared"), 200) << "repeated";
  EXPECT_THAT(network_.request(1).body, HasSubstr("Harbor Homes"));
  EXPECT_EQ(messages("in").size(), 1U);
  EXPECT_EQ(messages("in")[0]["media"][0], "https://h/i.jpg");
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 2 && messages("out")[0]["provider_id"] == "BAE5F1"; }));
  EXPECT_EQ(tells({{"id", "BAE5F1"}, {"status", "read"}}, "shared"), 204);
  EXPECT_TRUE(eventually([&] { return messages("out")[0]["status"] == "read"; }));
}

TEST_F(WhatsAppTest, MetaGetsItsBytesAndItsWebhooksAreCheckedAgainstTheAppSecret) {
  int next = 0;
  network_.answer_with([&next](const providers::RawRequest&, std::size_t) -> OtherService::Answer {
    return {
        200,
        json{{"messaging_product", "whatsapp"}, {"messages", {{{"id", "wamid." + std::to_string(next++)}}}}}.dump()};
  });
  start({{"whatsapp_provider", "meta"},
         {"whatsapp_from", "1055"},
         {"meta_api_base_url", network_.url("/v23.0")},
         {"meta_access_token", "EAAtoken"},
         {"meta_app_secret", "app-secret"},
         {"meta_verify_token", "our-word"}});
  // Subscription: the challenge comes back for our word only.
  EXPECT_EQ(ask("GET", "/webhook/whatsapp/meta?hub.mode=subscribe&hub.verify_token=our-word&hub.challenge=1158").body,
            "1158");
  EXPECT_EQ(ask("GET", "/webhook/whatsapp/meta?hub.mode=subscribe&hub.verify_token=other&hub.challenge=1158").status,
            403);

  const auto tells = [&](const json& value, std::string_view secret) {
    const std::string body =
        json{{"object", "whatsapp_business_account"}, {"entry", {{{"changes", {{{"value", value}}}}}}}}.dump();
    return ask("POST", "/webhook/whatsapp/meta", body,
               {{"Content-Type", "application/json"},
                {"X-Hub-Signature-256", "sha256=" + to_hex(as_bytes(hmac_sha256(secret, body)))}})
        .status;
  };
  const json hello = {{"messages",
                       {{{"from", kPerson.substr(1)},
                         {"id", "wamid.in1"},
                         {"type", "text"},
                         {"text", {{"body", "an apartment in Haifa please"}}}}}}};
  EXPECT_EQ(tells(hello, "guessed"), 403);
  EXPECT_EQ(tells(hello, "app-secret"), 200);
  EXPECT_EQ(tells(hello, "app-secret"), 200);
  const auto out = network_.request(0);
  EXPECT_EQ(out.target, "/v23.0/1055/messages");
  EXPECT_EQ(net::find_header(out.headers, "authorization"), "Bearer EAAtoken");
  const json body = json::parse(out.body);
  EXPECT_EQ(body["messaging_product"], "whatsapp");
  EXPECT_EQ(body["to"], "972541234567");
  EXPECT_EQ(body["type"], "text");
  EXPECT_THAT(body["text"]["body"].get<std::string>(), HasSubstr("Harbor Homes"));
  EXPECT_EQ(messages("in").size(), 1U);
  ASSERT_TRUE(eventually([&] { return messages("out").size() == 1 && messages("out")[0]["status"] == "sent"; }));
  EXPECT_EQ(tells({{"statuses", {{{"id", "wamid.0"}, {"status", "read"}}}}}, "app-secret"), 200);
  EXPECT_EQ(tells({{"statuses", {{{"id", "wamid.0"}, {"status", "delivered"}}}}}, "app-secret"), 200);
  EXPECT_TRUE(eventually([&] { return messages("out")[0]["status"] == "read"; }));
  EXPECT_EQ(network_.requests().size(), 1U);
}

TEST_F(WhatsAppTest, ChatsMayHaveAPersonaOfTheirOwn) {
  start_with_twilio({{"whatsapp_persona", "he-real-estate"}});
  EXPECT_EQ(writes("שלום, אני מחפש דירה בחיפה").status, 200);
  EXPECT_THAT(said(0), HasSubstr("מאיה"));
}

TEST_F(WhatsAppTest, WithoutAProviderMessagesAreKeptAndNothingIsPromised) {
  start();
  EXPECT_EQ(writes("Hello").status, 200);
  EXPECT_EQ(messages("in").size(), 1U);
  const auto answer = api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "x"}}.dump());
  EXPECT_EQ(answer.status, 409);
  EXPECT_THAT(answer.body, HasSubstr("WHATSAPP_PROVIDER"));
}

TEST_F(WhatsAppTest, AMessageThatWasAcknowledgedSurvivesTheProcess) {
  // The network is away; the process ends; the next one delivers.
  network_.answer_with([](const providers::RawRequest&, std::size_t) -> OtherService::Answer {
    return {503, R"({"code":20503,"message":"Service unavailable","status":503})"};
  });
  start_with_twilio({{"whatsapp_template", "HX1"}});
  EXPECT_EQ(api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", "x"}, {"key", "keep"}}.dump()).status,
            202);
  (void)network_.request(0);
  stop();
  network_.answer_with(twilio_takes);
  start_with_twilio({{"whatsapp_template", "HX1"}});
  EXPECT_TRUE(eventually([&] { return messages("out").size() == 1 && messages("out")[0]["status"] == "sent"; }));
  EXPECT_EQ(messages("out")[0]["id"], "api:keep");
}

}  // namespace
}  // namespace al::agentd
