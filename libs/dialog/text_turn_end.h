// Has the caller finished? An opinion from the words alone: an unfinished sentence, a trailing "and", a hesitation, a
// phone number whose digits are not all there, a complete short answer. Hebrew and English, for partial and final
// texts. Pure and thread-safe; it hears no sound, so the silence rules decide wherever it has no opinion.
#pragma once

#include <string_view>

#include "audio/endpointer.h"
#include "dialog/conversation.h"

namespace al::dialog {

enum class TurnEndReason {
  kNone,            // nothing that speaks for or against an end
  kEmpty,           // no words yet
  kHesitation,      // "אממ", "רגע", "uh", "let me see"
  kOpenWord,        // ends in a word that cannot end a sentence: "and", "in", "של", "the"
  kOpenNumber,      // "two and a", "מיליון ו", "05"
  kDigitsMissing,   // a phone number is being dictated and is not complete
  kDigitsComplete,  // … and it is
  kShortAnswer,     // "yes", "לא", to a question that this answers
  kSentence,        // the recogniser set a full stop, and the words can end here
  kQuestion,        // the caller asks something and the words can end here
};
[[nodiscard]] std::string_view to_string(TurnEndReason reason);

struct TextTurnEnd {
  audio::TurnOpinion opinion;
  TurnEndReason reason = TurnEndReason::kNone;
};

// `text`: the words of this utterance so far. `final_text`: the recogniser says that nothing more comes for this audio.
[[nodiscard]] TextTurnEnd text_turn_end(std::string_view text, const Expectation& expected, bool final_text);

// True for an utterance that only shows attention ("כן", "אהה", "uh-huh", "okay"): it does not confirm an interruption.
[[nodiscard]] bool is_backchannel(std::string_view text, const Persona& persona);

}  // namespace al::dialog
