// A model's text made fit for the ear: no markup, no pictures, no addresses; figures, sums, times and telephone numbers
// as words of the persona's language. Pure and thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace al::dialog {

// Without markdown, HTML tags, emoji, links, bracketed stage directions and speaker labels ("Agent:"). Cleaned as
// clean_text does; at most 2000 code points.
[[nodiscard]] std::string strip_markup(std::string_view text);

// Figures and signs as words: "₪1,800,000" -> "מיליון ושמונה מאות אלף שקלים", "4 חדרים" -> "ארבעה חדרים",
// "054-1234567" -> digit by digit, "17:30" -> "half past five in the afternoon". `pronunciations`: whole words
// replaced.
[[nodiscard]] std::string to_speech(std::string_view text, bool hebrew,
                                    const std::map<std::string, std::string>& pronunciations);

// The sentences of a text, each with its end mark; the last may have none.
[[nodiscard]] std::vector<std::string> split_sentences(std::string_view text);

}  // namespace al::dialog
