// Telephone numbers as callers dictate them, to E.164 and back into words. Pure and thread-safe.
// Numbering: ITU-T E.164; Israel's plan (0 5X + 7, 0 7X + 7, 0 [23489] + 7 digits); the North American plan (NXX NXX
// XXXX).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/words.h"

namespace al::dialog {

enum class PhoneProblem { kNone, kTooShort, kTooLong, kNotANumber };
[[nodiscard]] std::string_view to_string(PhoneProblem problem);

struct PhoneCheck {
  std::string e164;  // "+972541234567"; empty when there is a problem
  PhoneProblem problem = PhoneProblem::kNone;
};

// `digits`: digits only. `plus`: an international prefix was given. `country` (ISO 3166: IL, US, CA, GB) decides how a
// number without one is read; numbers that fit the Israeli or the North American plan are taken in every country.
[[nodiscard]] PhoneCheck check_phone(std::string_view digits, bool plus, std::string_view country);

struct PhoneFind {
  std::string digits;
  bool plus = false;
  PhoneCheck check;
  std::size_t begin = 0;  // words
  std::size_t end = 0;
};
// Runs of at least `min_digits` digits in the text, valid or not, in order.
[[nodiscard]] std::vector<PhoneFind> find_phones(const std::vector<Word>& words, std::string_view country,
                                                 std::size_t min_digits);

// "+972541234567" -> "0541234567" at home, "+16175550123" otherwise: what one would say.
[[nodiscard]] std::string national_digits(std::string_view e164, std::string_view country);

}  // namespace al::dialog
