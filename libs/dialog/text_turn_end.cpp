#include "dialog/text_turn_end.h"

#include <algorithm>

#include "dialog/intents.h"
#include "dialog/numbers.h"
#include "dialog/phone.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

bool hesitation(std::string_view word) {
  return one_of(word, {"um", "uh", "uhm", "er",  "erm",   "hmm",  "ah", "eh",    "like", "well", "so", "wait", "אממ",
                       "אמ", "אה", "אהה", "רגע", "שנייה", "שניה", "נו", "כאילו", "זאת",  "בערך", "אז", "הממ"});
}

// Words after which a sentence goes on, whatever the melody of the voice.
bool open_word(std::string_view word) {
  return one_of(
      word,
      {"and",   "or",     "but",   "because", "with",      "in",     "on",    "at",     "of",    "to",      "for",
       "from",  "by",     "the",   "a",       "an",        "my",     "your",  "our",    "their", "his",     "is",
       "are",   "was",    "i",     "i'm",     "we",        "we're",  "it's",  "that's", "about", "around",  "between",
       "near",  "under",  "over",  "than",    "if",        "when",   "while", "want",   "need",  "looking", "would",
       "could", "should", "can",   "will",    "maybe",     "also",   "plus",  "not",    "very",  "next",    "until",
       "up",    "this",   "these", "those",   "something", "budget", "name",  "number", "is",    "ו",       "או",
       "אבל",   "כי",     "עם",    "של",      "את",        "על",     "אל",    "מן",     "בין",   "ליד",     "עד",
       "אם",    "כש",     "כאשר",  "אני",     "אנחנו",     "רוצה",   "רוצים", "צריך",   "צריכה", "צריכים",  "מחפש",
       "מחפשת", "מחפשים", "גם",    "בלי",     "לפני",      "אחרי",   "תוך",   "בעוד",   "באזור", "שהוא",    "שהיא",
       "זה",    "הוא",    "היא",   "יש",      "לי",        "שלי",    "בשביל", "כמו",    "אולי",  "לא",      "התקציב",
       "השם",   "המספר",  "שמי",   "משהו",    "איזה",      "איזו",   "כמה",   "וגם",    "ואני",  "בסביבות", "סביב"});
}

bool bare_hebrew_and(std::string_view word) {
  return one_of(word, {"ו", "ב", "ל", "מ", "ש", "כ", "ה"});
}

// "two and a", "a hundred and", "שני מיליון ו", "five hundred": a unit or a number is still to come.
bool open_number(const std::vector<Word>& words) {
  const std::size_t n = words.size();
  if (n >= 2 && one_of(words[n - 1].text, {"a", "and"}) && parse_number(words, n - 2)) return true;
  if (n >= 3 && words[n - 1].text == "a" && words[n - 2].text == "and") return true;
  return one_of(words[n - 1].text, {"point", "נקודה", "double", "triple", "פעמיים", "כפול", "hundred"}) &&
         one_of(words[n - 1].text, {"point", "נקודה", "double", "triple", "פעמיים", "כפול"});
}

TextTurnEnd verdict(float end_probability, TurnEndReason reason, bool digits = false) {
  TextTurnEnd out;
  out.opinion.end_probability = end_probability;
  out.opinion.digits_expected = digits;
  out.reason = reason;
  return out;
}

// The telephone number that is being dictated at the end of the text, if any.
std::optional<DigitRun> trailing_digits(const std::vector<Word>& words, bool expected) {
  std::string digits;
  std::optional<DigitRun> last;
  for (std::size_t i = 0; i < words.size(); ++i) {
    DigitRun run = parse_digits(words, i);
    if (run.digits.empty()) continue;
    i = run.end - 1;
    last = std::move(run);
  }
  if (!last) return std::nullopt;
  const std::size_t after = words.size() - last->end;
  const bool at_end = after == 0 || (after == 1 && hesitation(words.back().text));
  const bool dictated = expected ? last->digits.size() >= 1 : last->digits.size() >= 4 && last->digits.starts_with('0');
  return at_end && dictated ? last : std::nullopt;
}

TextTurnEnd judge_digits(const DigitRun& run, const Expectation& expected, bool hesitates) {
  const std::string all = std::string(static_cast<std::size_t>(std::max(0, expected.digits_known)), '0') + run.digits;
  const std::size_t count = all.size();
  if (hesitates) return verdict(0.1F, TurnEndReason::kDigitsMissing, true);
  // The known digits are not here, only their number: lengths decide for a continued number.
  const bool whole =
      expected.digits_known > 0 ? count >= 9 && count <= 12 : !check_phone(run.digits, run.plus, "IL").e164.empty();
  const bool israeli_mobile_short = run.digits.starts_with("05") && run.digits.size() < 10;
  if (whole && !israeli_mobile_short) return verdict(0.95F, TurnEndReason::kDigitsComplete);
  return verdict(0.1F, TurnEndReason::kDigitsMissing, true);
}

}  // namespace

std::string_view to_string(TurnEndReason reason) {
  switch (reason) {
    case TurnEndReason::kNone:
      return "none";
    case TurnEndReason::kEmpty:
      return "empty";
    case TurnEndReason::kHesitation:
      return "hesitation";
    case TurnEndReason::kOpenWord:
      return "open_word";
    case TurnEndReason::kOpenNumber:
      return "open_number";
    case TurnEndReason::kDigitsMissing:
      return "digits_missing";
    case TurnEndReason::kDigitsComplete:
      return "digits_complete";
    case TurnEndReason::kShortAnswer:
      return "short_answer";
    case TurnEndReason::kSentence:
      return "sentence";
    case TurnEndReason::kQuestion:
      return "question";
  }
  return "none";
}

TextTurnEnd text_turn_end(std::string_view text, const Expectation& expected, bool final_text) {
  const std::string clean = clean_text(text);
  const std::vector<Word> words = split_words(clean);
  if (words.empty()) {
    TextTurnEnd none;
    none.reason = TurnEndReason::kEmpty;
    none.opinion.digits_expected = expected.digits && expected.digits_known > 0;
    return none;
  }
  const std::string& last = words.back().text;
  const bool hesitates = hesitation(last);
  if (const auto run = trailing_digits(words, expected.digits)) {
    // "four rooms" and "two million" are no telephone numbers: only runs of digits said one after the other.
    const auto number = parse_number(words, run->begin);
    const bool amount = number && number->scale > 1;
    if (!amount) return judge_digits(*run, expected, hesitates);
  }
  if (hesitates && words.size() > 1) return verdict(0.15F, TurnEndReason::kHesitation, expected.digits);
  if (hesitates) return verdict(0.25F, TurnEndReason::kHesitation, expected.digits);
  if (open_number(words)) return verdict(0.1F, TurnEndReason::kOpenNumber);
  const bool yes_no = find_answer(words) != Intent::kNone && words.size() <= 3;
  if (yes_no && expected.yes_no) return verdict(0.9F, TurnEndReason::kShortAnswer);
  if (clean.ends_with('?')) return verdict(final_text ? 0.9F : 0.8F, TurnEndReason::kQuestion);
  const bool trailing_comma = clean.ends_with(',') || clean.ends_with('-');
  if ((open_word(last) && !(words.size() == 1 && yes_no)) || bare_hebrew_and(last) || trailing_comma) {
    return verdict(trailing_comma && !open_word(last) ? 0.25F : 0.12F, TurnEndReason::kOpenWord);
  }
  if (clean.ends_with('.') || clean.ends_with('!')) {
    // A recogniser ends every segment with a full stop; it counts as an end only when something was said.
    return verdict(words.size() >= 2 ? 0.85F : 0.7F, TurnEndReason::kSentence);
  }
  return {};
}

bool is_backchannel(std::string_view text, const Persona& persona) {
  const std::vector<Word> words = split_words(clean_text(text));
  if (words.empty() || words.size() > 4) return false;
  std::size_t at = 0;
  while (at < words.size()) {
    std::size_t used = 0;
    for (const std::string& phrase : persona.backchannels) {
      used = std::max(used, match_at(words, at, normal_form(phrase), false));
    }
    if (used == 0) return false;
    at += used;
  }
  return true;
}

}  // namespace al::dialog
