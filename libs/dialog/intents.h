// What a caller's words do, apart from the facts they hold: agree, refuse, ask for a person, say goodbye.
// Hebrew and English at once, whatever the persona's language. Pure and thread-safe.
#pragma once

#include <string_view>
#include <vector>

#include "dialog/persona.h"
#include "dialog/words.h"

namespace al::dialog {

enum class Intent {
  kNone,
  kYes,
  kNo,
  kWhatsApp,  // wants it in writing
  kCallback,  // wants to be called, a meeting, a visit
  kHuman,     // wants a person
  kRobot,     // asks whether this is a person
  kRepeat,    // did not hear us
  kWait,      // needs a moment
  kQuestion,  // asks something else
};
[[nodiscard]] std::string_view to_string(Intent intent);

[[nodiscard]] Intent find_intent(const std::vector<Word>& words, std::string_view clean);
// "yes" or "no" as the gist of an answer to a yes/no question, whatever else is said; kNone = neither or both.
[[nodiscard]] Intent find_answer(const std::vector<Word>& words);

// The caller ends the call: a farewell of the persona as the whole utterance or as its end. "I want to buy" is none.
[[nodiscard]] bool is_goodbye(const std::vector<Word>& words, const Persona& persona);

// The caller takes something back: "no, …", "actually", "I meant", "סליחה, התכוונתי", "לא, …".
[[nodiscard]] bool has_correction(const std::vector<Word>& words);
// Index of the first word after the last correction marker; 0 = none.
[[nodiscard]] std::size_t after_correction(const std::vector<Word>& words);

}  // namespace al::dialog
