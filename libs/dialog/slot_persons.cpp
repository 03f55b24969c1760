// Names of people and numbers of rooms.
#include <algorithm>

#include "core/utf8.h"
#include "dialog/numbers.h"
#include "dialog/slot_finders.h"

namespace al::dialog {
namespace {

bool never_a_name(std::string_view word) {
  return one_of(
      word, {"a",         "an",       "the",       "i",         "i'm",        "im",        "me",          "my",
             "you",       "your",     "we",        "he",        "she",        "it",        "it's",        "its",
             "they",      "this",     "that",      "is",        "am",         "are",       "was",         "be",
             "been",      "do",       "don't",     "not",       "no",         "yes",       "yeah",        "yep",
             "ok",        "okay",     "so",        "well",      "um",         "uh",        "hmm",         "hello",
             "hi",        "hey",      "thanks",    "thank",     "please",     "sorry",     "what",        "who",
             "how",       "why",      "when",      "where",     "which",      "in",        "at",          "on",
             "of",        "to",       "for",       "from",      "with",       "about",     "and",         "or",
             "but",       "if",       "by",        "looking",   "interested", "calling",   "searching",   "trying",
             "here",      "fine",     "good",      "great",     "just",       "also",      "very",        "still",
             "really",    "going",    "busy",      "wondering", "ready",      "sure",      "afraid",      "happy",
             "glad",      "new",      "available", "flexible",  "open",       "thinking",  "considering", "planning",
             "hoping",    "buying",   "selling",   "renting",   "moving",     "living",    "working",     "right",
             "wrong",     "done",     "back",      "all",       "maybe",      "again",     "tomorrow",    "today",
             "ignore",    "system",   "admin",     "developer", "month",      "months",    "room",        "rooms",
             "apartment", "house",    "number",    "phone",     "name",       "mobile",    "cell",        "can",
             "could",     "would",    "will",      "need",      "want",       "like",      "have",        "had",
             "has",       "get",      "got",       "know",      "bye",        "goodbye",   "as",          "soon",
             "possible",  "million",  "thousand",  "shekels",   "dollars",    "budget",    "area",        "instead",
             "speaking",  "there",    "then",      "than",      "nothing",    "something", "correct",     "perfect",
             "exactly",   "cool",     "only",      "one",       "two",        "three",     "four",        "five",
             "six",       "seven",    "eight",     "nine",      "ten",        "zero",      "double",      "oh",
             "reach",     "call",     "agent",     "robot",     "assistant",  "already",   "asking",      "immediately",
             "whatever",  "never",    "mind",      "wait",      "moment",     "מחפש",      "מחפשת",       "מחפשים",
             "מעוניין",   "מעוניינת", "מעוניינים", "רוצה",      "רוצים",      "צריך",      "צריכה",       "צריכים",
             "גר",        "גרה",      "גרים",      "לא",        "כן",         "שלום",      "היי",         "הלו",
             "תודה",      "בבקשה",    "רק",        "גם",        "פה",         "כאן",       "מתקשר",       "מתקשרת",
             "מדבר",      "מדברת",    "יודע",      "יודעת",     "חושב",       "חושבת",     "אשמח",        "מתעניין",
             "מתעניינת",  "בסדר",     "טוב",       "זה",        "זאת",        "זו",        "מה",          "מי",
             "איך",       "למה",      "כמה",       "איפה",      "מתי",        "אפשר",      "יכול",        "יכולה",
             "עוד",       "עכשיו",    "סליחה",     "רגע",       "אממ",        "אה",        "מבין",        "מבינה",
             "פנוי",      "פנויה",    "גמיש",      "גמישה",     "מוכן",       "מוכנה",     "בטוח",        "בטוחה",
             "אני",       "אתה",      "את",        "הוא",       "היא",        "שלי",       "שלך",         "של",
             "עם",        "על",       "או",        "אבל",       "אז",         "ו",         "הטלפון",      "טלפון",
             "המספר",     "מספר",     "נייד",      "הנייד",     "שמי",        "השם",       "קוראים",      "לי",
             "דירה",      "בית",      "חדרים",     "חדר",       "נכון",       "ביי",       "להתראות",     "יאללה",
             "סבבה",      "אוקיי",    "אוקי",      "מאשר",      "מאשרת",      "תקציב",     "מיליון",      "אלף",
             "שקל",       "שקלים",    "בערך",      "אולי",      "היום",       "מחר",       "חודש",        "חודשים",
             "רובוט",     "אפס",      "אחת",       "אחד",       "שתיים",      "שניים",     "שלוש",        "ארבע",
             "חמש",       "שש",       "שבע",       "שמונה",     "תשע",        "עשר",       "לך",          "למספר",
             "תעני",      "תענה",     "כבר",       "סוכן",      "נציג",       "מהיר",      "דחוף",        "מיידי",
             "יש",        "אין",      "כל",        "הכל",       "כלום",       "משהו",      "תרשמי",       "תרשום",
             "מספיק",     "צריכים",   "אמרתי",     "ואני"});
}

bool name_word(const Word& word) {
  if (never_a_name(word.text) || is_number_text(word.text)) return false;
  const std::size_t length = count_codepoints(word.text);
  if (length < 2 || length > 20) return false;
  std::string_view rest = word.text;
  while (!rest.empty()) {
    const char32_t c = take_codepoint(rest);
    if (c < 0x80 && !(c >= U'a' && c <= U'z') && c != U'\'' && c != U'-') return false;
  }
  return true;
}

// A surname may be an ordinary word ("Ella Fine"), if it is written with a capital letter.
bool second_name(const Word& word) {
  return word.capital && word.text.size() > 2 &&
         !one_of(word.text, {"and",    "my",   "i'm",      "the",     "you",   "phone", "number", "yes",
                             "not",    "from", "speaking", "calling", "here",  "this",  "that",   "it's",
                             "please", "call", "thanks",   "thank",   "sorry", "for",   "with"}) &&
         !is_number_text(word.text);
}

std::string title_case(std::string_view text) {
  std::string out(text);
  bool start = true;
  for (char& c : out) {
    if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    start = c == ' ' || c == '-';
  }
  return out;
}

std::optional<Found> take_name(const std::vector<Word>& words, std::string_view clean, std::size_t begin,
                               const UsedWords& used, bool capitals) {
  std::size_t end = begin;
  while (end < words.size() && end < begin + 3 && !used[end] &&
         (name_word(words[end]) || (end > begin && second_name(words[end])))) {
    if (end > begin && words[end].pause_before && words[end].joint != '-') break;
    if (capitals && !words[end].capital && !has_hebrew(words[end].text)) break;
    // Hebrew "and my number": a name seldom begins with ו in its second part.
    if (end > begin && has_hebrew(words[end].text) && words[end].text.starts_with("ו") &&
        never_a_name(std::string_view(words[end].text).substr(2))) {
      break;
    }
    ++end;
  }
  if (end == begin) return std::nullopt;
  return Found{title_case(clean.substr(words[begin].begin, words[end - 1].end - words[begin].begin)), begin, end,
               false};
}

struct Introduction {
  std::string_view phrase;
  bool only_expected;
  bool capitals;  // only a word with a capital letter is a name here
};
constexpr Introduction kIntroductions[] = {{"my name is", false, false},
                                           {"my name's", false, false},
                                           {"the name is", false, false},
                                           {"name is", false, false},
                                           {"the name's", false, false},
                                           {"my full name is", false, false},
                                           {"you can call me", false, true},
                                           {"this is", false, true},
                                           {"i am", false, true},
                                           {"i'm", false, true},
                                           {"im", true, true},
                                           {"it's", true, true},
                                           {"it is", true, true},
                                           {"call me", true, true},
                                           {"name", true, true},
                                           {"השם שלי הוא", false, false},
                                           {"השם שלי זה", false, false},
                                           {"השם שלי", false, false},
                                           {"קוראים לי", false, false},
                                           {"שמי", false, false},
                                           {"השם הוא", true, false},
                                           {"השם", true, false},
                                           {"מדבר", false, false},
                                           {"מדברת", false, false},
                                           {"כאן", true, false},
                                           {"אני", true, false},
                                           {"זה", true, false},
                                           {"זאת", true, false}};

bool room_word(std::string_view word) {
  return one_of(word, {"room", "rooms", "bedroom", "bedrooms", "bed", "beds", "bedder", "חדר", "חדרים", "חדרי"});
}
bool bedroom_word(const std::vector<Word>& words, std::size_t at) {
  return one_of(words[at].text, {"bedroom", "bedrooms", "bed", "beds"}) ||
         (at + 1 < words.size() && one_of(words[at].text, {"חדרי"}) && words[at + 1].text == "שינה");
}

std::string rooms_text(std::int64_t milli) {
  std::string out = std::to_string(milli / kMilli);
  if (milli % kMilli == 500) out += ".5";
  return out;
}

bool rooms_value(std::int64_t milli) {
  return milli >= kMilli && milli <= 20 * kMilli && milli % 500 == 0;
}

// "for rooms", "to rooms": what a recogniser makes of "four" and "two".
std::int64_t misheard(std::string_view word) {
  if (one_of(word, {"for", "fore"})) return 4 * kMilli;
  if (one_of(word, {"to", "too"})) return 2 * kMilli;
  return 0;
}

std::optional<Found> rooms_at(const std::vector<Word>& words, std::size_t at, bool expected) {
  std::int64_t low = 0;
  std::size_t next = at;
  if (const auto number = parse_number(words, at); number && number->scale == 1) {
    low = number->milli;
    next = number->end;
  } else if (at + 1 < words.size() && room_word(words[at + 1].text) &&
             one_of(words[at + 1].text, {"rooms", "bedrooms"})) {
    low = misheard(words[at].text);
    next = at + 1;
  }
  if (!rooms_value(low)) return std::nullopt;
  std::int64_t high = low;
  if (next < words.size() && (one_of(words[next].text, {"to", "or", "או", "עד"}) || words[next].joint == '-' ||
                              (words[next].joint == '\0' && words[next].pause_before))) {
    const std::size_t second = next + (one_of(words[next].text, {"to", "or", "או", "עד"}) ? 1 : 0);
    const auto number = parse_number(words, second);
    if (number && number->scale == 1 && rooms_value(number->milli) && number->milli > low &&
        number->end < words.size() && room_word(words[number->end].text)) {
      high = number->milli;
      next = number->end;
    }
  }
  const bool named = next < words.size() && room_word(words[next].text) && !words[next].stop_before;
  // A bare number answers the question only where nothing else is counted: "four", "maybe three, please".
  const bool bare = next >= words.size() ||
                    one_of(words[next].text, {"please", "maybe", "or", "i", "thanks", "בבקשה", "אולי", "בערך"});
  if (!named && !(expected && bare && next <= 5 && high == low)) return std::nullopt;
  Found found{rooms_text(low), at, next, false};
  if (high != low) found.value += "-" + rooms_text(high);
  if (named) {
    if (bedroom_word(words, next)) found.value += low == kMilli && high == low ? " bedroom" : " bedrooms";
    found.end = next + 1;
  }
  return found;
}

}  // namespace

std::vector<Found> find_rooms(const std::vector<Word>& words, bool expected, const UsedWords& used) {
  std::vector<Found> found;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (used[i]) continue;
    if (auto rooms = rooms_at(words, i, expected)) {
      i = rooms->end - 1;
      found.push_back(std::move(*rooms));
    } else if (one_of(words[i].text, {"forums", "fourrooms"})) {  // "four rooms", run together by the recogniser
      found.push_back({"4", i, i + 1, false});
    } else if (match_at(words, i, "חדר אחד", true) > 0) {
      found.push_back({"1", i, i + 2, false});
    } else if (match_at(words, i, "חדר וחצי", true) > 0) {
      found.push_back({"1.5", i, i + 2, false});
    } else if (const auto number = parse_number(words, i)) {
      i = number->end - 1;
    }
  }
  return found;
}

std::optional<Found> find_name(const std::vector<Word>& words, std::string_view clean, bool expected,
                               const UsedWords& used) {
  for (const Introduction& intro : kIntroductions) {
    if (intro.only_expected && !expected) continue;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::size_t count = match_at(words, i, intro.phrase, false);
      if (count == 0) continue;
      if (auto name = take_name(words, clean, i + count, used, intro.capitals)) return name;
    }
  }
  for (std::size_t i = 1; i < words.size(); ++i) {  // "Dana speaking"
    if (words[i].text != "speaking" && !(expected && words[i].text == "here")) continue;
    for (std::size_t begin = i >= 2 ? i - 2 : 0; begin < i; ++begin) {
      const auto name = take_name(words, clean, begin, used, true);
      if (name && name->end == i) return name;
    }
  }
  if (!expected || clean.ends_with('?')) return std::nullopt;
  // A bare answer: the name before (or instead of) anything else, with hardly any other word.
  std::size_t others = 0;
  std::optional<Found> best;
  for (std::size_t i = 0; i < std::min<std::size_t>(words.size(), 3); ++i) {  // "Leo Carmi, and …"
    const auto name = take_name(words, clean, i, used, false);
    if (!name) continue;
    if (name->end < words.size() && words[name->end].pause_before) return name;
    break;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (used[i]) continue;
    auto name = best ? std::nullopt : take_name(words, clean, i, used, false);
    if (name) {
      i = name->end - 1;
      best = std::move(name);
    } else if (!one_of(words[i].text,
                       {"my",     "is",      "and",   "the",   "number", "phone",  "it's",   "yes",  "hi",    "sure",
                        "ok",     "okay",    "well",  "so",    "um",     "uh",     "mobile", "cell", "at",    "please",
                        "הטלפון", "והטלפון", "טלפון", "שלי",   "המספר",  "והמספר", "מספר",   "נייד", "הנייד", "והנייד",
                        "כן",     "אממ",     "אז",    "בבקשה", "ומספר",  "וטלפון", "הוא"})) {
      ++others;
    }
  }
  return others == 0 ? best : std::nullopt;
}

bool valid_name(std::string_view name) {
  if (name.empty() || count_codepoints(name) > 60) return false;
  const std::vector<Word> words = split_words(clean_text(name));
  if (words.empty() || words.size() > 4 || !name_word(words[0])) return false;
  return std::all_of(words.begin() + 1, words.end(),
                     [](const Word& word) { return name_word(word) || second_name(word); });
}

bool valid_rooms(std::string_view rooms) {
  for (const std::string_view tail : {" bedrooms", " bedroom"}) {
    if (rooms.ends_with(tail)) rooms.remove_suffix(tail.size());
  }
  const auto one = [](std::string_view text) {
    const auto number = parse_number(split_words(text), 0);
    return is_number_text(text) && number && rooms_value(number->milli);
  };
  const std::size_t dash = rooms.find('-');
  if (dash == std::string_view::npos) return one(rooms);
  return one(rooms.substr(0, dash)) && one(rooms.substr(dash + 1));
}

}  // namespace al::dialog
