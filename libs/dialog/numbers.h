// Spoken numbers, Hebrew and English: read from words, and put into words. Values are exact, in thousandths.
// Pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/words.h"

namespace al::dialog {

inline constexpr std::int64_t kMilli = 1000;  // one, in thousandths
inline constexpr std::int64_t kMaxNumber = 1'000'000'000'000;

struct ParsedNumber {
  std::int64_t milli = 0;
  std::size_t end = 0;     // index of the first word after it
  std::int64_t scale = 1;  // the largest of 1000, 1'000'000, 1'000'000'000 that was named; 1 = none
  bool fraction = false;   // a half, a quarter or decimals were said
  bool numeral = false;    // written in digits
};

// A number that begins at words[at]: "3.5", "two and a half million", "900k", "שני מיליון וחצי", "מיליון שמונה מאות"
// (thousands are understood), "חצי מיליון". The first word may carry Hebrew prefixes.
[[nodiscard]] std::optional<ParsedNumber> parse_number(const std::vector<Word>& words, std::size_t at);

struct DigitRun {
  std::string digits;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool plus = false;  // an international prefix was said
};

// The run of digits that begins at words[at], said one by one, in pairs or groups, with "double", "triple", "פעמיים",
// hesitations and dashes in between; "o" is zero, and "to", "for" count inside a run. Empty digits = none.
[[nodiscard]] DigitRun parse_digits(const std::vector<Word>& words, std::size_t at);

enum class Gender { kFeminine, kMasculine };  // of the counted thing; Hebrew counts without a thing in the feminine

[[nodiscard]] std::string say_number_en(std::int64_t value);
[[nodiscard]] std::string say_number_he(std::int64_t value, Gender gender);
// Before a noun: "שני", "שתי". Otherwise as say_number_he.
[[nodiscard]] std::string say_count_he(std::int64_t value, Gender gender);
// With halves and decimals: "שלושה וחצי", "two and a half", "one point eight".
[[nodiscard]] std::string say_milli(std::int64_t milli, bool hebrew, Gender gender);
// Digit by digit with a comma between groups ("zero five four, one two three"); other characters are left out.
[[nodiscard]] std::string say_digits(std::string_view digits, bool hebrew);

}  // namespace al::dialog
