#include "dialog/text_turn_end.h"

#include <gtest/gtest.h>

#include "dialog/speakable.h"

namespace al::dialog {
namespace {

struct Case {
  std::string_view text;
  TurnEndReason reason;
};

TEST(TextTurnEnd, KnowsAnUnfinishedSentence) {
  using enum TurnEndReason;
  const Case cases[] = {{"I am looking for an apartment and", kOpenWord},
                        {"I want to live in", kOpenWord},
                        {"my name is", kOpenWord},
                        {"well, I think, um", kHesitation},
                        {"hmm", kHesitation},
                        {"two and a", kOpenNumber},
                        {"about one point", kOpenNumber},
                        {"אני מחפש דירה עם", kOpenWord},
                        {"התקציב שלי הוא", kOpenWord},
                        {"אממ", kHesitation},
                        {"רגע", kHesitation},
                        {"שני מיליון ו", kOpenWord},
                        {"דירה בחיפה או", kOpenWord},
                        {"ארבעה חדרים, אממ", kHesitation},
                        {"I'd like a house,", kOpenWord}};
  for (const Case& c : cases) {
    const TextTurnEnd end = text_turn_end(c.text, {}, false);
    EXPECT_EQ(end.reason, c.reason) << c.text << " is " << to_string(end.reason);
    ASSERT_TRUE(end.opinion.end_probability) << c.text;
    EXPECT_LE(*end.opinion.end_probability, 0.3F) << c.text;
  }
}

TEST(TextTurnEnd, KnowsACompleteAnswer) {
  Expectation yes_no;
  yes_no.yes_no = true;
  for (const std::string_view text : {"yes", "Yes, please.", "no", "correct", "כן", "לא", "כן נכון", "בסדר"}) {
    const TextTurnEnd end = text_turn_end(text, yes_no, true);
    EXPECT_EQ(end.reason, TurnEndReason::kShortAnswer) << text;
    EXPECT_GE(end.opinion.end_probability.value_or(0), 0.8F) << text;
  }
  for (const std::string_view text :
       {"I want a four room apartment.", "My budget is two million.", "אני רוצה דירה בחיפה."}) {
    EXPECT_GE(text_turn_end(text, {}, true).opinion.end_probability.value_or(0), 0.8F) << text;
  }
  EXPECT_EQ(text_turn_end("Do you have something in Haifa?", {}, true).reason, TurnEndReason::kQuestion);
}

TEST(TextTurnEnd, HasNoOpinionWithoutASign) {
  for (const std::string_view text : {"an apartment in Haifa", "ארבעה חדרים", "two million shekels", "שני מיליון"}) {
    const TextTurnEnd end = text_turn_end(text, {}, false);
    EXPECT_FALSE(end.opinion.end_probability) << text;
    EXPECT_FALSE(end.opinion.digits_expected) << text;
  }
  EXPECT_EQ(text_turn_end("", {}, false).reason, TurnEndReason::kEmpty);
}

TEST(TextTurnEnd, WaitsForTheRestOfATelephoneNumber) {
  Expectation digits;
  digits.digits = true;
  for (const std::string_view text :
       {"zero five four", "my number is 054", "054-123", "0 5 4 1 2 3 4 5 6", "zero five four, um", "אפס חמש ארבע",
        "המספר שלי אפס חמישים וארבע, שלוש", "052 1234 56"}) {
    const TextTurnEnd end = text_turn_end(text, digits, false);
    EXPECT_EQ(end.reason, TurnEndReason::kDigitsMissing) << text;
    EXPECT_TRUE(end.opinion.digits_expected) << text;
  }
  for (const std::string_view text :
       {"0541234567", "zero five four one two three four five six seven", "My number is 054-123-4567.",
        "אפס חמש ארבע אחת שתיים שלוש ארבע חמש שש שבע", "617 555 0123", "03 555 1234"}) {
    const TextTurnEnd end = text_turn_end(text, digits, false);
    EXPECT_EQ(end.reason, TurnEndReason::kDigitsComplete) << text;
    EXPECT_FALSE(end.opinion.digits_expected) << text;
  }
  Expectation rest = digits;
  rest.digits_known = 3;
  EXPECT_EQ(text_turn_end("one two three four", rest, false).reason, TurnEndReason::kDigitsMissing);
  EXPECT_EQ(text_turn_end("one two three four five six seven", rest, false).reason, TurnEndReason::kDigitsComplete);
}

TEST(TextTurnEnd, KnowsABackchannel) {
  const auto english = *Persona::built_in("en-real-estate");
  const auto hebrew = *Persona::built_in("he-real-estate");
  for (const std::string_view text : {"uh-huh", "Yeah.", "okay, right", "mhm", "I see."})
    EXPECT_TRUE(is_backchannel(text, *english)) << text;
  for (const std::string_view text : {"כן", "אהה", "כן כן", "הבנתי", "אוקיי"})
    EXPECT_TRUE(is_backchannel(text, *hebrew)) << text;
  for (const std::string_view text : {"yes but wait", "no", "Haifa", "", "stop"})
    EXPECT_FALSE(is_backchannel(text, *english)) << text;
  for (const std::string_view text : {"כן אבל", "לא", "רגע", "חיפה"})
    EXPECT_FALSE(is_backchannel(text, *hebrew)) << text;
}

TEST(Speakable, PutsFiguresIntoWords) {
  struct Say {
    std::string_view text;
    bool hebrew;
    std::string_view spoken;
  };
  const Say cases[] = {
      {"4 rooms for $2,500,000.", false, "four rooms for two and a half million dollars."},
      {"Call 054-123-4567.", false, "Call zero five four, one two three, four five six seven."},
      {"At 17:30 on 2026-11-24.", false, "At half past five in the afternoon on Tuesday, November twenty-four."},
      {"About 80% of 3-4 rooms", false, "About eighty percent of three to four rooms"},
      {"יש 3 חדרים ו-2 מרפסות", true, "יש שלושה חדרים ושתי מרפסות"},
      {"קומה 5, 120 מטר", true, "קומה חמש, מאה ועשרים מטר"},
      {"עד 900,000 ש\"ח", true, "עד תשע מאות אלף שקלים"},
      {"בשעה 10:15", true, "בשעה עשר ורבע בבוקר"},
      {"המספר 0541234567", true, "המספר אפס חמש ארבע, אחת שתיים שלוש, ארבע חמש שש שבע"},
      {"no figures", false, "no figures"},
      {"", false, ""}};
  for (const Say& c : cases) EXPECT_EQ(to_speech(c.text, c.hebrew, {}), c.spoken);
  EXPECT_EQ(to_speech("Send a WhatsApp!", false, {{"WhatsApp", "what's app"}}), "Send a what's app!");
}

TEST(Speakable, StripsWhatCannotBeSpoken) {
  EXPECT_EQ(strip_markup("# Title\n* **bold** item\n1. one\n"), "Title bold item one");
  EXPECT_EQ(strip_markup("See [our site](https://x.example/a) or https://y.example now."), "See our site or now.");
  EXPECT_EQ(strip_markup("Great 😀👍! [smiles] Agent: x"), "Great! Agent: x");
  EXPECT_EQ(strip_markup("Agent: Hello <b>you</b>"), "Hello you");
  EXPECT_EQ(strip_markup("a\u200Bb\u202Ec\U000E0041"), "abc");
}

}  // namespace
}  // namespace al::dialog
