// Comparing transcripts in tests and benchmarks. For tests only.
#pragma once

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/text.h"

namespace al::providers::testing {

// Lower case, letters, digits and apostrophes only, words joined with one space.
inline std::string plain_words(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '\'';
    if (c == ',' && !plain.empty() && std::isdigit(static_cast<unsigned char>(plain.back())) != 0) continue;
    if (word) {
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!plain.empty() && plain.back() != ' ') {
      plain += ' ';
    }
  }
  return std::string(trim(plain));
}

// The same with digits for the words zero to nine, and runs of digits written together: "zero five 4" is "054".
inline std::string digits_together(std::string_view text) {
  static constexpr std::string_view kDigits[] = {"zero", "one", "two",   "three", "four",
                                                 "five", "six", "seven", "eight", "nine"};
  const std::string plain = plain_words(text);
  std::string joined;
  bool after_digits = false;
  for (const std::string_view word : split(plain, ' ')) {
    const auto* digit = std::find(std::begin(kDigits), std::end(kDigits), word);
    const std::string written =
        digit == std::end(kDigits) ? std::string(word) : std::to_string(digit - std::begin(kDigits));
    const bool digits = written.find_first_not_of("0123456789") == std::string::npos;
    if (!joined.empty() && !(digits && after_digits)) joined += ' ';
    joined += written;
    after_digits = digits;
  }
  return joined;
}

// Whether the text holds one of the alternatives "a|b", as whole words.
inline bool contains_any(std::string_view text, std::string_view alternatives) {
  const std::string padded = " " + digits_together(text) + " ";
  const auto all = split(alternatives, '|');
  return std::any_of(all.begin(), all.end(), [&](std::string_view alternative) {
    return padded.find(" " + digits_together(alternative) + " ") != std::string::npos;
  });
}

// Word substitutions, insertions and deletions that turn `said` into `heard`.
inline std::size_t word_errors(std::string_view said, std::string_view heard) {
  const std::string said_plain = digits_together(said);
  const std::string heard_plain = digits_together(heard);
  const auto a = split(said_plain, ' ');
  const auto b = split(heard_plain, ' ');
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace al::providers::testing
