// Runs of digits as people dictate them: one by one, in pairs and groups, with "double", fillers and homophones.
#include "dialog/number_words.h"
#include "dialog/numbers.h"

namespace al::dialog {
namespace {

using Kind = NumberWordKind;

int spoken_digit(std::string_view word) {
  if (one_of(word, {"o", "oh", "ou"})) return 0;
  const NumberLook look = look_up_number(word, false);
  return look.found && look.entry.kind == Kind::kUnit ? static_cast<int>(look.entry.value) : -1;
}

bool is_filler(std::string_view word) {
  return one_of(word, {"uh", "um", "er", "erm", "hmm", "dash", "hyphen", "space", "then", "אממ", "אה", "אמ", "מקף",
                       "ואז", "אז", "רווח"});
}

int homophone(std::string_view word) {
  if (one_of(word, {"to", "too"})) return 2;
  if (one_of(word, {"for", "fore"})) return 4;
  if (word == "won") return 1;
  if (word == "ate") return 8;
  return -1;
}

std::size_t take_run_word(const std::vector<Word>& words, std::size_t at, std::string& out);

// "three hundred" was read as "300": a ten or teen right after it ("twenty one") takes the place of the zeros.
std::size_t fill_hundred(const std::vector<Word>& words, std::size_t at, std::string& out) {
  if (at >= words.size() || words[at].pause_before) return 0;
  const NumberLook look = look_up_number(words[at].text, false);
  const bool and_unit = look.with_and && look.entry.kind == Kind::kUnit && look.entry.value > 0;
  if (!look.found || (look.entry.kind != Kind::kTen && look.entry.kind != Kind::kTeen && !and_unit)) return 0;
  std::string part;
  const std::size_t used = take_run_word(words, at, part);
  if (used == 0 || part.size() > 2) return 0;
  out.resize(out.size() - part.size());
  out += part;
  return used;
}

// One word (or a pair such as "fifty two") of a run; returns the number of words used, 0 = not a digit word.
std::size_t take_run_word(const std::vector<Word>& words, std::size_t at, std::string& out) {
  const std::string& word = words[at].text;
  if (is_number_text(word) && word.find('.') == std::string::npos) {
    out += word;
    return 1;
  }
  if (const int digit = spoken_digit(word); digit >= 0) {
    std::size_t used = 1;
    out.push_back(static_cast<char>('0' + digit));
    const std::size_t next = at + 1;
    if (next < words.size() && !words[next].pause_before) {
      const NumberLook look = look_up_number(words[next].text, false);
      if (look.found && look.entry.kind == Kind::kHundreds) {  // "five hundred", "five hundred twelve"
        out += "00";
        used += 1 + fill_hundred(words, next + 1, out);
      } else if (look.found && look.entry.value == 10 && digit > 0 && has_hebrew(words[next].text) && !look.with_and) {
        out.back() = '1';  // "שלוש עשרה"
        out.push_back(static_cast<char>('0' + digit));
        ++used;
      }
    }
    return used;
  }
  const NumberLook look = look_up_number(word, false);
  if (!look.found) return 0;
  if (look.entry.kind == Kind::kTeen || look.entry.kind == Kind::kHundred) {
    out += std::to_string(look.entry.value);
    return look.entry.kind == Kind::kTeen ? 1 : 1 + fill_hundred(words, at + 1, out);
  }
  if (look.entry.kind != Kind::kTen) return 0;
  std::int64_t value = look.entry.value;
  std::size_t used = 1;
  if (at + 1 < words.size() && !words[at + 1].pause_before) {
    const NumberLook unit = look_up_number(words[at + 1].text, false);
    const bool hebrew = has_hebrew(words[at + 1].text);
    if (unit.found && unit.entry.kind == Kind::kUnit && unit.entry.value > 0 && hebrew == unit.with_and) {
      value += unit.entry.value;
      ++used;
    }
  }
  out += std::to_string(value);
  return used;
}

}  // namespace

DigitRun parse_digits(const std::vector<Word>& words, std::size_t at) {
  DigitRun run;
  run.begin = run.end = at;
  std::size_t i = at;
  if (i < words.size() && (words[i].text == "+" || words[i].text == "plus" || words[i].text == "פלוס")) {
    run.plus = true;
    ++i;
  }
  while (i < words.size() && run.digits.size() <= 20) {
    const std::string& word = words[i].text;
    if (one_of(word, {"double", "כפול", "פעמיים", "triple"}) && i + 1 < words.size()) {
      std::string part;
      const std::size_t used = take_run_word(words, i + 1, part);
      if (used == 0 || part.size() != 1) break;
      run.digits.append(word == "triple" ? 3 : 2, part[0]);
      i += 1 + used;
    } else if (const std::size_t used = take_run_word(words, i, run.digits); used > 0) {
      i += used;
    } else if (const int digit = homophone(word);
               digit >= 0 && run.digits.size() >= 2 && run.end == i &&
               (i + 1 == words.size() || spoken_digit(words[i + 1].text) >= 0 || is_number_text(words[i + 1].text) ||
                homophone(words[i + 1].text) >= 0)) {
      run.digits.push_back(static_cast<char>('0' + digit));
      ++i;
    } else if (!run.digits.empty() && is_filler(word)) {
      ++i;
      continue;  // a trailing filler does not belong to the run
    } else {
      break;
    }
    run.end = i;
  }
  if (run.digits.empty()) run.end = at;
  return run;
}

}  // namespace al::dialog
