// Comparing transcripts in tests and benchmarks. For tests only.
#pragma once

#include <algorithm>
#include <cctype>
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

// Whether the text holds one of the alternatives "a|b", as whole words.
inline bool contains_any(std::string_view text, std::string_view alternatives) {
  const std::string padded = " " + plain_words(text) + " ";
  const auto all = split(alternatives, '|');
  return std::any_of(all.begin(), all.end(), [&](std::string_view alternative) {
    return padded.find(" " + plain_words(alternative) + " ") != std::string::npos;
  });
}

// Word substitutions, insertions and deletions that turn `said` into `heard`.
inline std::size_t word_errors(std::string_view said, std::string_view heard) {
  const std::string said_plain = plain_words(said);
  const std::string heard_plain = plain_words(heard);
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
