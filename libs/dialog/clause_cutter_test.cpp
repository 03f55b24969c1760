#include "dialog/clause_cutter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace al::dialog {
namespace {

std::vector<std::string> cut(const std::vector<std::string>& deltas, ClauseCutterOptions options = {}) {
  ClauseCutter cutter(options);
  std::vector<std::string> clauses;
  for (const std::string& delta : deltas) {
    cutter.feed(delta);
    while (auto clause = cutter.next()) clauses.push_back(*clause);
  }
  if (auto rest = cutter.flush()) clauses.push_back(*rest);
  return clauses;
}

using Clauses = std::vector<std::string>;

TEST(ClauseCutter, CutsSentencesAndKeepsTheirPunctuation) {
  EXPECT_EQ(cut({"Good morning. Where are you looking? I can help!"}),
            (Clauses{"Good morning.", "Where are you looking?", "I can help!"}));
}

TEST(ClauseCutter, LetsTheFirstClauseGoAtAComma) {
  EXPECT_EQ(cut({"Three rooms in Haifa, that is a good choice for a family, and not too expensive."}),
            (Clauses{"Three rooms in Haifa,", "that is a good choice for a family,", "and not too expensive."}));
}

TEST(ClauseCutter, JoinsAShortOpeningToWhatFollows) {
  EXPECT_EQ(cut({"Well, yes. Fine."}), (Clauses{"Well, yes.", "Fine."}));
}

TEST(ClauseCutter, KeepsNumbersAndDomainsWhole) {
  EXPECT_EQ(cut({"It costs 2.5 million, or see example.com today."}),
            (Clauses{"It costs 2.5 million,", "or see example.com today."}));
  EXPECT_EQ(cut({"Call 054,123,4567 now"}), (Clauses{"Call 054,123,4567 now"}));
}

TEST(ClauseCutter, GivesTheSameClausesForEverySplitOfTheDeltas) {
  const std::string text = "מצאתי שלוש דירות בחיפה, כולן קרובות לים. מה התקציב שלך?";
  const Clauses whole = cut({text});
  ASSERT_EQ(whole.size(), 3U);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    EXPECT_EQ(cut({text.substr(0, at), text.substr(at)}), whole) << "split at byte " << at;
  }
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(cut(bytes), whole);
}

TEST(ClauseCutter, CutsLongTextWithoutPunctuationAtASpace) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "word ";
  const Clauses clauses = cut({text});
  ASSERT_GE(clauses.size(), 2U);
  for (const std::string& clause : clauses) {
    EXPECT_LE(clause.size(), 121U);
    EXPECT_EQ(clause.substr(clause.size() - 4), "word");
  }
}

TEST(ClauseCutter, LosesNoWord) {
  const std::string text = "One, two, three; four: five. Six! Seven? Eight nine ten, eleven twelve";
  std::string joined;
  for (const std::string& clause : cut({text})) joined += (joined.empty() ? "" : " ") + clause;
  EXPECT_EQ(joined, text);
}

TEST(ClauseCutter, GivesNothingForBlankOrBrokenText) {
  EXPECT_TRUE(cut({"   \n\t "}).empty());
  EXPECT_TRUE(cut({""}).empty());
  EXPECT_EQ(cut({"\xD7"}).size(), 1U);  // half a Hebrew letter at the very end is passed on, not waited for
}

TEST(ClauseCutter, RefusesMoreThanItsBuffer) {
  ClauseCutter cutter({.max_buffer_bytes = 100});
  EXPECT_TRUE(cutter.feed(std::string(100, 'a')));
  EXPECT_FALSE(cutter.feed("b"));
  cutter.reset();
  EXPECT_TRUE(cutter.feed("b"));
}

}  // namespace
}  // namespace al::dialog
