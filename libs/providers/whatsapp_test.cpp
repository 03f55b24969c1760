#include "providers/whatsapp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/secret.h"
#include "providers/whatsapp_wire.h"

namespace al::providers {
namespace {

using testing::HasSubstr;

const WallTime kNow = WallTime(seconds(1'790'000'000));

TEST(WhatsAppRule, AllowsFreeTextForADayAfterThePersonWrote) {
  using std::chrono::hours;
  EXPECT_EQ(decide_whatsapp(kNow - hours(1), kNow, true), WhatsAppForm::kFreeText);
  EXPECT_EQ(decide_whatsapp(kNow - hours(23), kNow, false), WhatsAppForm::kFreeText);
  EXPECT_EQ(decide_whatsapp(kNow - hours(24), kNow, true), WhatsAppForm::kTemplate);
  EXPECT_EQ(decide_whatsapp(kNow - hours(24), kNow, false), WhatsAppForm::kNotNow);
  EXPECT_EQ(decide_whatsapp(std::nullopt, kNow, true), WhatsAppForm::kTemplate);
  EXPECT_EQ(decide_whatsapp(std::nullopt, kNow, false), WhatsAppForm::kNotNow);
  EXPECT_EQ(decide_whatsapp(std::nullopt, kNow, true, false), WhatsAppForm::kFreeText);
  // The last five minutes belong to the message's way.
  EXPECT_EQ(decide_whatsapp(kNow - hours(24) + seconds(299), kNow, true), WhatsAppForm::kTemplate);
}

WhatsAppMessage text_message() {
  return {.to = "+972541234567", .text = "שלום \"לך\"\n{to}", .message_template = {}, .idempotency_key = "k1"};
}

TEST(WhatsAppWire, TwilioGetsAForm) {
  const TwilioWhatsAppOptions options{
      .account_sid = "AC1", .user = "SK1", .password = "pw", .from = "+97230000000", .status_callback = "https://h/s"};
  const auto request = write_twilio_whatsapp(options, text_message());
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->url, "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json");
  EXPECT_EQ(net::find_header(request->headers, "authorization"), "Basic " + base64_encode("SK1:pw"));
  EXPECT_EQ(request->body,
            "To=whatsapp%3A%2B972541234567&From=whatsapp%3A%2B97230000000&Body=%D7%A9%D7%9C%D7%95%D7%9D%20%22%D7%9C%D7%"
            "9A%22%0A%7Bto%7D"
            "&StatusCallback=https%3A%2F%2Fh%2Fs");
  WhatsAppMessage templated = text_message();
  templated.message_template = WhatsAppTemplate{.name = "HX1", .parameters = {"דנה"}};
  TwilioWhatsAppOptions service = options;
  service.from = "MG1";
  EXPECT_THAT(
      write_twilio_whatsapp(service, templated)->body,
      HasSubstr("MessagingServiceSid=MG1&ContentSid=HX1&ContentVariables=%7B%221%22%3A%22%D7%93%D7%A0%D7%94%22%7D"));
}

TEST(WhatsAppWire, ABridgeGetsItsTemplateFilledAndEscaped) {
  BridgeWhatsAppOptions options;
  options.url = "http://127.0.0.1:8080/message/sendText/agent?to={to}";
  options.headers = {"apikey: secret"};
  const auto request = write_bridge_whatsapp(options, text_message());
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->url, "http://127.0.0.1:8080/message/sendText/agent?to=972541234567");
  EXPECT_EQ(request->headers,
            (net::HttpHeaders{{"Content-Type", "application/json"}, {"apikey", "secret"}, {"Idempotency-Key", "k1"}}));
  // The braces inside the message are text, not a placeholder.
  EXPECT_EQ(request->body, R"({"number":"972541234567","text":"שלום \"לך\"\n{to}"})");
  options.content_type = "application/x-www-form-urlencoded";
  options.body_template = "to={+to}&message={text}";
  EXPECT_EQ(write_bridge_whatsapp(options,
                                  {.to = "+97231234567", .text = "a&b", .message_template = {}, .idempotency_key = {}})
                ->body,
            "to=%2B97231234567&message=a%26b");
  WhatsAppMessage templated = text_message();
  templated.message_template = WhatsAppTemplate{.name = "x", .parameters = {}};
  EXPECT_EQ(write_bridge_whatsapp(options, templated).error().code, Errc::kUnsupported);
}

TEST(WhatsAppWire, ABridgeMayAskForTheSenderAndTheIdentifier) {
  BridgeWhatsAppOptions options;
  options.url = "http://127.0.0.1:8080/send";
  options.from = "+97230000000";
  options.body_template = R"({"id":"{id}","from":"{from}","to":"{+to}","text":"{text}","x":"{else}"})";
  const auto request = write_bridge_whatsapp(
      options, {.to = "+972541234567", .text = "{id}", .message_template = {}, .idempotency_key = "a\"b"});
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->body, R"({"id":"a\"b","from":"+97230000000","to":"+972541234567","text":"{id}","x":"{else}"})");
}

TEST(WhatsAppWire, AParameterOfATemplateIsOneLine) {
  WhatsAppMessage message = text_message();
  message.message_template =
      WhatsAppTemplate{.name = "HX1", .parameters = {"Harbor Homes\n\tArea:   Haifa\r\n\nRooms: 4\n"}};
  const MetaWhatsAppOptions meta{.phone_number_id = "55", .access_token = "tok"};
  EXPECT_THAT(write_meta_whatsapp(meta, message)->body,
              HasSubstr(R"({"text":"Harbor Homes, Area: Haifa, Rooms: 4","type":"text"})"));
  const TwilioWhatsAppOptions twilio{
      .account_sid = "AC1", .user = "SK1", .password = "pw", .from = "+97230000000", .status_callback = {}};
  EXPECT_THAT(write_twilio_whatsapp(twilio, message)->body,
              HasSubstr("Harbor%20Homes%2C%20Area%3A%20Haifa%2C%20Rooms%3A%204"));
}

TEST(WhatsAppWire, MetaGetsTextOrATemplate) {
  const MetaWhatsAppOptions options{.phone_number_id = "55", .access_token = "tok"};
  const auto request = write_meta_whatsapp(options, text_message());
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->url, "https://graph.facebook.com/v21.0/55/messages");
  EXPECT_EQ(
      request->body,
      R"({"messaging_product":"whatsapp","text":{"body":"שלום \"לך\"\n{to}"},"to":"972541234567","type":"text"})");
  WhatsAppMessage templated = text_message();
  templated.message_template = WhatsAppTemplate{.name = "summary", .language = "he", .parameters = {"דנה"}};
  EXPECT_EQ(
      write_meta_whatsapp(options, templated)->body,
      R"({"messaging_product":"whatsapp","template":{"components":[{"parameters":[{"text":"דנה","type":"text"}],"type":"body"}],)"
      R"("language":{"code":"he"},"name":"summary"},"to":"972541234567","type":"template"})");
}

TEST(WhatsAppWire, RefusesWhatCannotBeSent) {
  const MetaWhatsAppOptions options{.phone_number_id = "55", .access_token = "tok"};
  for (const char* to : {"", "0541234567", "+0541234567", "972541234567", "+97254123x567", "+1234567890123456"}) {
    WhatsAppMessage message = text_message();
    message.to = to;
    EXPECT_EQ(write_meta_whatsapp(options, message).error().code, Errc::kMalformed) << to;
  }
  WhatsAppMessage empty = text_message();
  empty.text.clear();
  EXPECT_FALSE(write_meta_whatsapp(options, empty).has_value());
  WhatsAppMessage longer = text_message();
  longer.text.assign(4097, 'x');
  EXPECT_FALSE(write_meta_whatsapp(options, longer).has_value());
}

TEST(WhatsAppWire, ReadsReceiptsOfAllThree) {
  EXPECT_EQ(read_twilio_receipt(R"({"sid":"SM1","status":"queued"})")->message_id, "SM1");
  EXPECT_EQ(
      read_meta_receipt(
          R"({"messaging_product":"whatsapp","contacts":[{"input":"9725","wa_id":"9725"}],"messages":[{"id":"wamid.X"}]})")
          ->message_id,
      "wamid.X");
  EXPECT_EQ(read_bridge_receipt(R"({"key":{"id":"B1"}})")->message_id, "B1");
  EXPECT_EQ(read_bridge_receipt(R"({"id":{"_serialized":"true_9725@c.us_1"}})")->message_id, "true_9725@c.us_1");
  EXPECT_EQ(read_bridge_receipt("OK")->message_id, "");
  EXPECT_FALSE(read_meta_receipt(R"({"messages":[]})").has_value());
  EXPECT_FALSE(read_twilio_receipt("<html>").has_value());
}

TEST(WhatsAppWire, SaysWhenTheWindowIsClosed) {
  const Error meta = whatsapp_refusal(
      "meta", 400, R"({"error":{"message":"Re-engagement message","type":"OAuthException","code":131047}})", {});
  EXPECT_EQ(meta.code, Errc::kRejected);
  EXPECT_THAT(meta.detail, HasSubstr("24-hour window"));
  EXPECT_THAT(whatsapp_refusal("twilio", 400, R"({"code":63016,"message":"outside"})", {}).detail,
              HasSubstr("24-hour window"));
  const Error stopped = whatsapp_refusal("twilio", 400, R"({"code":21610,"message":"Attempt to send"})", {});
  EXPECT_EQ(stopped.code, Errc::kRejected);
  EXPECT_THAT(stopped.detail, HasSubstr("opted out"));
  EXPECT_EQ(whatsapp_refusal("meta", 400, R"({"error":{"code":100,"message":"x"}})", {}).detail.find("window"),
            std::string::npos);
}

TEST(MetaWebhook, AcceptsOnlyBodiesSignedWithOneOfItsSecrets) {
  const std::string body = R"({"object":"whatsapp_business_account"})";
  const std::string header = "sha256=" + to_hex(as_bytes(hmac_sha256("new", body)));
  EXPECT_TRUE(meta_signature_is_valid(header, body, {"old", "new"}));
  EXPECT_FALSE(meta_signature_is_valid(header, body + " ", {"old", "new"}));
  EXPECT_FALSE(meta_signature_is_valid(header, body, {"old"}));
  EXPECT_FALSE(meta_signature_is_valid("sha256=", body, {"new"}));
  EXPECT_FALSE(meta_signature_is_valid("", body, {"new"}));
  EXPECT_FALSE(meta_signature_is_valid("sha256=" + to_hex(as_bytes(hmac_sha256("", body))), body, {""}));
}

TEST(MetaWebhook, EchoesTheChallengeOfItsOwnTokenOnly) {
  std::map<std::string, std::string> query{
      {"hub.mode", "subscribe"}, {"hub.verify_token", "t"}, {"hub.challenge", "1158201444"}};
  EXPECT_EQ(meta_verify_challenge(query, "t"), "1158201444");
  EXPECT_EQ(meta_verify_challenge(query, "other"), std::nullopt);
  EXPECT_EQ(meta_verify_challenge(query, ""), std::nullopt);
  query["hub.challenge"] = "<script>";
  EXPECT_EQ(meta_verify_challenge(query, "t"), std::nullopt);
}

TEST(MetaWebhook, ReadsMessagesMediaAndStatuses) {
  const auto events = parse_meta_webhook(
      R"({"object":"whatsapp_business_account","entry":[{"changes":[{"value":{"contacts":[{"wa_id":"9725","profile":{"name":"דנה"}}],)"
      R"("messages":[{"from":"9725","id":"m1","type":"text","text":{"body":"שלום"}},)"
      R"({"from":"9725","id":"m2","type":"image","image":{"id":"med","caption":"הדירה"}},)"
      R"({"from":"9725","id":"m3","type":"interactive","interactive":{"button_reply":{"id":"1","title":"כן"}}}],)"
      R"("statuses":[{"id":"w1","status":"failed","errors":[{"code":131047,"title":"Re-engagement"}]}]}}]}]})");
  ASSERT_TRUE(events.has_value());
  ASSERT_EQ(events->messages.size(), 3U);
  EXPECT_EQ(events->messages[0].from, "+9725");
  EXPECT_EQ(events->messages[0].profile_name, "דנה");
  EXPECT_EQ(events->messages[0].text, "שלום");
  EXPECT_EQ(events->messages[1].media_type, "image");
  EXPECT_EQ(events->messages[1].text, "הדירה");
  EXPECT_EQ(events->messages[2].text, "כן");
  ASSERT_EQ(events->statuses.size(), 1U);
  EXPECT_EQ(events->statuses[0].error, "131047 Re-engagement");
  EXPECT_FALSE(parse_meta_webhook(R"({"object":"page"})").has_value());
  EXPECT_FALSE(parse_meta_webhook("x").has_value());
}

}  // namespace
}  // namespace al::providers
