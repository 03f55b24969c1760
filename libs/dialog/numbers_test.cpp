#include "dialog/numbers.h"

#include <gtest/gtest.h>

namespace al::dialog {
namespace {

struct NumberCase {
  std::string_view text;
  std::int64_t milli;
};

std::int64_t read_all(std::string_view text) {
  const std::vector<Word> words = split_words(clean_text(text));
  const auto number = parse_number(words, 0);
  if (!number) return -1;
  return number->end == words.size() ? number->milli : -2;
}

TEST(Numbers, ReadsEnglishNumbersAsSpokenAndAsWritten) {
  constexpr std::int64_t kM = 1'000'000'000;  // a million, in thousandths
  const NumberCase cases[] = {
      {"zero", 0},
      {"seven", 7000},
      {"twelve", 12000},
      {"twenty", 20000},
      {"twenty one", 21000},
      {"forty-two", 42000},
      {"one hundred", 100000},
      {"a hundred", 100000},
      {"a hundred and fifty", 150000},
      {"nine hundred fifty", 950000},
      {"nine fifty", 950000},
      {"three thousand", 3000000},
      {"a thousand", 1000000},
      {"five thousand two hundred", 5200000},
      {"twenty five hundred", 2500000},
      {"nine hundred thousand", 900000000},
      {"900 thousand", 900000000},
      {"900k", 900000000},
      {"900K", 900000000},
      {"one million", kM},
      {"a million", kM},
      {"two million", 2 * kM},
      {"two and a half million", 2500000000},
      {"two million and a half", 2500000000},
      {"2.5 million", 2500000000},
      {"1.8M", 1800000000},
      {"1.8 m", 1800000000},
      {"one point eight million", 1800000000},
      {"one point two five million", 1250000000},
      {"half a million", kM / 2},
      {"a half million", kM / 2},
      {"a quarter of a million", kM / 4},
      {"three quarters of a million", kM * 3 / 4},
      {"one million eight hundred thousand", 1800000000},
      {"one million, eight hundred thousand", 1800000000},
      {"a million eight hundred", 1800000000},
      {"one million two hundred and fifty thousand", 1250000000},
      {"1,250,000", 1250000000},
      {"1,200", 1200000},
      {"3.5", 3500},
      {"three and a half", 3500},
      {"3 and a half", 3500},
      {"a million and a half", 1500000000},
      {"one and a half million", 1500000000},
      {"four thousand five hundred", 4500000},
      {"2 million 300 thousand", 2300000000},
      {"six hundred and seventy five thousand", 675000000},
  };
  for (const NumberCase& c : cases) EXPECT_EQ(read_all(c.text), c.milli) << c.text;
}

TEST(Numbers, ReadsHebrewNumbersAsSpokenAndAsWritten) {
  constexpr std::int64_t kM = 1'000'000'000;
  const NumberCase cases[] = {
      {"אפס", 0},
      {"שלוש", 3000},
      {"ארבעה", 4000},
      {"בארבעה", 4000},
      {"אחת עשרה", 11000},
      {"שניים עשר", 12000},
      {"שתים עשרה", 12000},
      {"חמש עשרה", 15000},
      {"עשרים", 20000},
      {"עשרים ואחת", 21000},
      {"חמישים ושתיים", 52000},
      {"מאה", 100000},
      {"מאה וחמישים", 150000},
      {"מאה עשרים וחמש", 125000},
      {"מאתיים", 200000},
      {"מאתיים חמישים", 250000},
      {"שלוש מאות", 300000},
      {"אלף", 1000000},
      {"אלפיים", 2000000},
      {"שלושת אלפים", 3000000},
      {"חמשת אלפים", 5000000},
      {"ארבעת אלפים וחמש מאות", 4500000},
      {"אלף וחצי", 1500000},
      {"אלפיים וחצי", 2500000},
      {"תשע מאות אלף", 900000000},
      {"900 אלף", 900000000},
      {"מיליון", kM},
      {"מליון", kM},
      {"שני מיליון", 2 * kM},
      {"שני מיליון וחצי", 2500000000},
      {"שניים וחצי מיליון", 2500000000},
      {"מיליון וחצי", 1500000000},
      {"חצי מיליון", kM / 2},
      {"רבע מיליון", kM / 4},
      {"שלושת רבעי מיליון", kM * 3 / 4},
      {"מיליון שמונה מאות", 1800000000},
      {"מיליון ושמונה מאות", 1800000000},
      {"מיליון שמונה מאות אלף", 1800000000},
      {"מיליון ושמונה מאות אלף", 1800000000},
      {"מיליון מאתיים חמישים", 1250000000},
      {"שלושה מיליון", 3 * kM},
      {"2.5 מיליון", 2500000000},
      {"1.8 מיליון", 1800000000},
      {"אחד נקודה שמונה מיליון", 1800000000},
      {"מיליון ורבע", 1250000000},
      {"שלושה וחצי", 3500},
      {"3 וחצי", 3500},
      {"כמיליון", kM},
      {"עד", -1},
      {"שני מיליון ומאתיים אלף", 2200000000},
      {"שבע מאות וחמישים אלף", 750000000},
      {"עשרת אלפים", 10000000},
      {"אחד עשר אלף", 11000000},
      {"מאה אלף", 100000000},
      {"מאתיים אלף", 200000000},
  };
  for (const NumberCase& c : cases) EXPECT_EQ(read_all(c.text), c.milli) << c.text;
}

TEST(Numbers, StopsWhereTheNumberStops) {
  struct Stop {
    std::string_view text;
    std::int64_t milli;
    std::size_t end;
  };
  const Stop cases[] = {{"a million and two baths", 1'000'000'000, 2},
                        {"two million four rooms", 2'000'000'000, 2},
                        {"four rooms", 4000, 1},
                        {"five, six", 5000, 1},
                        {"ארבעה חדרים", 4000, 1},
                        {"מיליון. שמונה מאות", 1'000'000'000, 1},
                        {"3 and Haifa", 3000, 1},
                        {"12 34", 12000, 1}};
  for (const Stop& c : cases) {
    const auto number = parse_number(split_words(clean_text(c.text)), 0);
    ASSERT_TRUE(number) << c.text;
    EXPECT_EQ(number->milli, c.milli) << c.text;
    EXPECT_EQ(number->end, c.end) << c.text;
  }
  EXPECT_FALSE(parse_number(split_words("hello"), 0));
  EXPECT_FALSE(parse_number(split_words("and"), 0));
  EXPECT_FALSE(parse_number({}, 0));
}

struct DigitCase {
  std::string_view text;
  std::string_view digits;
};

TEST(Numbers, ReadsDictatedDigits) {
  const DigitCase cases[] = {
      {"zero five four one two three four five six seven", "0541234567"},
      {"0 5 4 1 2 3 4 5 6 7", "0541234567"},
      {"054-123-4567", "0541234567"},
      {"054.123.4567", "0541234567"},
      {"0541234567", "0541234567"},
      {"oh five four, one two three, four five six seven", "0541234567"},
      {"zero five four, one twenty three, forty five, sixty seven", "0541234567"},
      {"zero five two double five one two three four", "052551234"},
      {"triple five one two", "55512"},
      {"zero five four to for won seven", "0542417"},
      {"zero 54 uh 123 4567", "0541234567"},
      {"five hundred twelve", "512"},
      {"plus nine seven two 54 1234567", "972541234567"},
      {"+972 54 123 4567", "972541234567"},
      {"617-555-0123", "6175550123"},
      {"eight hundred five five five", "800555"},
      {"אפס חמש שתיים אחת שתיים שלוש ארבע חמש שש שבע", "0521234567"},
      {"אפס חמישים ושתיים שלוש מאות עשרים ואחת", "052321"},
      {"אפס חמישים ארבע", "0504"},
      {"אפס חמש ארבע, אממ, שלוש שלוש שלוש, ארבע ארבע, חמישים וחמש", "0543334455"},
      {"אפס חמש אפס פעמיים חמש שש", "050556"},
      {"052-1234567", "0521234567"},
      {"חמש עשרה", "15"},
      {"שלוש עשרה", "13"},
      {"05, 41, 23, 45, 67", "0541234567"},
  };
  for (const DigitCase& c : cases) {
    EXPECT_EQ(parse_digits(split_words(clean_text(c.text)), 0).digits, c.digits) << c.text;
  }
}

TEST(Numbers, SaysHebrewInTheRightGender) {
  EXPECT_EQ(say_number_he(3, Gender::kFeminine), "שלוש");
  EXPECT_EQ(say_number_he(3, Gender::kMasculine), "שלושה");
  EXPECT_EQ(say_number_he(12, Gender::kFeminine), "שתים עשרה");
  EXPECT_EQ(say_number_he(12, Gender::kMasculine), "שנים עשר");
  EXPECT_EQ(say_number_he(21, Gender::kFeminine), "עשרים ואחת");
  EXPECT_EQ(say_number_he(125, Gender::kMasculine), "מאה עשרים וחמישה");
  EXPECT_EQ(say_number_he(1250, Gender::kFeminine), "אלף מאתיים וחמישים");
  EXPECT_EQ(say_number_he(5000, Gender::kMasculine), "חמשת אלפים");
  EXPECT_EQ(say_number_he(15000, Gender::kMasculine), "חמישה עשר אלף");
  EXPECT_EQ(say_number_he(900000, Gender::kMasculine), "תשע מאות אלף");
  EXPECT_EQ(say_number_he(1800000, Gender::kMasculine), "מיליון ושמונה מאות אלף");
  EXPECT_EQ(say_number_he(2000000, Gender::kMasculine), "שני מיליון");
  EXPECT_EQ(say_milli(2'500'000'000, true, Gender::kMasculine), "שני מיליון וחצי");
  EXPECT_EQ(say_milli(1'500'000'000, true, Gender::kMasculine), "מיליון וחצי");
  EXPECT_EQ(say_milli(3500, true, Gender::kMasculine), "שלושה וחצי");
  EXPECT_EQ(say_count_he(2, Gender::kMasculine), "שני");
  EXPECT_EQ(say_count_he(2, Gender::kFeminine), "שתי");
}

TEST(Numbers, SaysEnglish) {
  EXPECT_EQ(say_number_en(0), "zero");
  EXPECT_EQ(say_number_en(42), "forty-two");
  EXPECT_EQ(say_number_en(105), "one hundred and five");
  EXPECT_EQ(say_number_en(1005), "one thousand and five");
  EXPECT_EQ(say_number_en(900000), "nine hundred thousand");
  EXPECT_EQ(say_number_en(1250000), "one million two hundred and fifty thousand");
  EXPECT_EQ(say_milli(2'500'000'000, false, Gender::kMasculine), "two and a half million");
  EXPECT_EQ(say_milli(3500, false, Gender::kMasculine), "three and a half");
  EXPECT_EQ(say_milli(1800, false, Gender::kMasculine), "one point eight");
}

TEST(Numbers, SaysDigitsInGroups) {
  EXPECT_EQ(say_digits("0541234567", false), "zero five four, one two three, four five six seven");
  EXPECT_EQ(say_digits("0541234567", true), "אפס חמש ארבע, אחת שתיים שלוש, ארבע חמש שש שבע");
  EXPECT_EQ(say_digits("4567", false), "four five six seven");
}

// Whatever is said can be read back: both directions agree.
TEST(Numbers, WhatIsSaidIsReadBack) {
  for (const std::int64_t value :
       {1,      2,      3,      7,      10,      11,      12,      15,      19,      20,      21,
        37,     99,     100,    101,    110,     125,     200,     250,     300,     315,     999,
        1000,   1500,   2000,   3000,   4500,    10000,   11000,   15500,   20000,   99000,   100000,
        125000, 250000, 900000, 999000, 1000000, 1250000, 1800000, 2000000, 2500000, 12000000}) {
    EXPECT_EQ(read_all(say_number_en(value)), value * kMilli) << say_number_en(value);
    EXPECT_EQ(read_all(say_number_he(value, Gender::kMasculine)), value * kMilli)
        << say_number_he(value, Gender::kMasculine);
    EXPECT_EQ(read_all(say_number_he(value, Gender::kFeminine)), value * kMilli)
        << say_number_he(value, Gender::kFeminine);
  }
}

}  // namespace
}  // namespace al::dialog
