// What must not be said, however a model was talked into it: the prompt, the canary, things that were not done, prices
// that nobody gave. Checks a stream of sentences; one object a conversation. Not thread-safe, no I/O.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/persona.h"

namespace al::dialog {

// Things said to have been done. Each needs its tool.
struct Claims {
  bool saved = false;
  bool booked = false;
  bool sent = false;
  bool transferred = false;
};
[[nodiscard]] Claims find_claims(std::string_view sentence);

class LeakGuard {
 public:
  // `prompt`: everything that is told to the model in confidence. What the persona says anyway (facts, phrases, lines,
  // questions) may be said. `canary` may be empty. The persona must outlive the guard.
  LeakGuard(const Persona& persona, std::string_view prompt, std::string_view canary);

  // True when saying `sentence` after what was said before in this answer would give away six words in a row of the
  // prompt, half of the canary in any spelling, or something that looks like a key.
  [[nodiscard]] bool leaks(std::string_view sentence);
  // The sentence was said: later ones are judged together with its end.
  void said(std::string_view sentence);
  void new_answer();

  // Sums that may be named: those of the persona, and those that the caller named; the latter never as a price.
  void allow_sums(std::string_view text);
  [[nodiscard]] bool invents_sum(std::string_view sentence) const;

 private:
  void allow_persona();
  [[nodiscard]] bool persona_names(std::int64_t sum) const;
  [[nodiscard]] bool has_canary(std::string_view compact) const;

  const Persona* persona_;
  bool persona_allowed_ = false;
  std::set<std::uint64_t> secret_grams_;
  std::set<std::int64_t> caller_sums_;
  std::vector<std::string> canary_forms_;
  std::vector<std::string> tail_words_;  // of this answer
  std::string tail_compact_;             // of the whole conversation, bounded
};

}  // namespace al::dialog
