// Text as it comes from callers and models, made safe and cut into words. Both languages of the product in one pass:
// Hebrew without vowel points, Latin in lower case, digits in groups as written. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace al::dialog {

// Caller texts longer than this are cut: nobody says more in one turn, and prompts stay bounded.
inline constexpr std::size_t kMaxCallerCodepoints = 1000;

// Valid UTF-8 without control, zero-width, direction, variation and tag characters (which can hide instructions),
// full-width ASCII folded, quotes and dashes made plain, runs of blanks joined, at most `max_codepoints` long.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t max_codepoints = kMaxCallerCodepoints);

struct Word {
  std::string text;         // lower case, no vowel points; "1250000" for "1,250,000"; "$", "₪", "%", "+" alone
  std::uint32_t begin = 0;  // bytes in the cleaned text
  std::uint32_t end = 0;
  bool pause_before = false;  // a comma, dash or the like stands before it
  bool stop_before = false;   // the end of a sentence stands before it
  char joint = 0;             // '-', '/', '.' or ':' that ties it to the word before, or '\'' for "900k"; 0 = blank
  bool capital = false;       // written with a capital letter (Latin)
};

// `clean` must have gone through clean_text.
[[nodiscard]] std::vector<Word> split_words(std::string_view clean);

// The words joined by single blanks: for comparing sentences.
[[nodiscard]] std::string normal_form(std::string_view text);
[[nodiscard]] int count_words(std::string_view text);

[[nodiscard]] bool is_hebrew_letter(char32_t c);
[[nodiscard]] bool has_hebrew(std::string_view text);
[[nodiscard]] bool is_number_text(std::string_view word);  // digits, with at most one decimal point

// The word without up to three of the prefixes ו ה ש ב ל מ כ: "ובחיפה" gives "בחיפה", "חיפה". Never shorter than
// two letters. The word itself comes first.
[[nodiscard]] std::vector<std::string_view> hebrew_stems(std::string_view word);

[[nodiscard]] bool one_of(std::string_view word, std::initializer_list<std::string_view> list);

// Does `phrase` (words of its own) stand in `words` at `at`? Returns the number of words matched, 0 = no. With
// `stems`, the first word may carry Hebrew prefixes.
[[nodiscard]] std::size_t match_at(const std::vector<Word>& words, std::size_t at, std::string_view phrase, bool stems);
// Anywhere in the text, as whole words.
[[nodiscard]] bool contains_phrase(const std::vector<Word>& words, std::string_view phrase, bool stems = true);
[[nodiscard]] bool contains_any(const std::vector<Word>& words, std::initializer_list<std::string_view> phrases);

// Number of single edits (insert, delete, replace, swap of neighbours) between two short words, in code points.
[[nodiscard]] int edit_distance(std::string_view a, std::string_view b);

}  // namespace al::dialog
