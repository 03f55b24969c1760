// How long an answer may be in characters (LLM_MAX_CHARS), and whose sentences that does not concern. Pure,
// thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dialog/persona.h"

namespace al::dialog {

// The beginning of a sentence that fits into `max_chars` code points with a full stop behind it: up to the end of its
// last clause that does (a comma, semicolon, colon or dash with a blank after it), and of two words at least. Where no
// clause fits: with `at_word` up to a word's end, else empty. Never ends inside a word. A sentence that fits comes back
// as it is.
[[nodiscard]] std::string cut_at_clause(std::string_view sentence, std::size_t max_chars, bool at_word);

// The sentences a persona says without a model: as they stand, and with values in their placeholders.
class PersonaSentences {
 public:
  explicit PersonaSentences(const Persona& persona);
  [[nodiscard]] bool contains(std::string_view sentence) const;

 private:
  void add(std::string_view text);
  std::vector<std::string> whole_;                              // normal forms, sorted
  std::vector<std::pair<std::string, std::string>> templates_;  // what stands before and after the placeholders
};

}  // namespace al::dialog
