#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/text_split.h"
#include "providers/wire_multipart.h"
#include "providers/wire_sse.h"

namespace al::providers {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Event {
  std::string name;
  std::string data;
  friend bool operator==(const Event&, const Event&) = default;
};

std::vector<Event> parse(std::string_view text, std::size_t piece) {
  SseParser parser;
  std::vector<Event> events;
  const auto keep = [&](const SseEvent& event) {
    events.push_back({std::string(event.name), std::string(event.data)});
    return true;
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    EXPECT_TRUE(parser.feed(text.substr(at, piece), keep).has_value());
  }
  EXPECT_TRUE(parser.finish(keep).has_value());
  return events;
}

TEST(SseParser, GivesTheSameEventsHoweverTheBytesAreCut) {
  const std::string text =
      "\xEF\xBB\xBF: warming up\r\n\r\nevent: message_start\r\ndata: {\"a\":\"שלום\"}\r\n\r\n"
      "data: one\ndata:two\n\ndata: [DONE]\n\n";
  const std::vector<Event> expected{{"message_start", "{\"a\":\"שלום\"}"}, {"", "one\ntwo"}, {"", "[DONE]"}};
  for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(parse(text, piece), expected) << piece;
}

TEST(SseParser, TakesLoneCarriageReturnsAsLineEnds) {
  for (std::size_t piece : {1, 2, 3, 50}) {
    EXPECT_EQ(parse("data: a\rdata: b\r\rdata: c\r\r", piece), (std::vector<Event>{{"", "a\nb"}, {"", "c"}})) << piece;
  }
}

TEST(SseParser, DeliversALastEventWithoutItsEmptyLine) {
  EXPECT_EQ(parse("data: [DONE]", 5), (std::vector<Event>{{"", "[DONE]"}}));
}

TEST(SseParser, SkipsEventsWithoutDataAndUnknownFields) {
  EXPECT_EQ(parse("event: ping\n\nid: 7\nretry: 10\nfoo\ndata: x\n\n", 4), (std::vector<Event>{{"", "x"}}));
}

TEST(SseParser, RefusesAnEventThatDoesNotEnd) {
  SseParser parser(1000);
  const std::string flood(400, 'x');
  const auto ignore = [](const SseEvent&) { return true; };
  EXPECT_TRUE(parser.feed("data: " + flood + "\n", ignore).has_value());
  EXPECT_TRUE(parser.feed("data: " + flood + "\n", ignore).has_value());
  const auto third = parser.feed("data: " + flood + "\n", ignore);
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().code, Errc::kMalformed);
}

TEST(SseParser, StopsWhereTheReaderHasEnough) {
  SseParser parser;
  int seen = 0;
  ASSERT_TRUE(parser.feed("data: 1\n\ndata: 2\n\n", [&](const SseEvent&) { return ++seen < 1; }).has_value());
  EXPECT_EQ(seen, 1);
}

TEST(MultipartBody, IsWrittenByteForByteAsRfc7578) {
  MultipartBody form("XX");
  form.add_field("model", "m");
  form.add_file("file", "turn.wav", "audio/wav", std::string_view("\0\r\n", 3));
  EXPECT_EQ(form.content_type(), "multipart/form-data; boundary=XX");
  EXPECT_EQ(std::move(form).finish(),
            std::string("--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n"
                        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"turn.wav\"\r\n"
                        "Content-Type: audio/wav\r\n\r\n") +
                std::string("\0\r\n", 3) + "\r\n--XX--\r\n");
}

TEST(MultipartBody, EscapesQuotesAndLineEndsInNames) {
  MultipartBody form("b");
  form.add_field("a\"\r\nb", "v");
  EXPECT_EQ(std::move(form).finish(),
            "--b\r\nContent-Disposition: form-data; name=\"a%22%0D%0Ab\"\r\n\r\nv\r\n--b--\r\n");
}

TEST(SplitText, LeavesShortTextAlone) {
  EXPECT_THAT(split_text("  שלום, מה שלומך?  ", 100, TextUnit::kBytes), ElementsAre("שלום, מה שלומך?"));
  EXPECT_THAT(split_text(" \n ", 100, TextUnit::kBytes), IsEmpty());
}

TEST(SplitText, CutsAfterASentenceBeforeAClauseBeforeAWord) {
  EXPECT_THAT(split_text("One two. Three, four five", 16, TextUnit::kBytes),
              ElementsAre("One two.", "Three, four five"));
  EXPECT_THAT(split_text("One two, three four", 16, TextUnit::kBytes), ElementsAre("One two,", "three four"));
  EXPECT_THAT(split_text("One two three four", 16, TextUnit::kBytes), ElementsAre("One two three", "four"));
}

TEST(SplitText, NeverBreaksACharacterAndKeepsEveryPartWithinTheLimit) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "אב";  // 12,000 bytes without a blank
  const auto parts = split_text(text, 5000, TextUnit::kBytes);
  std::string joined;
  for (const std::string& part : parts) {
    EXPECT_LE(part.size(), 5000U);
    EXPECT_EQ(part.size() % 2, 0U);
    joined += part;
  }
  EXPECT_EQ(joined, text);
  EXPECT_EQ(parts.size(), 3U);
}

TEST(SplitText, CountsCharactersWhereTheServiceDoes) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "א";
  EXPECT_EQ(split_text(text, 10, TextUnit::kCharacters).size(), 2U);
  EXPECT_EQ(split_text(text, 10, TextUnit::kBytes).size(), 4U);
}

}  // namespace
}  // namespace al::providers
