#include <gtest/gtest.h>

#include "core/utf8.h"
#include "providers/local_tts.h"

namespace al::providers {
namespace {

using Parts = std::vector<std::string>;

TEST(SplitSentences, CutsAfterSentenceMarks) {
  EXPECT_EQ(split_sentences("Great! Which area? Tel Aviv is nice."),
            (Parts{"Great!", "Which area?", "Tel Aviv is nice."}));
  EXPECT_EQ(split_sentences("שלום. באיזה אזור?"), (Parts{"שלום.", "באיזה אזור?"}));
  EXPECT_EQ(split_sentences("One\ntwo"), (Parts{"One", "two"}));
}

TEST(SplitSentences, LeavesNumbersTimesAndShortFormsWhole) {
  for (const char* text : {"It costs 3.5 million.", "Dr. Levi is here", "Come at 5:30 p.m. on Friday.",
                           "J. R. Cohen called", "See example.com for more."}) {
    EXPECT_EQ(split_sentences(text), Parts{text});
  }
}

TEST(SplitSentences, LongSentencesAreCutAtCommasElseAtSpaces) {
  const auto parts = split_sentences("We have a flat in the north, a house by the sea, and a plot of land.", 30);
  EXPECT_EQ(parts, (Parts{"We have a flat in the north,", "a house by the sea,", "and a plot of land."}));
  for (const auto& part : split_sentences(std::string(300, 'x') + " y", 50)) EXPECT_LE(count_codepoints(part), 50U);
}

TEST(SplitSentences, LosesNoWord) {
  const std::string text = "Yes, certainly. It has four rooms, two balconies and a view… Shall I go on?";
  std::string joined;
  for (const auto& part : split_sentences(text, 20)) joined += (joined.empty() ? "" : " ") + part;
  EXPECT_EQ(joined, text);
}

TEST(SplitSentences, NothingToSayIsNoSentence) {
  EXPECT_TRUE(split_sentences("").empty());
  EXPECT_TRUE(split_sentences(" \n ").empty());
}

TEST(ClipName, IsReadableAndIgnoresPunctuationAndPointing) {
  EXPECT_EQ(clip_name("Hello, how can I help?"), "hello-how-can-i-help");
  EXPECT_EQ(clip_name("סליחה, לא שמעתי!"), "סליחה-לא-שמעתי");
  EXPECT_EQ(clip_name("שָׁלוֹם"), clip_name("שלום"));
  EXPECT_EQ(clip_name("../../etc/passwd"), "etc-passwd");
  EXPECT_EQ(clip_name("?!"), "");
  EXPECT_LE(clip_name(std::string(500, 'a')).size(), 80U);
}

}  // namespace
}  // namespace al::providers
