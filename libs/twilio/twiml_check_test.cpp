#include "twilio/twiml_check.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace al::twilio {
namespace {

TwimlCheckOptions strict() {
  TwimlCheckOptions options;
  options.expected_host = "h.example";
  return options;
}

constexpr std::string_view kGood =
    R"(<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="https://h.example/e"><Stream url="wss://h.example/ws"/></Connect></Response>)";

// True when a finding has this code (0 = any) and these words in message or cure.
bool finds(std::string_view document, int code, std::string_view words, const TwimlCheckOptions& options = strict()) {
  for (const TwimlFinding& finding : check_twiml(document, options)) {
    const bool said = finding.message.find(words) != std::string::npos || finding.cure.find(words) != std::string::npos;
    if (said && (code == 0 || finding.code == code)) return true;
  }
  return false;
}

std::string with_stream(std::string_view attributes) {
  return "<Response><Connect action=\"https://h.example/e\"><Stream " + std::string(attributes) +
         "/></Connect></Response>";
}

TEST(TwimlCheck, HasNothingAgainstAGoodDocument) {
  EXPECT_TRUE(check_twiml(kGood, strict()).empty());
}

TEST(TwimlCheck, ReadsTheEnvelope) {
  TwimlCheckOptions options;
  options.content_type = "application/json";
  EXPECT_TRUE(finds(kGood, 12300, "application/json", options));
  options.content_type = "";
  EXPECT_TRUE(finds(kGood, 12300, "none", options));
  options.content_type = "text/plain";
  EXPECT_TRUE(finds(kGood, 12300, "read aloud", options));
  options.content_type = "Text/XML";
  EXPECT_TRUE(check_twiml(kGood, options).empty());
  options.http_status = 500;
  EXPECT_TRUE(finds(kGood, 11200, "500", options));
  EXPECT_TRUE(finds("\xEF\xBB\xBF" + std::string(kGood), 12100, "byte order mark"));
  EXPECT_TRUE(finds("\n" + std::string(kGood), 12100, "before the first"));
  EXPECT_TRUE(finds("", 12100, "empty"));
  EXPECT_TRUE(finds("<Response>\xFF</Response>", 12100, "UTF-8"));
  EXPECT_TRUE(finds("<Response><!--" + std::string(65 * 1024, 'x') + "--></Response>", 11750, "65536"));
}

TEST(TwimlCheck, ReadsNamesAndNesting) {
  EXPECT_TRUE(finds("<response/>", 12100, "<Response>"));
  EXPECT_TRUE(finds("<Response><connect/></Response>", 12200, "<Connect>"));
  EXPECT_TRUE(finds("<Response><Speak/></Response>", 12200, "does not know"));
  EXPECT_TRUE(finds("<Response><Stream url=\"wss://h.example/x\"/></Response>", 12200, "inside <Response>"));
  EXPECT_TRUE(
      finds("<Response><Connect><Parameter name=\"a\" value=\"b\"/></Connect></Response>", 12200, "inside <Connect>"));
  EXPECT_TRUE(finds(with_stream("URL=\"wss://h.example/x\""), 12200, "write url"));
  EXPECT_TRUE(finds(with_stream("url=\"wss://h.example/x\" colour=\"red\""), 12200, "does not know this attribute"));
  EXPECT_TRUE(finds("<Response version=\"2\"/>", 12101, "attribute"));
  EXPECT_TRUE(finds("<Response>Hello</Response>", 12200, "text here"));
  EXPECT_TRUE(finds("<Response><Say>a</Response>", 12100, "not XML"));
}

TEST(TwimlCheck, ReadsStreamUrls) {
  EXPECT_TRUE(finds(with_stream("url=\"wss://h.example/ws?token=1\""), 31920, "query string"));
  EXPECT_TRUE(finds(with_stream("url=\"ws://h.example/ws\""), 31922, "wss://"));
  EXPECT_TRUE(finds(with_stream("url=\"https://h.example/ws\""), 31922, "wss://"));
  EXPECT_TRUE(finds(with_stream("url=\"wss://https://h.example/ws\""), 31923, "scheme inside the host"));
  EXPECT_TRUE(finds(with_stream("url=\"wss://other.example/ws\""), 0, "expected 'h.example'"));
  EXPECT_TRUE(finds(with_stream("url=\"wss://h.example/w s\""), 31923, "blank"));
  EXPECT_TRUE(finds(with_stream(""), 31923, "empty"));
  EXPECT_TRUE(finds(with_stream("url=\"wss://h.example/ws\" track=\"both_tracks\""), 31941, "inbound_track"));
  TwimlCheckOptions local;
  local.allow_insecure_loopback = true;
  EXPECT_TRUE(check_twiml("<Response><Connect action=\"http://127.0.0.1:80/e\"><Stream "
                          "url=\"ws://127.0.0.1:80/ws\"/></Connect></Response>",
                          local)
                  .empty());
  EXPECT_TRUE(finds(
      "<Response><Connect action=\"http://127.0.0.1:80/e\"><Stream url=\"ws://127.0.0.1:80/ws\"/></Connect></Response>",
      31922, "wss"));
}

TEST(TwimlCheck, ReadsTheOtherVerbs) {
  EXPECT_TRUE(finds("<Response><Say/></Response>", 13520, "nothing to say"));
  EXPECT_TRUE(finds("<Response><Say language=\"tlh\">x</Say></Response>", 0, "cannot speak 'tlh'"));
  EXPECT_TRUE(finds("<Response><Say language=\"he-IL\">שלום</Say></Response>", 0, "Google.he-IL"));
  std::string hebrew;
  for (int i = 0; i < 800; ++i) hebrew += "ש";
  EXPECT_TRUE(
      finds("<Response><Say language=\"he-IL\" voice=\"Google.he-IL-Standard-A\">" + hebrew + "</Say></Response>",
            13521, "too long"));
  EXPECT_TRUE(finds("<Response><Record/></Response>", 11100, "endless loop"));
  EXPECT_TRUE(
      finds("<Response><Record action=\"https://h.example/a\" maxLength=\"x\"/></Response>", 13612, "not a number"));
  EXPECT_TRUE(finds("<Response><Pause length=\"-1\"/></Response>", 0, "not a number"));
  EXPECT_TRUE(finds(
      "<Response><Connect action=\"http://h.example/e\"><Stream url=\"wss://h.example/ws\"/></Connect></Response>", 0,
      "https://"));
  EXPECT_TRUE(
      finds("<Response><Redirect method=\"PUT\">https://h.example/</Redirect></Response>", 12200, "GET or POST"));
  EXPECT_TRUE(finds("<Response><Start><Stream url=\"wss://h.example/\"/></Start></Response>", 0, "only listens"));
}

TEST(TwimlCheck, ReadsTheOrder) {
  EXPECT_TRUE(
      finds("<Response><Play>https://h.example/a.wav</Play><Connect action=\"https://h.example/e\"><Stream "
            "url=\"wss://h.example/ws\"/></Connect></Response>",
            0, "before <Connect>"));
  EXPECT_TRUE(finds("<Response><Connect><Stream url=\"wss://h.example/ws\"/></Connect></Response>", 0, "just ends"));
  EXPECT_TRUE(finds("<Response><Hangup/><Say>x</Say></Response>", 0, "never reached"));
  EXPECT_TRUE(finds("<Response><Connect action=\"https://h.example/e\"/></Response>", 12200, "nothing to connect"));
  TwimlCheckOptions options = strict();
  options.expect_stream = true;
  EXPECT_TRUE(finds("<Response><Hangup/></Response>", 0, "never connected", options));
}

TEST(TwimlCheck, StaysCalmOnRandomBytesAndStopsAtAHundredFindings) {
  Random random(9);
  constexpr std::string_view kPieces[] = {
      "<Response>", "</Response>",           "<Connect>", "<Stream url=\"", "\"/>", "&", "<",    ">",
      "\xFF",       "<Say language=\"he\">", "]]>",       "<!--",           "x",    " ", "<?xml"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t i = 0; i < random.below(20); ++i) text += kPieces[random.below(std::size(kPieces))];
    for (const TwimlFinding& finding : check_twiml(text)) EXPECT_FALSE(finding.message.empty());
  }
  std::string many = "<Response>";
  for (int i = 0; i < 500; ++i) many += "<x/>";
  EXPECT_EQ(check_twiml(many + "</Response>").size(), 100U);
}

}  // namespace
}  // namespace al::twilio
