// Figures into words. Works on the words of the text and keeps everything between them.
#include <algorithm>

#include "dialog/calendar.h"
#include "dialog/money.h"
#include "dialog/numbers.h"
#include "dialog/phone.h"
#include "dialog/speakable.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

// Hebrew nouns that are counted in the feminine; plurals in ים are otherwise taken as masculine, in ות as feminine.
Gender gender_of(std::string_view noun) {
  for (const std::string_view stem : hebrew_stems(noun)) {
    if (one_of(stem,
               {"שנים", "שעות", "דקות", "שניות", "דירות", "קומות", "חניות", "מרפסות", "פעמים", "שנה",   "שעה",
                "דקה",  "דירה", "קומה", "חניה",  "מרפסת", "הצעות", "שאלות", "ערים",   "מיטות", "נפשות", "ספרות"})) {
      return Gender::kFeminine;
    }
    if (one_of(stem, {"שקל",    "שקלים", "דולר",   "אירו",    "חדר",    "חדרים", "חדרי",  "מטר",
                      "מטרים",  "חודש",  "חודשים", "שבוע",    "שבועות", "יום",   "ימים",  "אלף",
                      "מיליון", "אחוז",  "אחוזים", "קילומטר", "ילדים",  "אנשים", "מקומות"})) {
      return Gender::kMasculine;
    }
  }
  if (noun.ends_with("ים")) return Gender::kMasculine;
  return Gender::kFeminine;
}

struct Replacement {
  std::size_t end = 0;  // words used; 0 = none
  std::string text;
};

class Speaker {
 public:
  Speaker(std::string_view text, bool hebrew, const std::map<std::string, std::string>& pronunciations)
      : text_(text), words_(split_words(text)), hebrew_(hebrew), pronunciations_(pronunciations) {}

  std::string run() {
    std::string out;
    std::size_t copied = 0;
    std::size_t i = 0;
    while (i < words_.size()) {
      const Replacement change = at(i);
      if (change.end <= i) {
        ++i;
        continue;
      }
      out += text_.substr(copied, words_[i].begin - copied);
      if (i > 0 && words_[i].joint == '-' && out.ends_with('-')) {
        // "ב-3" keeps its prefix tied to the word; a range "3-4" becomes "three to four".
        out.pop_back();
        const bool range = is_number_text(words_[i - 1].text) || last_figure_end_ == i;
        if (range) out += hebrew_ ? " עד " : " to ";
      }
      out += change.text;
      last_figure_end_ = change.end;
      copied = words_[change.end - 1].end;
      i = change.end;
    }
    out += text_.substr(copied);
    return clean_text(out, 4000);
  }

 private:
  Replacement at(std::size_t i) {
    const std::string& word = words_[i].text;
    if (const auto hit = spoken_form(i); hit.end > 0) return hit;
    if (word == "%") return {i + 1, hebrew_ ? " אחוז" : " percent"};
    const bool figure = is_number_text(word);
    const bool sign = one_of(word, {"$", "₪", "€", "£"});
    if (!figure && !sign && word != "+") {
      if (hebrew_ && word == "שח" && i > 0) return {i + 1, "שקלים"};
      return {};
    }
    if (const auto change = phone(i); change.end > 0) return change;
    if (figure) {
      if (const auto change = clock(i); change.end > 0) return change;
      if (const auto change = date(i); change.end > 0) return change;
    }
    if (const auto change = sum(i); change.end > 0) return change;
    return figure ? plain(i) : Replacement{i + 1, ""};
  }

  Replacement spoken_form(std::size_t i) const {
    for (const auto& [written, spoken] : pronunciations_) {
      const std::size_t used = match_at(words_, i, normal_form(written), false);
      if (used > 0) return {i + used, spoken};
    }
    return {};
  }

  Replacement phone(std::size_t i) const {
    // Only figures: spelled-out digits are words already.
    std::string digits;
    std::size_t end = i;
    const bool plus = words_[i].text == "+";
    if (plus) ++end;
    while (end < words_.size() && is_number_text(words_[end].text) && words_[end].text.find('.') == std::string::npos &&
           (end == i || plus || words_[end].joint == '-' || words_[end].joint == '.' ||
            (words_[end].joint == '\0' && !words_[end].pause_before))) {
      digits += words_[end].text;
      ++end;
    }
    const bool leading_zero = digits.starts_with('0');
    if (digits.size() < 9 && !(leading_zero && digits.size() >= 7)) return {};
    if (!plus && !leading_zero && digits.size() < 10) return {};
    const bool home = digits.starts_with("972") && digits.size() >= 11;
    return {end, say_digits(home ? "0" + digits.substr(3) : digits, hebrew_)};
  }

  Replacement clock(std::size_t i) const {
    if (i + 1 >= words_.size() || words_[i + 1].joint != ':' || !is_number_text(words_[i + 1].text)) return {};
    if (words_[i].text.size() > 2 || words_[i + 1].text.size() != 2) return {};
    int hour = std::stoi(words_[i].text);
    const int minute = std::stoi(words_[i + 1].text);
    std::size_t end = i + 2;
    if (end < words_.size() && one_of(words_[end].text, {"am", "pm"})) {
      if (words_[end].text == "pm" && hour < 12) hour += 12;
      if (words_[end].text == "am" && hour == 12) hour = 0;
      ++end;
    }
    if (hour > 23 || minute > 59) return {};
    return {end, say_time(hour * 60 + minute, hebrew_)};
  }

  Replacement date(std::size_t i) const {
    // 2026-11-24
    if (i + 2 >= words_.size() || words_[i].text.size() != 4 || words_[i + 1].joint != '-' ||
        words_[i + 2].joint != '-')
      return {};
    const auto day = day_from_canonical(words_[i].text + "-" + words_[i + 1].text + "-" + words_[i + 2].text);
    if (!day) return {};
    return {i + 3, say_day(*day, hebrew_)};
  }

  Replacement sum(std::size_t i) const {
    std::vector<Word> rest(words_.begin() + static_cast<std::ptrdiff_t>(i),
                           words_.begin() + static_cast<std::ptrdiff_t>(std::min(words_.size(), i + 12)));
    const std::vector<Money> found = find_money(rest);
    if (found.empty() || found[0].begin != 0 || found[0].currency.empty()) return {};
    Money money = found[0];
    money.at_least = false;
    return {i + money.end, say_money(money, hebrew_)};
  }

  Replacement plain(std::size_t i) const {
    const auto number = parse_number(words_, i);
    if (!number) return {i + 1, words_[i].text.size() > 12 ? say_digits(words_[i].text, hebrew_) : words_[i].text};
    std::size_t end = number->end;
    const std::string_view next =
        end < words_.size() && !words_[end].pause_before ? std::string_view(words_[end].text) : "";
    if (!hebrew_) {
      if (one_of(next, {"st", "nd", "rd", "th"}) && words_[end].joint == '\'') ++end;
      return {end, say_milli(number->milli, false, Gender::kMasculine)};
    }
    const Gender gender = gender_of(next);
    const bool before_noun = has_hebrew(next) && number->milli == 2 * kMilli;
    if (number->milli == kMilli && has_hebrew(next)) {  // "חדר אחד": one comes after its noun
      const std::string noun(text_.substr(words_[end].begin, words_[end].end - words_[end].begin));
      if (!one_of(next, {"אלף", "מיליון"})) return {end + 1, noun + (gender == Gender::kMasculine ? " אחד" : " אחת")};
    }
    return {end, before_noun ? say_count_he(2, gender) : say_milli(number->milli, true, gender)};
  }

  std::string_view text_;
  std::vector<Word> words_;
  bool hebrew_;
  const std::map<std::string, std::string>& pronunciations_;
  std::size_t last_figure_end_ = static_cast<std::size_t>(-1);  // in words
};

}  // namespace

std::string to_speech(std::string_view text, bool hebrew, const std::map<std::string, std::string>& pronunciations) {
  const std::string clean = clean_text(text, 4000);
  return Speaker(clean, hebrew, pronunciations).run();
}

}  // namespace al::dialog
