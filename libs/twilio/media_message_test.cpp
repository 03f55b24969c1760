#include "twilio/media_message.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "core/secret.h"
#include "twilio/base64.h"

namespace al::twilio {
namespace {

std::string bytes_of(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += static_cast<char>(random.below(256));
  return out;
}

std::string frame_text(std::string_view payload) {
  return "{\"event\":\"media\",\"sequenceNumber\":\"4\",\"streamSid\":\"MZ0123456789abcdef0123456789abcdef\","
         "\"media\":{\"track\":\"inbound\",\"chunk\":\"2\",\"timestamp\":\"25\",\"payload\":\"" +
         std::string(payload) + "\"}}";
}

std::string as_text(const AudioBytes& audio) {
  return {reinterpret_cast<const char*>(audio.bytes().data()), audio.size()};
}

TEST(Base64, AgreesWithTheSlowOneForEveryLength) {
  for (std::size_t size = 0; size < 400; ++size) {
    const std::string bytes = bytes_of(size, size);
    const std::string wanted = al::base64_encode(bytes);
    std::string made(base64_length(size), '?');
    base64_encode({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, made.data());
    ASSERT_EQ(made, wanted);
    std::vector<std::uint8_t> back(size);
    ASSERT_EQ(base64_decode(wanted, back), size);
    ASSERT_EQ(std::string(back.begin(), back.end()), bytes);
    if (size > 0) {
      std::vector<std::uint8_t> small(size - 1);
      ASSERT_EQ(base64_decode(wanted, small), std::nullopt);
    }
  }
}

TEST(Base64, RefusesEveryCharacterOutsideTheAlphabet) {
  std::array<std::uint8_t, 6> out{};
  for (int c = 0; c < 256; ++c) {
    const bool legal = std::isalnum(c) != 0 || c == '+' || c == '/';
    for (std::size_t place = 0; place < 4; ++place) {
      std::string text = "AAAAAAAA";
      text[place] = static_cast<char>(c);
      EXPECT_EQ(base64_decode(text, out).has_value(), legal && c < 128) << c << " at " << place;
    }
  }
  for (const char* text : {"A", "AA", "AAA", "AAAAA", "=AAA", "A===", "====", "AA=A", "AAA=AAAA"}) {
    EXPECT_EQ(base64_decode(text, out), std::nullopt) << text;
  }
}

TEST(MediaMessage, ReadsAFrameByScanning) {
  const std::string audio = bytes_of(kFrameBytes, 1);
  const std::string text = frame_text(al::base64_encode(audio));
  msg::Media scanned;
  ASSERT_TRUE(detail::scan_media(text, scanned));
  EXPECT_EQ(scanned.sequence, 4U);
  EXPECT_EQ(scanned.chunk, 2U);
  EXPECT_EQ(scanned.timestamp_ms, 25U);
  EXPECT_EQ(scanned.stream_sid.view(), "MZ0123456789abcdef0123456789abcdef");
  EXPECT_EQ(as_text(scanned.audio), audio);
  EXPECT_EQ(std::get<msg::Media>(*detail::parse_with_json(text)), scanned);
}

TEST(MediaMessage, AnyPayloadSizeIsRead) {
  for (const std::size_t size : {0U, 1U, 2U, 3U, 80U, 159U, 160U, 161U, 162U, 163U, 320U, 8000U, 48000U}) {
    const std::string audio = bytes_of(size, size);
    const auto read = parse_media_message(frame_text(al::base64_encode(audio)));
    ASSERT_TRUE(read.has_value()) << size;
    EXPECT_EQ(as_text(std::get<msg::Media>(*read).audio), audio) << size;
  }
}

TEST(MediaMessage, OddShapesGoToTheFullParserAndMeanTheSame) {
  const std::string usual =
      R"({"event":"media","sequenceNumber":"4","streamSid":"MZ1","media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"/38A"}})";
  const auto wanted = parse_media_message(usual);
  ASSERT_TRUE(wanted.has_value());
  for (
      const char* text :
      {R"({"media":{"payload":"\/38A","chunk":2,"timestamp":"25","track":"inbound"},"streamSid":"MZ1","event":"media","sequenceNumber":4})",
       "\n{ \"event\" : \"media\" "
       ",\t\"sequenceNumber\":\"4\",\"streamSid\":\"MZ1\",\"media\":{\"track\":\"inbound\",\"chunk\":\"2\","
       "\"timestamp\":\"25\",\"payload\":\"/38A\"}}\r\n",
       R"({"event":"media","more":{"a":[1,2,{"b":null}]},"sequenceNumber":"4","streamSid":"MZ1","media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"/38A","new":true}})",
       R"({"event":"media","sequenceNumber":"9","sequenceNumber":"4","streamSid":"MZ1","media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"/38A"}})"}) {
    const auto read = parse_media_message(text);
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_EQ(*read, *wanted) << text;
  }
}

TEST(MediaMessage, ReadsEveryOtherEvent) {
  const auto start = parse_media_message(
      R"({"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1","streamSid":"MZ1","callSid":"CA1","tracks":["inbound"],"customParameters":{"token":"t","n":"1"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}})");
  ASSERT_TRUE(start.has_value());
  const auto& started = std::get<msg::Start>(*start);
  EXPECT_EQ(started.call_sid.str(), "CA1");
  EXPECT_EQ(started.account_sid.str(), "AC1");
  EXPECT_EQ(started.parameters.at("token"), "t");
  EXPECT_EQ(started.tracks, std::vector<std::string>{"inbound"});
  EXPECT_EQ(
      std::get<msg::Connected>(*parse_media_message(R"({"event":"connected","protocol":"Call","version":"1.0.0"})")),
      (msg::Connected{"Call", "1.0.0"}));
  EXPECT_EQ(
      std::get<msg::Dtmf>(*parse_media_message(
          R"({"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"#"}})")),
      (msg::Dtmf{5, StreamSid("MZ1"), '#'}));
  EXPECT_EQ(std::get<msg::Mark>(*parse_media_message(
                R"({"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":"שלום"}})")),
            (msg::Mark{4, StreamSid("MZ1"), "שלום"}));
  EXPECT_EQ(
      std::get<msg::Stop>(*parse_media_message(
          R"({"event":"stop","sequenceNumber":"5","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}})")),
      (msg::Stop{5, StreamSid("MZ1"), AccountSid("AC1"), CallSid("CA1")}));
  EXPECT_EQ(std::get<msg::Unknown>(*parse_media_message(R"({"event":"video"})")), (msg::Unknown{"video"}));
}

TEST(MediaMessage, CallSidComesFromTheParametersWhereStartHasNone) {
  const auto start = parse_media_message(
      R"({"event":"start","streamSid":"MZ1","start":{"customParameters":{"call_sid":"CA9"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":"8000","channels":1}}})");
  ASSERT_TRUE(start.has_value());
  EXPECT_EQ(std::get<msg::Start>(*start).call_sid.str(), "CA9");
}

TEST(MediaMessage, RefusalsNameTheField) {
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"", "JSON"},
           {"[]", "object"},
           {"{}", "event"},
           {R"({"event":7})", "event"},
           {R"({"event":"media","media":{}})", "payload"},
           {R"({"event":"media","media":{"payload":"A"}})", "base64"},
           {R"({"event":"media","media":{"payload":"AAAA","track":"both"}})", "track"},
           {R"({"event":"dtmf","dtmf":{"digit":"10"}})", "digit"},
           {R"({"event":"mark","mark":{}})", "name"},
           {R"({"event":"start","start":{}})", "streamSid"},
           {"{\"event\":\"mark\",\"mark\":{\"name\":\"\xFF\"}}", "UTF-8"},
           {std::string(kMaxMessageBytes + 1, ' '), "65537"}}) {
    const auto read = parse_media_message(text);
    ASSERT_FALSE(read.has_value()) << text.substr(0, 80);
    EXPECT_EQ(read.error().code, Errc::kMalformed);
    // The words about broken JSON are the parser's own.
    const bool ours = part != "JSON" && part != "UTF-8";
    EXPECT_TRUE(!ours || read.error().detail.find(part) != std::string::npos) << read.error().detail;
  }
  const auto wide = parse_media_message(
      R"({"event":"start","streamSid":"MZ1","start":{"callSid":"CA1","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":16000,"channels":1}}})");
  EXPECT_EQ(wide.error().code, Errc::kUnsupported);
}

// Scanner and parser must agree on every text the scanner accepts. Texts: a real frame, changed in one to four places.
TEST(MediaMessage, ScannerAgreesWithTheParserOnChangedFrames) {
  const std::string base = frame_text(al::base64_encode(bytes_of(24, 3)));
  constexpr std::string_view kInteresting = "\"\\{}[]:,= \n\t0129+/-._aAeE\x01\x7f\x80\xc3\xa9";
  Random random(20);
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text = base;
    for (std::uint64_t i = 0; i <= random.below(4); ++i) {
      const std::size_t at = random.below(text.size());
      const char c = kInteresting[random.below(kInteresting.size())];
      switch (random.below(4)) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        case 2:
          text.erase(at, 1 + random.below(12));
          break;
        default:
          text.insert(at, text.substr(random.below(text.size()), random.below(40)));
      }
      if (text.empty()) text = "{";
    }
    msg::Media scanned;
    if (!detail::scan_media(text, scanned)) continue;
    ++accepted;
    const auto parsed = detail::parse_with_json(text);
    ASSERT_TRUE(parsed.has_value()) << text << "\n" << to_string(parsed.error());
    ASSERT_TRUE(std::holds_alternative<msg::Media>(*parsed)) << text;
    ASSERT_EQ(std::get<msg::Media>(*parsed), scanned) << text;
  }
  EXPECT_GT(accepted, 5'000) << "the test must try texts that the scanner accepts";
}

TEST(MediaTemplate, IsTheMessageThatTheSlowWayMakes) {
  const StreamSid stream("MZ0123456789abcdef0123456789abcdef");
  MediaTemplate frame(stream);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const std::string audio = bytes_of(kFrameBytes, seed);
    const std::span<const std::uint8_t, kFrameBytes> view(reinterpret_cast<const std::uint8_t*>(audio.data()),
                                                          kFrameBytes);
    EXPECT_EQ(frame.fill(view), media_message(stream, view));
    EXPECT_EQ(frame.fill(view),
              "{\"event\":\"media\",\"streamSid\":\"MZ0123456789abcdef0123456789abcdef\",\"media\":{"
              "\"payload\":\"" +
                  al::base64_encode(audio) + "\"}}");
  }
  EXPECT_EQ(mark_message(stream, "a\"b"),
            R"({"event":"mark","streamSid":"MZ0123456789abcdef0123456789abcdef","mark":{"name":"a\"b"}})");
  EXPECT_EQ(clear_message(stream), R"({"event":"clear","streamSid":"MZ0123456789abcdef0123456789abcdef"})");
}

}  // namespace
}  // namespace al::twilio
