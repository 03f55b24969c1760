#include "dialog/intents.h"

#include <algorithm>

namespace al::dialog {
namespace {

bool all_in(const std::vector<Word>& words, std::initializer_list<std::string_view> list) {
  return std::ranges::all_of(words, [&](const Word& word) { return one_of(word.text, list); });
}

bool asks_for_human(const std::vector<Word>& words) {
  return contains_any(words, {"real person",
                              "a human",
                              "human being",
                              "human agent",
                              "real agent",
                              "speak to someone",
                              "talk to someone",
                              "speak to a person",
                              "talk to a person",
                              "speak with a person",
                              "speak to an agent",
                              "talk to an agent",
                              "speak with an agent",
                              "a representative",
                              "operator",
                              "transfer me",
                              "speak to a manager",
                              "talk to a manager",
                              "your manager",
                              "put me through",
                              "connect me",
                              "speak with someone",
                              "real human",
                              "live agent",
                              "נציג",
                              "נציגה",
                              "נציג אנושי",
                              "בן אדם אמיתי",
                              "לדבר עם מישהו",
                              "לדבר עם בן אדם",
                              "לדבר עם אדם",
                              "תעביר אותי",
                              "תעבירי אותי",
                              "להעביר אותי",
                              "מנהל",
                              "מנהלת",
                              "לדבר עם נציג",
                              "לדבר עם סוכן",
                              "סוכן אמיתי",
                              "אדם אמיתי"});
}

bool asks_if_robot(const std::vector<Word>& words) {
  return contains_any(words, {"are you a robot",
                              "are you a bot",
                              "are you real",
                              "is this a robot",
                              "are you human",
                              "are you a human",
                              "are you a machine",
                              "is this a machine",
                              "are you an ai",
                              "is this an ai",
                              "are you a real person",
                              "is this a recording",
                              "am i talking to a",
                              "am i speaking to a robot",
                              "את רובוט",
                              "אתה רובוט",
                              "זה רובוט",
                              "זה מחשב",
                              "את מחשב",
                              "אתה מחשב",
                              "את אמיתית",
                              "אתה אמיתי",
                              "את בן אדם",
                              "אתה בן אדם",
                              "זו הקלטה",
                              "זאת הקלטה",
                              "מדבר עם רובוט",
                              "מדברת עם רובוט",
                              "בינה מלאכותית"});
}

bool asks_to_repeat(const std::vector<Word>& words) {
  if (words.size() <= 3 && contains_any(words, {"what", "pardon", "huh", "excuse me", "מה", "סליחה מה", "הא"}))
    return true;
  if (contains_any(words, {"say that again",
                           "say it again",
                           "repeat that",
                           "repeat it",
                           "can you repeat",
                           "could you repeat",
                           "please repeat",
                           "come again",
                           "didn't hear",
                           "did not hear",
                           "can't hear",
                           "cannot hear",
                           "didn't catch",
                           "once more please",
                           "what did you say",
                           "what was the question",
                           "לא שמעתי",
                           "לא שומע",
                           "לא שומעת",
                           "אפשר לחזור",
                           "תחזרי",
                           "תחזור",
                           "עוד פעם",
                           "מה אמרת",
                           "מה השאלה",
                           "לא הבנתי",
                           "לחזור על"})) {
    return true;
  }
  return false;
}

bool asks_to_wait(const std::vector<Word>& words) {
  if (words.size() > 6) return false;
  return contains_any(
      words, {"one moment", "one second", "just a moment", "just a second", "hold on",      "wait a", "give me a",
              "hang on",    "a sec",      "one sec",       "let me think",  "let me check", "רגע",    "שנייה",
              "שניה",       "דקה",        "תן לי לחשוב",   "תני לי לחשוב",  "רק רגע",       "חכי",    "חכה"});
}

bool is_question(const std::vector<Word>& words, std::string_view clean) {
  if (clean.ends_with('?')) return true;
  if (words.empty()) return false;
  return one_of(words[0].text,
                {"what",  "who",   "where", "why", "how", "which", "does", "do",  "did", "is",  "are", "can",
                 "could", "would", "will",  "מה",  "מי",  "איפה",  "למה",  "איך", "כמה", "האם", "מתי", "אפשר"});
}

bool wants_call(const std::vector<Word>& words) {
  return contains_any(
      words, {"call me",  "callback", "call back", "phone call", "set a call", "set up a call", "schedule a call",
              "schedule", "a call",   "meeting",   "visit",      "viewing",    "appointment",   "ring me",
              "phone me", "the call", "שיחה",      "להתקשר",     "תתקשר",      "תתקשרו",        "תתקשרי",
              "שיתקשרו",  "שיחזרו",   "תחזרו אלי", "לחזור אלי",  "פגישה",      "ביקור",         "לתאם",
              "לקבוע",    "קבעו",     "תקבעי",     "תקבע"});
}

}  // namespace

std::string_view to_string(Intent intent) {
  switch (intent) {
    case Intent::kNone:
      return "";
    case Intent::kYes:
      return "yes";
    case Intent::kNo:
      return "no";
    case Intent::kWhatsApp:
      return "whatsapp";
    case Intent::kCallback:
      return "callback";
    case Intent::kHuman:
      return "human";
    case Intent::kRobot:
      return "robot";
    case Intent::kRepeat:
      return "repeat";
    case Intent::kWait:
      return "wait";
    case Intent::kQuestion:
      return "question";
  }
  return "";
}

Intent find_answer(const std::vector<Word>& words) {
  const bool no = contains_any(words, {"no", "nope", "nah", "not", "don't", "dont", "wrong", "incorrect", "isn't",
                                       "never", "לא", "ממש לא", "אל", "טעות", "לא נכון", "שגוי", "אין צורך"});
  const bool yes =
      contains_any(words, {"yes",     "yeah",      "yep",        "yup",       "sure",      "correct",     "right",
                           "exactly", "ok",        "okay",       "confirm",   "confirmed", "absolutely",  "definitely",
                           "perfect", "great",     "of course",  "please do", "go ahead",  "sounds good", "fine",
                           "good",    "that's it", "yes please", "certainly", "agreed",    "אישור",       "כן",
                           "נכון",    "בטח",       "בסדר",       "מאשר",      "מאשרת",     "מאשרים",      "אוקיי",
                           "אוקי",    "מעולה",     "מצוין",      "סבבה",      "יאללה",     "ודאי",        "בוודאי",
                           "לאשר",    "מדויק",     "טוב",        "בהחלט",     "אחלה",      "יופי"});
  if (no == yes) {
    if (!no) return Intent::kNone;
    const bool harmless = contains_any(words, {"no problem", "why not", "no worries", "אין בעיה", "למה לא"});
    return harmless ? Intent::kYes : Intent::kNo;
  }
  if (no && contains_any(words, {"no problem", "why not", "no worries", "למה לא"})) return Intent::kYes;
  return no ? Intent::kNo : Intent::kYes;
}

Intent find_intent(const std::vector<Word>& words, std::string_view clean) {
  if (words.empty()) return Intent::kNone;
  if (asks_if_robot(words)) return Intent::kRobot;
  if (asks_for_human(words)) return Intent::kHuman;
  if (asks_to_repeat(words)) return Intent::kRepeat;
  if (contains_any(words, {"whatsapp", "what's app", "whats app", "what sap", "watsapp", "וואטסאפ", "ווטסאפ", "ואטסאפ",
                           "בוואטסאפ", "בווטסאפ", "בואטסאפ", "לוואטסאפ", "לווטסאפ", "הוואטסאפ", "וואצאפ", "בוואצאפ"})) {
    return find_answer(words) == Intent::kNo ? Intent::kNo : Intent::kWhatsApp;
  }
  if (asks_to_wait(words)) return Intent::kWait;
  if (wants_call(words)) return find_answer(words) == Intent::kNo ? Intent::kNo : Intent::kCallback;
  if (is_question(words, clean)) return Intent::kQuestion;
  return find_answer(words);
}

bool is_goodbye(const std::vector<Word>& words, const Persona& persona) {
  if (words.empty()) return false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string& word : persona.goodbye_words) {
      const std::size_t used = match_at(words, i, word, false);
      if (used == 0) continue;
      if (contains_any(words, {"don't", "dont", "not", "before", "say", "never", "אל", "לפני", "תגידי", "תגיד"}))
        continue;
      const std::size_t rest = words.size() - i - used;
      const bool at_end =
          rest == 0 || (rest <= 3 && all_in({words.begin() + static_cast<std::ptrdiff_t>(i + used), words.end()},
                                            {"bye",  "thanks", "thank", "you", "now",     "then", "for", "very",
                                             "much", "ביי",    "תודה",  "רבה", "להתראות", "לך",   "יום", "טוב",
                                             "נעים", "day",    "have",  "a",   "good",    "nice"}));
      if (at_end) return true;
    }
  }
  return false;
}

std::size_t after_correction(const std::vector<Word>& words) {
  std::size_t after = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string_view marker :
         {"actually", "i mean",    "i meant",      "sorry",    "correction",   "rather",
          "make it",  "make that", "change it to", "instead",  "scratch that", "no wait",
          "בעצם",     "התכוונתי",  "סליחה",        "תיקון",    "טעיתי",        "כלומר",
          "תשנה",     "תשני",      "לשנות",        "במקום זה", "אני מתכוון",   "אני מתכוונת"}) {
      if (const std::size_t used = match_at(words, i, marker, false); used > 0) after = std::max(after, i + used);
    }
    // "no, Haifa" and "לא, חיפה": the pause makes it a correction.
    const bool no = one_of(words[i].text, {"no", "nope", "לא"});
    if (no && i + 1 < words.size() && words[i + 1].pause_before) after = std::max(after, i + 1);
  }
  return after < words.size() || after == 0 ? after : words.size();
}

bool has_correction(const std::vector<Word>& words) {
  if (after_correction(words) > 0) return true;
  return !words.empty() && one_of(words[0].text, {"no", "לא", "not"}) && words.size() > 1;
}

}  // namespace al::dialog
