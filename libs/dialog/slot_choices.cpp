// Places and kinds of property: the persona's list first, near misses of the recogniser second, free places last.
#include <algorithm>

#include "core/utf8.h"
#include "dialog/slot_finders.h"

namespace al::dialog {
namespace {

bool place_word(std::string_view word) {
  return one_of(word, {"in", "near", "around", "at", "to", "into", "ב", "ליד", "באזור"});
}

// "not Haifa", "anywhere but Haifa", "לא חיפה", "חוץ מחיפה".
bool negated_at(const std::vector<Word>& words, std::size_t at) {
  for (std::size_t back = 1; back <= 2 && back <= at; ++back) {
    if (words[at - back + 1].pause_before) return false;
    const std::string& word = words[at - back].text;
    if (one_of(word, {"not", "no", "isn't", "except", "without", "but", "לא", "ולא", "חוץ", "פרט", "בלי"})) return true;
    if (back == 1 && !place_word(word) && !one_of(word, {"the", "a", "an", "of", "than"})) return false;
    if (back == 2 && one_of(word, {"instead", "rather"})) return true;
  }
  return false;
}

std::string joined(const std::vector<Word>& words, std::size_t at, std::size_t count) {
  std::string text;
  for (std::size_t i = at; i < at + count; ++i) text += words[i].text;
  return text;
}

std::string without_blanks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\'') out.push_back(c);
  }
  return out;
}

bool common_word(std::string_view word) {
  return one_of(word, {"have",  "haven", "hail",    "house",     "houses",     "would",     "could",  "about",
                       "there", "where", "looking", "apartment", "apartments", "something", "street", "center",
                       "north", "south", "please",  "thanks",    "million",    "thousand",  "budget", "really",
                       "rooms", "three", "seven",   "eight",     "month",      "months",    "range",  "area",
                       "areas", "place", "places",  "studio",    "office",     "family",    "simple"});
}

// The value whose form is closest to the words at `at`, when it is close enough to be a mishearing.
const SlotSpec::Choice* near_miss(const SlotSpec& spec, const std::vector<Word>& words, std::size_t at,
                                  std::size_t& used) {
  const SlotSpec::Choice* best = nullptr;
  int best_distance = 3;
  for (std::size_t count = 1; count <= 3 && at + count <= words.size(); ++count) {
    if (count > 1 && words[at + count - 1].pause_before) break;
    const std::string heard = joined(words, at, count);
    const std::size_t length = count_codepoints(heard);
    if (length < 4 || length > 24 || (count == 1 && common_word(heard))) continue;
    // "Beit Horon" is a place of its own, not a misheard "Holon".
    if (at > 1 && words[at - 1].capital && !words[at].pause_before) continue;
    const int allowed = length >= 8 ? 2 : 1;
    for (const SlotSpec::Choice& choice : spec.choices) {
      for (const std::string& form : choice.forms) {
        const std::string want = without_blanks(form);
        const std::size_t size = count_codepoints(want);
        if (size < 5 || size + 2 < length || length + 2 < size) continue;
        if (has_hebrew(want) && heard.size() < 10) continue;
        const int distance = edit_distance(heard, want);
        if (distance > allowed || distance >= best_distance) continue;
        best = &choice;
        best_distance = distance;
        used = count;
      }
    }
  }
  return best;
}

const SlotSpec::Choice* exact(const SlotSpec& spec, const std::vector<Word>& words, std::size_t at, std::size_t& used) {
  const SlotSpec::Choice* best = nullptr;
  used = 0;
  for (const SlotSpec::Choice& choice : spec.choices) {
    for (const std::string& form : choice.forms) {
      const std::size_t count = match_at(words, at, form, true);
      if (count > used) {
        used = count;
        best = &choice;
      }
    }
  }
  return best;
}

bool never_a_place(std::string_view word) {
  return one_of(word,
                {"i",       "i'm",       "im",      "a",          "an",      "the",     "my",        "me",    "you",
                 "your",    "it",        "is",      "am",         "are",     "was",     "what",      "who",   "how",
                 "why",     "when",      "where",   "which",      "yes",     "no",      "not",       "yeah",  "ok",
                 "okay",    "hello",     "hi",      "hey",        "thanks",  "thank",   "please",    "sorry", "hmm",
                 "um",      "uh",        "well",    "know",       "don't",   "dont",    "sure",      "maybe", "want",
                 "need",    "like",      "looking", "for",        "buy",     "rent",    "general",   "fact",  "mind",
                 "case",    "order",     "time",    "touch",      "moment",  "minute",  "second",    "again", "wait",
                 "hold",    "repeat",    "nothing", "something",  "good",    "fine",    "great",     "cool",  "bye",
                 "house",   "apartment", "room",    "rooms",      "morning", "evening", "afternoon", "total", "cash",
                 "advance", "future",    "system",  "prompt",     "english", "hebrew",  "this",      "that",  "there",
                 "here",    "month",     "months",  "year",       "years",   "week",    "weeks",     "days",  "your",
                 "his",     "her",       "our",     "do",         "of",      "and",     "or",        "can",   "could",
                 "would",   "ignore",    "all",     "everything", "test",    "testing", "and",       "robot", "אני",
                 "אתה",     "את",        "הוא",     "היא",        "זה",      "זאת",     "מה",        "מי",    "איך",
                 "כמה",     "למה",       "מתי",     "איפה",       "כן",      "לא",      "שלום",      "היי",   "הלו",
                 "תודה",    "בבקשה",     "סליחה",   "אממ",        "אה",      "רגע",     "טוב",       "בסדר",  "אולי",
                 "רוצה",    "מחפש",      "מחפשת",   "צריך",       "צריכה",   "דירה",    "בית",       "חדר",   "חדרים",
                 "יודע",    "יודעת",     "עוד",     "של",         "על",      "עם",      "גם",        "רק",    "אבל",
                 "או",      "יש",        "אין",     "כל",         "היום",    "מחר",     "חודש",      "שנה",   "ביי",
                 "יאללה",   "סבבה",      "אוקיי",   "נכון",       "בוקר",    "ערב",     "צהריים",    "כלל",   "בטח",
                 "הבנתי",   "שוב",       "משהו",    "כלום",       "הכל",     "עברית",   "אנגלית"});
}

bool letters_only(std::string_view word) {
  return !word.empty() &&
         std::ranges::none_of(word, [](char c) { return (c >= '0' && c <= '9') || c == '$' || c == '%'; });
}

}  // namespace

std::vector<Found> find_choices(const SlotSpec& spec, const std::vector<Word>& words, bool expected,
                                const UsedWords& used) {
  std::vector<Found> found;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (used[i]) continue;
    std::size_t count = 0;
    const SlotSpec::Choice* choice = exact(spec, words, i, count);
    const bool area = spec.type == SlotType::kArea;
    const bool led = i > 0 && place_word(words[i - 1].text);
    if (choice == nullptr && area && (expected || led)) choice = near_miss(spec, words, i, count);
    if (choice == nullptr) continue;
    // "anywhere but Haifa" names no place.
    const std::size_t next = i + count;
    if (next < words.size() && !words[next].stop_before && one_of(words[next].text, {"but", "except", "חוץ", "פרט"}))
      continue;
    found.push_back({choice->value, i, i + count, negated_at(words, i)});
    i += count - 1;
  }
  return found;
}

std::optional<Found> find_open_place(const std::vector<Word>& words, std::string_view clean, const UsedWords& used,
                                     bool expected) {
  const auto take = [&](std::size_t begin, std::size_t limit) -> std::optional<Found> {
    std::size_t end = begin;
    while (end < words.size() && end < begin + limit && !used[end] && letters_only(words[end].text) &&
           !never_a_place(words[end].text) && (end == begin || !words[end].pause_before)) {
      if (end > begin && !words[end].capital && !has_hebrew(words[end].text)) break;
      ++end;
    }
    if (end == begin || count_codepoints(words[begin].text) < 3) return std::nullopt;
    return Found{std::string(clean.substr(words[begin].begin, words[end - 1].end - words[begin].begin)), begin, end,
                 false};
  };
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!one_of(words[i - 1].text, {"in", "near", "around"}) || used[i]) continue;
    if (!words[i].capital && !expected) continue;
    if (auto place = take(i, 3)) return place;
  }
  if (!expected || words.empty() || clean.ends_with('?')) return std::nullopt;
  // Hebrew: "בחריש", "באזור השרון"; the prefix is not a part of the name.
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i].text;
    if (used[i] || !word.starts_with("ב") || word.size() < 8 || never_a_place(word) || words.size() > 8) continue;
    if (never_a_place(std::string_view(word).substr(2))) continue;
    if (auto place = take(i, 2)) {
      place->value = place->value.substr(2);
      return place;
    }
  }
  // A bare answer: nothing but the place.
  std::size_t free_words = 0;
  for (std::size_t i = 0; i < words.size(); ++i) free_words += used[i] ? 0 : 1;
  if (free_words > 3) return std::nullopt;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (used[i] || never_a_place(words[i].text)) continue;
    auto place = take(i, 3);
    if (place && place->end - place->begin == free_words) return place;
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace al::dialog
