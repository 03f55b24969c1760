#include "core/log.h"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"

namespace al {
namespace {

using log::Format;
using log::Level;

TEST(Log, ALineIsTheEventThenItsFacts) {
  EXPECT_EQ(log::format_line(Level::kInfo, Format::kText, false, "EOU",
                             {{"call", "CA1"}, {"turn", 3u}, {"len_ms", 1840}, {"level", -23.5}, {"cut", true}}),
            "EOU call=CA1 turn=3 len_ms=1840 level=-23.5 cut=true");
}

TEST(Log, OutsideTextCannotForgeALine) {
  const std::string evil = "x\r\nEOU call=CA9 \x1b[2J\xE2\x80\xAE\xE2\x80\xA8 \"q\" \xFF";
  for (const Format format : {Format::kText, Format::kJson, Format::kJournal}) {
    const std::string line = log::format_line(Level::kInfo, format, true, "ASR_TEXT", {{"text", log::personal(evil)}});
    EXPECT_EQ(line.find_first_of("\r\n\x1b"), std::string::npos) << line;
    EXPECT_EQ(line.find("\xE2\x80\xA8"), std::string::npos) << "a line separator for some readers";
  }
  // The whole of it is one quoted value.
  EXPECT_EQ(log::format_line(Level::kInfo, Format::kText, true, "ASR_TEXT", {{"text", evil}}),
            "ASR_TEXT text=\"x\\u000d\\nEOU call=CA9 \\u001b[2J\\u202e\\u2028 \\\"q\\\" \xEF\xBF\xBD\"");
  EXPECT_EQ(log::format_line(Level::kInfo, Format::kText, true, "E", {{"a", "1 b=2"}, {"c", ""}}),
            "E a=\"1 b=2\" c=\"\"");
  EXPECT_EQ(log::format_line(Level::kInfo, Format::kText, true, "E", {{"a", "q\"\\\n"}}), "E a=\"q\\\"\\\\\\n\"");
}

TEST(Log, WordsOfPeopleAreCountedUnlessAsked) {
  const auto line = [](Level level, bool transcripts) {
    return log::format_line(level, Format::kText, transcripts, "ASR_TEXT", {{"text", log::personal("דירה בחיפה")}});
  };
  EXPECT_EQ(line(Level::kInfo, false), "ASR_TEXT text_chars=10");
  EXPECT_EQ(line(Level::kInfo, true), "ASR_TEXT text=\"דירה בחיפה\"");
  EXPECT_EQ(line(Level::kDebug, false), "ASR_TEXT text=\"דירה בחיפה\"");
}

TEST(Log, TelephoneNumbersAreMasked) {
  EXPECT_EQ(log::mask_phone("+972501234512"), "+97250*****12");
  EXPECT_EQ(log::mask_phone("whatsapp:+972501234512"), "whatsapp:+97250*****12");
  EXPECT_EQ(log::mask_phone("12345"), "***45");
  EXPECT_EQ(log::mask_phone("12"), "**");
  EXPECT_EQ(log::mask_phone(""), "");
}

TEST(Log, JsonLinesAreJson) {
  const std::string line =
      log::format_line(Level::kWarn, Format::kJson, false, "WS_STOP",
                       {{"call", "a\"\n"}, {"rx", 50}, {"x", std::nan("")}, {"from", log::phone("+972501234512")}});
  const auto parsed = parse_json(line);
  ASSERT_TRUE(parsed) << line;
  EXPECT_EQ(json_string(*parsed, "level"), "warn");
  EXPECT_EQ(json_string(*parsed, "call"), "a\"\n");
  EXPECT_EQ(json_int(*parsed, "rx"), 50);
  EXPECT_EQ(json_string(*parsed, "from"), "+97250*****12");
}

TEST(Log, JournalLinesCarryTheirPriority) {
  EXPECT_EQ(log::format_line(Level::kError, Format::kJournal, false, "E", {}), "<3>E");
  EXPECT_EQ(log::format_line(Level::kInfo, Format::kJournal, false, "E", {}), "<6>E");
}

TEST(Log, CaptureTakesLinesOfAllThreadsAboveItsLevel) {
  log::Capture capture(Level::kInfo);
  log::debug("NO");
  std::thread other([] { log::info("YES", {{"n", 1}}); });
  other.join();
  log::warn("YES");
  EXPECT_THAT(capture.lines(), ::testing::ElementsAre("YES n=1", "YES"));
  EXPECT_EQ(capture.count("NO"), 0u);
}

TEST(Log, ASlowReaderLosesLinesNotTime) {
  ::testing::internal::CaptureStderr();
  log::start({.level = Level::kInfo, .format = Format::kText, .transcripts = false, .queue_lines = 16});
  for (int i = 0; i < 20000; ++i) log::info("LINE", {{"n", i}});
  const auto dropped = log::dropped_lines();
  log::stop();
  const std::string text = ::testing::internal::GetCapturedStderr();
  const auto written = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  // What the writer had not taken when a newer line came is gone and counted; the last line is always there. The flush
  // of stop() takes a place in the queue, too, and may cost one more line after the count was read.
  EXPECT_GE(written + dropped + 1, 20000u);
  EXPECT_NE(text.find(" LINE n=19999\n"), std::string::npos);
  EXPECT_THAT(text, ::testing::ContainsRegex("20[0-9]+-[0-9]+-[0-9]+T[0-9:.]+Z info +LINE n="));
}

TEST(Log, LevelsAndFormatsParse) {
  EXPECT_EQ(log::parse_level("WARN"), Level::kWarn);
  EXPECT_FALSE(log::parse_level("loud"));
  EXPECT_EQ(log::parse_format("json"), Format::kJson);
  EXPECT_FALSE(log::parse_format("xml"));
}

}  // namespace
}  // namespace al
