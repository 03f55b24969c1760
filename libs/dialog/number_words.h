// The vocabulary of spoken numbers in both languages. Internal to this room's number readers.
#pragma once

#include <cstdint>
#include <string_view>

namespace al::dialog {

enum class NumberWordKind {
  kUnit,            // 0-9
  kTeen,            // 10-19; Hebrew "עשר" is also the second half of 11-19
  kTen,             // 20, 30 … 90
  kHundreds,        // multiplies the unit before it: "hundred", "מאות"
  kHundred,         // 100 and 200 in one Hebrew word
  kMultiplier,      // thousand, million, billion
  kFixedThousands,  // "אלפיים"
  kHalf,            // value in thousandths
  kQuarter,
  kPoint,  // "point", "נקודה"
};

struct NumberWord {
  NumberWordKind kind = NumberWordKind::kUnit;
  std::int64_t value = 0;
};

struct NumberLook {
  NumberWord entry;
  bool found = false;
  bool with_and = false;  // the Hebrew "ו" was in front
};

// `any_prefix`: all Hebrew prefixes may stand in front ("בארבע", "כמיליון"); otherwise only "ו".
[[nodiscard]] NumberLook look_up_number(std::string_view word, bool any_prefix);

}  // namespace al::dialog
