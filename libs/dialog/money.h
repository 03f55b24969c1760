// Sums of money as callers name them. Pure and thread-safe.
// Canonical form, kept in slots and leads: "1800000 ILS", a range "900000-1200000 ILS", at least ">=900000 ILS", and
// with "/month" for a rent. A limit ("up to") is written as the sum itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/words.h"

namespace al::dialog {

struct Money {
  std::int64_t low = 0;  // whole units of the currency; low == high unless a range was said
  std::int64_t high = 0;
  std::string currency;  // ISO 4217; empty = not said
  bool per_month = false;
  bool at_least = false;
  bool sure = false;      // a unit, a currency or a word such as "budget" says that it is money
  std::size_t begin = 0;  // words
  std::size_t end = 0;

  friend bool operator==(const Money&, const Money&) = default;
};

// All sums in the text, in order. Numbers that count something else ("four rooms", "80 meters") are left out.
[[nodiscard]] std::vector<Money> find_money(const std::vector<Word>& words);

// A bare number as an answer to "what is your budget": "900" is 900 thousand, "1.8" is 1.8 million, when the range
// min..max allows it. nullopt = it cannot be meant.
[[nodiscard]] std::optional<Money> settle_money(Money money, std::int64_t min, std::int64_t max);

[[nodiscard]] std::string to_canonical(const Money& money, std::string_view default_currency);
[[nodiscard]] std::optional<Money> from_canonical(std::string_view text);
// "two and a half million shekels a month", "מיליון ושמונה מאות אלף שקלים"
[[nodiscard]] std::string say_money(const Money& money, bool hebrew);
// "1,800,000 ₪": for written messages
[[nodiscard]] std::string write_money(const Money& money);

}  // namespace al::dialog
