#include "dialog/words.h"

#include <algorithm>
#include <array>

#include "core/utf8.h"

namespace al::dialog {
namespace {

bool is_invisible(char32_t c) {
  return (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x34F || c == 0x61C || c == 0x115F || c == 0x1160 ||
         c == 0x17B4 || c == 0x17B5 || (c >= 0x180B && c <= 0x180F) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x3164 || (c >= 0xFE00 && c <= 0xFE0F) ||
         c == 0xFEFF || c == 0xFFA0 || (c >= 0xFFF0 && c <= 0xFFFF) || (c >= 0xE000 && c <= 0xF8FF) || c >= 0xE0000;
}

char32_t fold(char32_t c) {
  if (c >= 0xFF01 && c <= 0xFF5E) return c - 0xFEE0;
  switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x201A:
    case 0x2032:
    case 0x05F3:
    case 0x60:
    case 0xB4:
      return U'\'';
    case 0x201C:
    case 0x201D:
    case 0x201E:
    case 0x2033:
    case 0x05F4:
    case 0xAB:
    case 0xBB:
      return U'"';
    case 0x2010:
    case 0x2011:
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212:
    case 0x05BE:
      return U'-';
    case 0x2026:
      return U'.';
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
      return U' ';
    default:
      return c >= 0x2000 && c <= 0x200A ? U' ' : c;
  }
}

bool is_hebrew_mark(char32_t c) {
  return c >= 0x0591 && c <= 0x05C7 && c != 0x05BE && c != 0x05C0 && c != 0x05C3;
}
bool is_digit(char32_t c) {
  return c >= U'0' && c <= U'9';
}
bool is_latin(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7);
}
bool is_letter(char32_t c) {
  return is_latin(c) || is_hebrew_letter(c) || (c >= 0x370 && c <= 0x1FFF && !is_hebrew_mark(c)) ||
         (c >= 0x2C00 && c <= 0xD7FF) || (c >= 0x10000 && c < 0x1F000);
}
bool is_capital(char32_t c) {
  return (c >= U'A' && c <= U'Z') || (c >= 0xC0 && c <= 0xDE);
}
char32_t lower(char32_t c) {
  return is_capital(c) ? c + 32 : c;
}

struct Scanner {
  std::vector<char32_t> codes;
  std::vector<std::uint32_t> offsets;  // one more than codes
  std::size_t at = 0;

  explicit Scanner(std::string_view text) {
    std::uint32_t offset = 0;
    while (!text.empty()) {
      const std::size_t before = text.size();
      offsets.push_back(offset);
      codes.push_back(take_codepoint(text));
      offset += static_cast<std::uint32_t>(before - text.size());
    }
    offsets.push_back(offset);
  }
  [[nodiscard]] char32_t peek(std::size_t ahead = 0) const {
    return at + ahead < codes.size() ? codes[at + ahead] : U'\0';
  }
};

// "1,250,000", "2.5", "17:30": separators that stand between digits belong to the number.
void take_number(Scanner& in, Word& word, bool after_point) {
  bool point = false;
  while (in.at < in.codes.size()) {
    const char32_t c = in.peek();
    if (is_digit(c)) {
      word.text.push_back(static_cast<char>(c));
      ++in.at;
    } else if (c == U',' && is_digit(in.peek(1)) && is_digit(in.peek(2)) && is_digit(in.peek(3)) &&
               !is_digit(in.peek(4)) && !point) {
      ++in.at;
    } else if (c == U'.' && is_digit(in.peek(1)) && !point && !after_point && word.text.size() <= 9) {
      std::size_t digits = 1;
      while (is_digit(in.peek(1 + digits))) ++digits;
      const char32_t after = in.peek(1 + digits);
      if (after == U'.' && is_digit(in.peek(2 + digits))) return;  // a date or a dotted phone number
      point = true;
      word.text.push_back('.');
      ++in.at;
    } else {
      return;
    }
  }
}

void take_letters(Scanner& in, Word& word) {
  word.capital = is_capital(in.peek());
  while (in.at < in.codes.size()) {
    const char32_t c = in.peek();
    if (is_hebrew_mark(c)) {
      ++in.at;
    } else if (is_letter(c)) {
      append_utf8(word.text, lower(c));
      ++in.at;
    } else if (c == U'\'' && (is_letter(in.peek(1)) || (in.at > 0 && is_hebrew_letter(in.codes[in.at - 1])))) {
      word.text.push_back('\'');
      ++in.at;
    } else if (c == U'"' && in.at > 0 && is_hebrew_letter(in.codes[in.at - 1]) && is_hebrew_letter(in.peek(1))) {
      ++in.at;  // ש"ח
    } else if (c == U'.' && is_latin(in.peek(1)) && !is_letter(in.peek(2)) && in.at > 0 &&
               is_latin(in.codes[in.at - 1]) && (in.at < 2 || !is_letter(in.codes[in.at - 2]))) {
      ++in.at;  // "p.m."
      append_utf8(word.text, lower(in.peek()));
      ++in.at;
      if (in.peek() == U'.' && in.at + 1 < in.codes.size()) ++in.at;
    } else {
      return;
    }
  }
}

}  // namespace

bool is_hebrew_letter(char32_t c) {
  return c >= 0x05D0 && c <= 0x05EA;
}

std::string clean_text(std::string_view text, std::size_t max_codepoints) {
  std::string out;
  std::size_t count = 0;
  bool blank = true;  // swallows leading blanks
  while (!text.empty() && count < max_codepoints) {
    char32_t c = fold(take_codepoint(text));
    if (c < 0x20) c = U' ';
    if (is_invisible(c)) continue;
    if (c == U' ') {
      if (blank) continue;
      blank = true;
    } else {
      blank = false;
    }
    append_utf8(out, c);
    ++count;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::vector<Word> split_words(std::string_view clean) {
  Scanner in(clean);
  std::vector<Word> words;
  bool pause = false;
  bool stop = false;
  char joint = 0;
  bool blank = true;
  const auto push = [&](Word word) {
    word.pause_before = pause || stop;
    word.stop_before = stop;
    word.joint = blank ? '\0' : joint;
    pause = stop = blank = false;
    joint = '\'';
    words.push_back(std::move(word));
  };
  while (in.at < in.codes.size()) {
    const char32_t c = in.peek();
    Word word;
    word.begin = in.offsets[in.at];
    if (is_digit(c)) {
      take_number(in, word, !blank && joint == '.');
    } else if (is_letter(c)) {
      take_letters(in, word);
    } else if (c == U'$' || c == U'%' || c == 0x20AA || c == 0x20AC || c == 0xA3 ||
               (c == U'+' && is_digit(in.peek(1)))) {
      append_utf8(word.text, c);
      ++in.at;
    } else if (c == 0xBD) {
      word.text = ".5";
      ++in.at;
    } else {
      if (c == U' ') {
        blank = true;
      } else if (c == U'.' || c == U'!' || c == U'?' || c == U';') {
        if (c != U'.' || in.at + 1 >= in.codes.size() || in.peek(1) == U' ') stop = true;
        joint = '.';
      } else if (c == U'-' || c == U'/' || c == U':') {
        joint = static_cast<char>(c);
        if (blank) pause = true;
      } else if (c == U',' || c == U'(' || c == U')') {
        pause = true;
        joint = ',';
      }
      ++in.at;
      continue;
    }
    word.end = in.offsets[in.at];
    if (!word.text.empty()) push(std::move(word));
  }
  return words;
}

std::string normal_form(std::string_view text) {
  std::string out;
  for (const Word& word : split_words(clean_text(text, 4000))) {
    if (!out.empty()) out.push_back(' ');
    out += word.text;
  }
  return out;
}

int count_words(std::string_view text) {
  int count = 0;
  for (const Word& word : split_words(clean_text(text, 4000))) count += word.joint == '\'' ? 0 : 1;
  return count;
}

bool has_hebrew(std::string_view text) {
  while (!text.empty()) {
    if (is_hebrew_letter(take_codepoint(text))) return true;
  }
  return false;
}

bool is_number_text(std::string_view word) {
  int points = 0;
  int digits = 0;
  for (const char c : word) {
    if (c == '.') {
      ++points;
    } else if (c >= '0' && c <= '9') {
      ++digits;
    } else {
      return false;
    }
  }
  return digits > 0 && points <= 1;
}

std::vector<std::string_view> hebrew_stems(std::string_view word) {
  static constexpr std::array<std::string_view, 7> kPrefixes = {"ו", "ה", "ש", "ב", "ל", "מ", "כ"};
  std::vector<std::string_view> stems{word};
  for (int i = 0; i < 3; ++i) {
    const auto hit = std::ranges::find_if(kPrefixes, [&](std::string_view p) { return word.starts_with(p); });
    if (hit == kPrefixes.end() || word.size() < hit->size() + 4) break;
    word.remove_prefix(hit->size());
    if (word.starts_with('\'')) break;  // the geresh belonged to the letter taken off
    stems.push_back(word);
  }
  return stems;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, word) != list.end();
}

namespace {

// One of hebrew_stems(word), without making the list: this runs for every form of every value of a slot.
bool is_stem(std::string_view word, std::string_view part) {
  if (part.size() < 4 || word.size() <= part.size() || word.size() > part.size() + 6 || !word.ends_with(part))
    return false;
  if (part.starts_with('\'')) return false;
  std::string_view prefix = word.substr(0, word.size() - part.size());
  while (!prefix.empty()) {
    if (prefix.size() < 2 || !one_of(prefix.substr(0, 2), {"ו", "ה", "ש", "ב", "ל", "מ", "כ"})) return false;
    prefix.remove_prefix(2);
  }
  return true;
}

}  // namespace

std::size_t match_at(const std::vector<Word>& words, std::size_t at, std::string_view phrase, bool stems) {
  std::size_t count = 0;
  while (!phrase.empty()) {
    const std::size_t blank = phrase.find(' ');
    const std::string_view part = phrase.substr(0, blank);
    phrase = blank == std::string_view::npos ? std::string_view{} : phrase.substr(blank + 1);
    if (part.empty()) continue;
    if (at + count >= words.size()) return 0;
    const Word& word = words[at + count];
    if (count > 0 && word.stop_before) return 0;
    bool same = word.text == part;
    if (!same && stems && count == 0) same = is_stem(word.text, part);
    if (!same) return 0;
    ++count;
  }
  return count;
}

bool contains_phrase(const std::vector<Word>& words, std::string_view phrase, bool stems) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (match_at(words, i, phrase, stems) > 0) return true;
  }
  return false;
}

bool contains_any(const std::vector<Word>& words, std::initializer_list<std::string_view> phrases) {
  return std::ranges::any_of(phrases, [&](std::string_view phrase) { return contains_phrase(words, phrase, false); });
}

int edit_distance(std::string_view a_text, std::string_view b_text) {
  const std::vector<char32_t> a = decode_utf8(a_text);
  const std::vector<char32_t> b = decode_utf8(b_text);
  const std::size_t width = b.size() + 1;
  std::vector<int> d((a.size() + 1) * width);
  for (std::size_t i = 0; i <= a.size(); ++i) d[i * width] = static_cast<int>(i);
  for (std::size_t j = 0; j <= b.size(); ++j) d[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      int best = std::min(d[(i - 1) * width + j], d[i * width + j - 1]) + 1;
      best = std::min(best, d[(i - 1) * width + j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        best = std::min(best, d[(i - 2) * width + j - 2] + 1);
      }
      d[i * width + j] = best;
    }
  }
  return d.back();
}

}  // namespace al::dialog
