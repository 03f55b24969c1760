#include "twilio/twiml.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "core/random.h"
#include "core/utf8.h"
#include "twilio/twiml_check.h"
#include "twilio/twiml_parse.h"

namespace al::twilio {
namespace {

StreamTwiml stream() {
  StreamTwiml out;
  out.stream_url = "wss://agent.example.com/ws/twilio-media";
  out.status_callback = "https://agent.example.com/webhook/stream_status";
  out.connect_action = "https://agent.example.com/webhook/stream_ended?tries=1&reason=\"x\"";
  out.parameters = {{"call_sid", "CA0123456789abcdef0123456789abcdef"},
                    {"token", "1.1800000060.AQEBAQEBAQEBAQEBAQEBAQ.x"}};
  return out;
}

VoicemailTwiml voicemail() {
  VoicemailTwiml out;
  out.greeting.text = "כרגע אין מענה. נא להשאיר הודעה אחרי הצליל.";
  out.thanks.text = "תודה, נחזור אליכם.";
  out.record_action = "https://agent.example.com/webhook/handle_recording";
  out.status_callback = "https://agent.example.com/webhook/handle_recording";
  return out;
}

// Every document that this program sends, by the name of its golden file.
std::vector<std::pair<std::string, std::string>> documents() {
  SpokenLine apology;
  apology.text = "כל הקווים תפוסים & \"סליחה\" <רגע>";
  SpokenLine english{"", "Goodbye, and thank you.", "en-US", "Polly.Joanna"};
  SpokenLine clip{"https://agent.example.com/static/tts/bye.wav", "", "", ""};
  StreamTwiml with_greeting = stream();
  with_greeting.play_first = "https://agent.example.com/static/tts/greeting.wav";
  StreamTwiml resumed = stream();
  resumed.parameters.emplace_back("resume", "1");
  return {
      {"incoming_call", connect_stream_twiml(stream())},
      {"incoming_call_play_greeting", connect_stream_twiml(with_greeting)},
      {"resume", connect_stream_twiml(resumed)},
      {"play_then_connect", play_then_connect_twiml("https://agent.example.com/static/tts/a.wav?v=1&w=2", stream())},
      {"voicemail", voicemail_twiml(voicemail())},
      {"apology", apology_twiml(apology, voicemail())},
      {"goodbye_said", goodbye_twiml(english)},
      {"goodbye_played", goodbye_twiml(clip)},
      {"hangup", hangup_twiml()},
      {"empty", empty_twiml()},
      {"message", message_twiml("שלום & ברוכים הבאים <3\nשורה שנייה")}};
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Twiml, EveryDocumentIsItsGoldenFile) {
  const auto folder = std::filesystem::path(AL_SOURCE_DIR) / "testdata/twiml";
  for (const auto& [name, document] : documents()) {
    EXPECT_EQ(read_file(folder / (name + ".xml")), document + "\n") << name;
  }
}

TEST(Twiml, EveryDocumentReadsBackToTheSameText) {
  for (const auto& [name, document] : documents()) {
    const auto tree = parse_twiml(document);
    ASSERT_TRUE(tree.has_value()) << name << ": " << to_string(tree.error());
    EXPECT_EQ(render_twiml(*tree), document) << name;
  }
}

TEST(Twiml, TheCheckerHasNothingAgainstOurOwnDocuments) {
  for (const auto& [name, document] : documents()) {
    TwimlCheckOptions options;
    options.expected_host = "agent.example.com";
    options.expect_stream = name.starts_with("incoming_call");
    for (const TwimlFinding& finding : check_twiml(document, options)) {
      // The optional greeting before the stream is allowed, and delays it: the checker says so.
      const bool expected =
          finding.message.find("before <Connect>") != std::string::npos && name.find("play") != std::string::npos;
      EXPECT_TRUE(expected) << name << ": " << finding.where << ": " << finding.message;
    }
  }
}

// Any text must come back as it went in, whatever it holds; what XML cannot hold is dropped or replaced.
TEST(Twiml, EscapingSurvivesAnyText) {
  Random random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t i = 0; i < 1 + random.below(30); ++i) {
      constexpr std::string_view kAwkward = "&<>\"'\r\n\t]]>&amp;\x01\x1f;#";
      if (random.below(2) == 0) {
        text += kAwkward[random.below(kAwkward.size())];
      } else {
        append_utf8(text, static_cast<char32_t>(random.below(0x3000) + 1));
      }
    }
    TwimlElement root;
    root.name = "Response";
    root.child("Say", text).attribute("voice", text);
    const auto back = parse_twiml(render_twiml(root));
    ASSERT_TRUE(back.has_value()) << to_string(back.error());
    std::string wanted;
    for (std::string_view rest = text; !rest.empty();) {
      const char32_t c = take_codepoint(rest);
      if (c >= 0x20 || c == '\t' || c == '\n' || c == '\r') append_utf8(wanted, c);
    }
    EXPECT_EQ(attribute_or(back->children.at(0), "voice", "?"), wanted);
    // A text of white space only is no text to an XML parser that keeps none between elements.
    if (wanted.find_first_not_of(" \t\r\n") != std::string::npos) {
      EXPECT_EQ(back->children.at(0).text, wanted);
    }
  }
}

TEST(Twiml, BytesThatAreNotUtf8AreReplaced) {
  const std::string document = message_twiml("a\xFF\xC0z");
  EXPECT_TRUE(is_valid_utf8(document));
  EXPECT_TRUE(parse_twiml(document).has_value());
}

TEST(TwimlParse, RefusesWhatIsNoTwiml) {
  EXPECT_FALSE(parse_twiml("").has_value());
  EXPECT_FALSE(parse_twiml("<html/>").has_value());
  EXPECT_FALSE(parse_twiml("<Response><Say></Response>").has_value());
  std::string deep = "<Response>";
  for (int i = 0; i < 40; ++i) deep += "<Say>";
  for (int i = 0; i < 40; ++i) deep += "</Say>";
  EXPECT_FALSE(parse_twiml(deep + "</Response>").has_value());
}

}  // namespace
}  // namespace al::twilio
