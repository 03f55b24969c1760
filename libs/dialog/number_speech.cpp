// Putting numbers into words. Hebrew counts in two genders, and says "ו" before the last part.
#include <array>

#include "dialog/numbers.h"

namespace al::dialog {
namespace {

using Names = std::array<std::string_view, 20>;

constexpr Names kEnglish = {"zero",     "one",     "two",     "three",     "four",     "five",    "six",
                            "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                            "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 10> kEnglishTens = {"",      "",      "twenty",  "thirty", "forty",
                                                           "fifty", "sixty", "seventy", "eighty", "ninety"};
constexpr Names kFeminine = {"אפס",       "אחת",      "שתיים",   "שלוש",     "ארבע",       "חמש",       "שש",
                             "שבע",       "שמונה",    "תשע",     "עשר",      "אחת עשרה",   "שתים עשרה", "שלוש עשרה",
                             "ארבע עשרה", "חמש עשרה", "שש עשרה", "שבע עשרה", "שמונה עשרה", "תשע עשרה"};
constexpr Names kMasculine = {"אפס",       "אחד",       "שניים",    "שלושה",    "ארבעה",     "חמישה",    "שישה",
                              "שבעה",      "שמונה",     "תשעה",     "עשרה",     "אחד עשר",   "שנים עשר", "שלושה עשר",
                              "ארבעה עשר", "חמישה עשר", "שישה עשר", "שבעה עשר", "שמונה עשר", "תשעה עשר"};
constexpr std::array<std::string_view, 10> kHebrewTens = {"",       "",      "עשרים", "שלושים", "ארבעים",
                                                          "חמישים", "שישים", "שבעים", "שמונים", "תשעים"};
constexpr std::array<std::string_view, 10> kHebrewHundreds = {
    "", "מאה", "מאתיים", "שלוש מאות", "ארבע מאות", "חמש מאות", "שש מאות", "שבע מאות", "שמונה מאות", "תשע מאות"};
constexpr std::array<std::string_view, 11> kHebrewThousands = {
    "",          "אלף",        "אלפיים",      "שלושת אלפים", "ארבעת אלפים", "חמשת אלפים",
    "ששת אלפים", "שבעת אלפים", "שמונת אלפים", "תשעת אלפים",  "עשרת אלפים"};

std::string_view name(const Names& names, std::int64_t value) {
  return names.at(static_cast<std::size_t>(value));
}

void add_word(std::string& out, std::string_view word) {
  if (!out.empty()) out.push_back(' ');
  out += word;
}

void english_below_thousand(std::string& out, std::int64_t value) {
  if (value >= 100) {
    add_word(out, name(kEnglish, value / 100));
    add_word(out, "hundred");
    value %= 100;
    if (value == 0) return;
    add_word(out, "and");
  }
  if (value < 20) {
    add_word(out, name(kEnglish, value));
    return;
  }
  std::string word(kEnglishTens.at(static_cast<std::size_t>(value / 10)));
  if (value % 10 != 0) word += "-" + std::string(name(kEnglish, value % 10));
  add_word(out, word);
}

void hebrew_below_thousand(std::vector<std::string>& parts, std::int64_t value, Gender gender) {
  const Names& names = gender == Gender::kMasculine ? kMasculine : kFeminine;
  if (value >= 100) parts.emplace_back(kHebrewHundreds.at(static_cast<std::size_t>(value / 100)));
  value %= 100;
  if (value == 0) return;
  if (value < 20) {
    parts.emplace_back(name(names, value));
    return;
  }
  parts.emplace_back(kHebrewTens.at(static_cast<std::size_t>(value / 10)));
  if (value % 10 != 0) parts.emplace_back(name(names, value % 10));
}

std::string join_hebrew(const std::vector<std::string>& parts) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += i + 1 == parts.size() ? " ו" : " ";
    out += parts[i];
  }
  return out;
}

std::string hebrew_multiple(std::int64_t count, std::string_view unit) {
  if (count == 1) return std::string(unit);
  if (count == 2) return "שני " + std::string(unit);
  return say_number_he(count, Gender::kMasculine) + " " + std::string(unit);
}

std::string decimals(std::int64_t part, bool hebrew) {
  std::string digits = std::to_string(1000 + part).substr(1);
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  std::string out;
  for (const char c : digits) {
    add_word(out, name(hebrew ? kFeminine : kEnglish, c - '0'));
  }
  return out;
}

}  // namespace

std::string say_number_en(std::int64_t value) {
  if (value < 0) return "minus " + say_number_en(-value);
  if (value == 0) return "zero";
  std::string out;
  constexpr std::array<std::pair<std::int64_t, std::string_view>, 3> kScales = {
      {{1'000'000'000, "billion"}, {1'000'000, "million"}, {1000, "thousand"}}};
  for (const auto& [scale, word] : kScales) {
    if (value < scale) continue;
    add_word(out, say_number_en(value / scale));
    add_word(out, word);
    value %= scale;
  }
  if (value > 0) {
    if (!out.empty() && value < 100) add_word(out, "and");
    english_below_thousand(out, value);
  }
  return out;
}

std::string say_number_he(std::int64_t value, Gender gender) {
  if (value < 0) return "מינוס " + say_number_he(-value, gender);
  if (value == 0) return "אפס";
  std::vector<std::string> parts;
  if (value >= 1'000'000'000) parts.push_back(hebrew_multiple(value / 1'000'000'000, "מיליארד"));
  value %= 1'000'000'000;
  if (value >= 1'000'000) parts.push_back(hebrew_multiple(value / 1'000'000, "מיליון"));
  value %= 1'000'000;
  const std::int64_t thousands = value / 1000;
  if (thousands > 10) {
    parts.push_back(say_number_he(thousands, Gender::kMasculine) + " אלף");
  } else if (thousands > 0) {
    parts.emplace_back(kHebrewThousands.at(static_cast<std::size_t>(thousands)));
  }
  hebrew_below_thousand(parts, value % 1000, gender);
  return join_hebrew(parts);
}

std::string say_count_he(std::int64_t value, Gender gender) {
  if (value == 2) return gender == Gender::kMasculine ? "שני" : "שתי";
  return say_number_he(value, gender);
}

std::string say_milli(std::int64_t milli, bool hebrew, Gender gender) {
  const std::int64_t part = milli % kMilli;
  const std::int64_t whole = milli / kMilli;
  if (whole >= 1'000'000 && milli % (500'000 * kMilli) == 0 && milli % (1'000'000 * kMilli) != 0) {
    const std::int64_t millions = whole / 1'000'000;  // "two and a half million", "שני מיליון וחצי"
    if (hebrew) return hebrew_multiple(millions, "מיליון") + " וחצי";
    return say_number_en(millions) + " and a half million";
  }
  const std::string base = hebrew ? say_number_he(whole, gender) : say_number_en(whole);
  if (part == 0) return base;
  if (part == 500) {
    if (whole == 0) return hebrew ? "חצי" : "half";
    return base + (hebrew ? " וחצי" : " and a half");
  }
  return base + (hebrew ? " נקודה " : " point ") + decimals(part, hebrew);
}

std::string say_digits(std::string_view text, bool hebrew) {
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  // 3-3-4 for ten digits (054 123 4567), 2-3-4 for nine (03 123 4567), fours otherwise from the end.
  std::string out;
  const std::size_t size = digits.size();
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t left = size - i;
    const bool gap = size >= 9 ? (left == 7 || left == 4) && i > 0 : size > 5 && left % 4 == 0 && i > 0;
    if (gap) out.push_back(',');
    add_word(out, name(hebrew ? kFeminine : kEnglish, digits[i] - '0'));
  }
  return out;
}

}  // namespace al::dialog
