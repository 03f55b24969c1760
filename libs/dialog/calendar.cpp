#include "dialog/calendar.h"

#include <array>
#include <charconv>

#include "dialog/numbers.h"

namespace al::dialog {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::weekday;

constexpr std::array<std::string_view, 13> kMonths = {"",        "January",  "February", "March",  "April",
                                                      "May",     "June",     "July",     "August", "September",
                                                      "October", "November", "December"};
constexpr std::array<std::string_view, 13> kHebrewMonths = {
    "", "ינואר", "פברואר", "מרץ", "אפריל", "מאי", "יוני", "יולי", "אוגוסט", "ספטמבר", "אוקטובר", "נובמבר", "דצמבר"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 7> kHebrewDays = {"ראשון", "שני", "שלישי", "רביעי", "חמישי", "שישי", "שבת"};

// Sunday = 0; -1 = none. English names alone, Hebrew ones after "יום" ("שני" alone is "two"), and "שבת".
int weekday_at(const std::vector<Word>& words, std::size_t at, std::size_t& end) {
  static constexpr std::array<std::string_view, 7> kLower = {"sunday",   "monday", "tuesday", "wednesday",
                                                             "thursday", "friday", "saturday"};
  const std::string& word = words[at].text;
  for (std::size_t d = 0; d < kLower.size(); ++d) {
    if (word == kLower.at(d) || word == std::string(kLower.at(d)) + "s") {
      end = at + 1;
      return static_cast<int>(d);
    }
  }
  for (const std::string_view stem : hebrew_stems(word)) {
    if (stem == "שבת") {
      end = at + 1;
      return 6;
    }
    if (stem != "יום" || at + 1 >= words.size()) continue;
    static constexpr std::array<std::string_view, 6> kLetters = {"א'", "ב'", "ג'", "ד'", "ה'", "ו'"};
    for (std::size_t d = 0; d < kHebrewDays.size(); ++d) {
      for (const std::string_view name : hebrew_stems(words[at + 1].text)) {
        if (name == kHebrewDays.at(d) || (d < kLetters.size() && name == kLetters.at(d))) {
          end = at + 2;
          return static_cast<int>(d);
        }
      }
    }
  }
  return -1;
}

bool next_word(const std::vector<Word>& words, std::size_t at) {
  return at < words.size() && one_of(words[at].text, {"next", "הבא", "הבאה", "following"});
}

sys_days coming(sys_days today, int day_of_week, bool next_week) {
  const auto now = static_cast<int>(weekday(today).c_encoding());
  int ahead = (day_of_week - now + 7) % 7;
  if (ahead == 0) ahead = 7;
  // "next Tuesday" said on a Monday is the one of the following week (weeks begin on Sunday).
  if (next_week && now + ahead < 7) ahead += 7;
  return today + days(ahead);
}

std::optional<sys_days> month_day(sys_days today, unsigned month, std::int64_t day) {
  if (day < 1 || day > 31 || month < 1 || month > 12) return std::nullopt;
  const std::chrono::year_month_day now(today);
  for (int ahead = 0; ahead < 2; ++ahead) {
    const std::chrono::year_month_day date(now.year() + std::chrono::years(ahead), std::chrono::month(month),
                                           std::chrono::day(static_cast<unsigned>(day)));
    if (!date.ok()) continue;
    if (sys_days(date) >= today) return sys_days(date);
  }
  return std::nullopt;
}

std::int64_t day_number(const std::vector<Word>& words, std::size_t at, std::size_t& end) {
  static constexpr std::array<std::string_view, 31> kOrdinals = {"first",
                                                                 "second",
                                                                 "third",
                                                                 "fourth",
                                                                 "fifth",
                                                                 "sixth",
                                                                 "seventh",
                                                                 "eighth",
                                                                 "ninth",
                                                                 "tenth",
                                                                 "eleventh",
                                                                 "twelfth",
                                                                 "thirteenth",
                                                                 "fourteenth",
                                                                 "fifteenth",
                                                                 "sixteenth",
                                                                 "seventeenth",
                                                                 "eighteenth",
                                                                 "nineteenth",
                                                                 "twentieth",
                                                                 "",
                                                                 "",
                                                                 "",
                                                                 "",
                                                                 "",
                                                                 "",
                                                                 "",
                                                                 "",
                                                                 "",
                                                                 "thirtieth",
                                                                 ""};
  if (at >= words.size()) return 0;
  for (std::size_t d = 0; d < kOrdinals.size(); ++d) {
    if (words[at].text == kOrdinals.at(d)) {
      end = at + 1;
      return static_cast<std::int64_t>(d + 1);
    }
  }
  if (one_of(words[at].text, {"twenty", "thirty"}) && at + 1 < words.size()) {
    for (std::size_t d = 0; d < 9; ++d) {
      if (words[at + 1].text == kOrdinals.at(d)) {
        end = at + 2;
        return (words[at].text == "twenty" ? 20 : 30) + static_cast<std::int64_t>(d + 1);
      }
    }
  }
  const auto number = parse_number(words, at);
  if (!number || number->milli % kMilli != 0 || number->milli > 31 * kMilli) return 0;
  end = number->end;
  if (end < words.size() && one_of(words[end].text, {"st", "nd", "rd", "th"})) ++end;
  return number->milli / kMilli;
}

std::optional<DayFind> date_at(const std::vector<Word>& words, std::size_t at, sys_days today) {
  std::size_t end = 0;
  bool prefixed = false;
  if (const unsigned month = month_of(words[at].text, &prefixed); month > 0) {
    const std::int64_t day = day_number(words, at + 1, end);
    const auto date = month_day(today, month, day);
    if (date) return DayFind{*date, at, end};
    return std::nullopt;
  }
  const std::int64_t day = day_number(words, at, end);
  if (day == 0 || end >= words.size()) return std::nullopt;
  if ((words[end].joint == '/' || words[end].joint == '.') && is_number_text(words[end].text)) {
    const auto month = parse_number(words, end);
    if (month && month->milli <= 12 * kMilli) {
      if (const auto date = month_day(today, static_cast<unsigned>(month->milli / kMilli), day)) {
        return DayFind{*date, at, month->end};
      }
    }
    return std::nullopt;
  }
  if (words[end].text == "of" && end + 1 < words.size()) ++end;
  if (const unsigned month = month_of(words[end].text); month > 0) {
    if (const auto date = month_day(today, month, day)) return DayFind{*date, at, end + 1};
  }
  return std::nullopt;
}

std::optional<DayFind> relative_at(const std::vector<Word>& words, std::size_t at, sys_days today) {
  struct Entry {
    std::string_view phrase;
    int ahead;
  };
  static constexpr Entry kEntries[] = {{"day after tomorrow", 2},
                                       {"tomorrow", 1},
                                       {"today", 0},
                                       {"tonight", 0},
                                       {"מחרתיים", 2},
                                       {"מחר", 1},
                                       {"היום", 0},
                                       {"הערב", 0},
                                       {"in two days", 2},
                                       {"in 2 days", 2},
                                       {"בעוד יומיים", 2},
                                       {"עוד יומיים", 2},
                                       {"in three days", 3},
                                       {"in 3 days", 3}};
  for (const Entry& entry : kEntries) {
    if (const std::size_t used = match_at(words, at, entry.phrase, entry.phrase.front() < 0); used > 0) {
      return DayFind{today + days(entry.ahead), at, at + used};
    }
  }
  return std::nullopt;
}

enum class PartOfDay { kNone, kMorning, kNoon, kAfternoon, kEvening };

PartOfDay part_at(const std::vector<Word>& words, std::size_t at, std::size_t& used) {
  struct Entry {
    std::string_view phrase;
    PartOfDay part;
  };
  static constexpr Entry kEntries[] = {{"am", PartOfDay::kMorning},
                                       {"pm", PartOfDay::kAfternoon},
                                       {"a m", PartOfDay::kMorning},
                                       {"p m", PartOfDay::kAfternoon},
                                       {"in the morning", PartOfDay::kMorning},
                                       {"morning", PartOfDay::kMorning},
                                       {"in the afternoon", PartOfDay::kAfternoon},
                                       {"afternoon", PartOfDay::kAfternoon},
                                       {"in the evening", PartOfDay::kEvening},
                                       {"evening", PartOfDay::kEvening},
                                       {"at night", PartOfDay::kEvening},
                                       {"tonight", PartOfDay::kEvening},
                                       {"בבוקר", PartOfDay::kMorning},
                                       {"בצהריים", PartOfDay::kNoon},
                                       {"אחרי הצהריים", PartOfDay::kAfternoon},
                                       {"אחר הצהריים", PartOfDay::kAfternoon},
                                       {"אחהצ", PartOfDay::kAfternoon},
                                       {"בערב", PartOfDay::kEvening},
                                       {"בלילה", PartOfDay::kEvening},
                                       {"הערב", PartOfDay::kEvening}};
  for (const Entry& entry : kEntries) {
    used = match_at(words, at, entry.phrase, false);
    if (used > 0) return entry.part;
  }
  return PartOfDay::kNone;
}

int settle_hour(int hour, PartOfDay part) {
  if (part == PartOfDay::kMorning) return hour == 12 ? 0 : hour;
  if (part == PartOfDay::kNoon) return hour <= 3 ? hour + 12 : hour;
  if (part == PartOfDay::kAfternoon || part == PartOfDay::kEvening) return hour < 12 ? hour + 12 : hour;
  return hour >= 1 && hour <= 7 ? hour + 12 : hour;
}

// A clock time whose hour begins at words[at].
std::optional<TimeFind> clock_at(const std::vector<Word>& words, std::size_t at, bool marked) {
  const auto number = parse_number(words, at);
  if (!number || number->scale > 1) return std::nullopt;
  TimeFind find;
  find.begin = at;
  find.end = number->end;
  std::int64_t hour = number->milli / kMilli;
  std::int64_t minute = number->milli % kMilli * 60 / kMilli;
  bool exact = number->milli % kMilli == 0 || number->milli % 250 == 0;
  // The number reader takes "five thirty" for 530.
  if (hour >= 100 && hour <= 959 && !number->numeral) {
    minute = hour % 100;
    hour /= 100;
  }
  if (find.end < words.size() && words[find.end].joint == ':' && is_number_text(words[find.end].text)) {
    minute = words[find.end].text.size() == 2 ? std::stoi(words[find.end].text) : 99;
    find.sure = true;
    ++find.end;
  } else if (find.end < words.size() && minute == 0 && !words[find.end].pause_before) {
    const auto more = parse_number(words, find.end);  // "ten thirty", "10 30"
    if (more && more->milli % (5 * kMilli) == 0 && more->milli >= 5 * kMilli && more->milli < 60 * kMilli) {
      minute = more->milli / kMilli;
      find.end = more->end;
    }
  }
  if (find.end < words.size() && one_of(words[find.end].text, {"o'clock", "oclock"})) {
    find.sure = true;
    ++find.end;
  }
  std::size_t used = 0;
  PartOfDay part = find.end < words.size() ? part_at(words, find.end, used) : PartOfDay::kNone;
  if (part != PartOfDay::kNone) {
    find.end += used;
    find.sure = true;
  } else {  // "tomorrow evening at eight"
    for (std::size_t i = 0; i < at && part == PartOfDay::kNone; ++i) part = part_at(words, i, used);
  }
  if (!exact || hour > 23 || minute > 59 || (!marked && !find.sure)) return std::nullopt;
  find.minutes = settle_hour(static_cast<int>(hour), part) * 60 + static_cast<int>(minute);
  return find;
}

std::optional<TimeFind> past_at(const std::vector<Word>& words, std::size_t at) {
  for (const auto& [phrase, shift] :
       {std::pair{"half past", 30}, std::pair{"quarter past", 15}, std::pair{"quarter to", -15}}) {
    const std::size_t used = match_at(words, at, phrase, false);
    if (used == 0) continue;
    auto find = clock_at(words, at + used, true);
    if (!find) return std::nullopt;
    find->minutes += shift;
    find->begin = at;
    find->sure = true;
    return find;
  }
  return std::nullopt;
}

}  // namespace

std::optional<sys_days> local_day(WallTime local_time) {
  if (local_time.time_since_epoch().count() == 0) return std::nullopt;
  return std::chrono::floor<days>(local_time);
}

std::optional<DayFind> find_day(const std::vector<Word>& words, sys_days today) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (auto find = relative_at(words, i, today)) return find;
    std::size_t end = 0;
    if (const int day = weekday_at(words, i, end); day >= 0) {
      const bool before = i > 0 && next_word(words, i - 1);
      const bool after = next_word(words, end);
      return DayFind{coming(today, day, before || after), before ? i - 1 : i, after ? end + 1 : end};
    }
    if (auto find = date_at(words, i, today)) return find;
  }
  return std::nullopt;
}

std::optional<TimeFind> find_time(const std::vector<Word>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (auto find = past_at(words, i)) return find;
    if (one_of(words[i].text, {"noon", "midday"})) return TimeFind{12 * 60, i, i + 1, true};
    const bool english = i > 0 && one_of(words[i - 1].text, {"at", "around", "by", "after"});
    const bool hour_word = i > 0 && match_at(words, i - 1, "שעה", true) > 0;
    const bool hebrew = words[i].text.starts_with("ב") && words[i].text.size() > 4;
    const bool dashed = i > 0 && words[i - 1].text == "ב" && is_number_text(words[i].text);
    if (auto find = clock_at(words, i, english || hour_word || hebrew || dashed)) return find;
    if (const auto number = parse_number(words, i)) i = number->end - 1;
  }
  return std::nullopt;
}

unsigned month_of(std::string_view word, bool* prefixed) {
  static constexpr std::array<std::string_view, 13> kLower = {"",        "january",  "february", "march",  "april",
                                                              "may",     "june",     "july",     "august", "september",
                                                              "october", "november", "december"};
  for (unsigned m = 1; m <= 12; ++m) {
    if (word == kLower.at(m) || (word.size() == 3 && kLower.at(m).starts_with(word))) return m;
  }
  for (const std::string_view stem : hebrew_stems(word)) {
    for (unsigned m = 1; m <= 12; ++m) {
      if (stem != kHebrewMonths.at(m) && !(m == 3 && stem == "מרס")) continue;
      if (prefixed != nullptr) *prefixed = stem.size() != word.size();
      return m;
    }
  }
  return 0;
}

std::string to_canonical(sys_days day) {
  const std::chrono::year_month_day date(day);
  const auto pad = [](unsigned value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  return std::to_string(static_cast<int>(date.year())) + "-" + pad(static_cast<unsigned>(date.month())) + "-" +
         pad(static_cast<unsigned>(date.day()));
}

std::optional<sys_days> day_from_canonical(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  const auto read = [](std::string_view part, auto& value) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return error == std::errc{} && end == part.data() + part.size();
  };
  if (!read(text.substr(0, 4), year) || !read(text.substr(5, 2), month) || !read(text.substr(8, 2), day))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return sys_days(date);
}

std::string say_day(sys_days day, bool hebrew) {
  const std::chrono::year_month_day date(day);
  const unsigned in_week = weekday(day).c_encoding();
  const auto number = static_cast<std::int64_t>(static_cast<unsigned>(date.day()));
  const auto month = static_cast<unsigned>(date.month());
  if (hebrew) {
    const std::string name = in_week == 6 ? "שבת" : "יום " + std::string(kHebrewDays.at(in_week));
    return name + ", " + say_number_he(number, Gender::kMasculine) + " ב" + std::string(kHebrewMonths.at(month));
  }
  return std::string(kDays.at(in_week)) + ", " + std::string(kMonths.at(month)) + " " + say_number_en(number);
}

std::string say_time(int minutes, bool hebrew) {
  const int hour = minutes / 60;
  const int minute = minutes % 60;
  const int shown = hour % 12 == 0 ? 12 : hour % 12;
  std::string out = hebrew ? say_number_he(shown, Gender::kFeminine) : say_number_en(shown);
  if (minute == 30) {
    out = hebrew ? out + " וחצי" : "half past " + out;
  } else if (minute == 15) {
    out = hebrew ? out + " ורבע" : "quarter past " + out;
  } else if (minute > 0) {
    out += hebrew ? " ו" + say_number_he(minute, Gender::kFeminine) + " דקות" : " " + say_number_en(minute);
  }
  if (hour < 12) return out + (hebrew ? " בבוקר" : " in the morning");
  if (hour < 13) return out + (hebrew ? " בצהריים" : " noon");
  if (hour < 18) return out + (hebrew ? " אחר הצהריים" : " in the afternoon");
  return out + (hebrew ? " בערב" : " in the evening");
}

std::string_view month_name(unsigned month, bool hebrew) {
  return month > 12 ? std::string_view{} : (hebrew ? kHebrewMonths.at(month) : kMonths.at(month));
}

}  // namespace al::dialog
