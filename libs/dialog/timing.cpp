#include "dialog/timing.h"

#include <array>
#include <charconv>

#include "dialog/calendar.h"
#include "dialog/numbers.h"

namespace al::dialog {
namespace {

struct Phrase {
  std::string_view words;
  std::string_view value;
  bool only_expected = false;
};

// Longer phrases and negations first: "not urgent" must not be read as "urgent".
// clang-format off
constexpr Phrase kPhrases[] = {
    {"not urgent", "flexible"}, {"no rush", "flexible"}, {"no hurry", "flexible"}, {"not in a hurry", "flexible"},
    {"not in a rush", "flexible"}, {"in no rush", "flexible"}, {"in no hurry", "flexible"},
    {"flexible", "flexible"}, {"whenever", "flexible"}, {"any time", "flexible", true},
    {"anytime", "flexible", true}, {"no deadline", "flexible"}, {"doesn't matter when", "flexible"},
    {"take my time", "flexible"}, {"לא דחוף", "flexible"}, {"לא ממהר", "flexible"}, {"לא ממהרת", "flexible"},
    {"לא ממהרים", "flexible"}, {"אין לחץ", "flexible"}, {"לא לחוץ", "flexible"}, {"לא לחוצה", "flexible"},
    {"לא בוער", "flexible"}, {"גמיש", "flexible"}, {"גמישה", "flexible"}, {"גמישים", "flexible"},
    {"גמישות", "flexible"}, {"אין דחיפות", "flexible"}, {"מתי שיהיה", "flexible"}, {"לא משנה מתי", "flexible"},
    {"פתוח", "flexible", true}, {"יש זמן", "flexible"}, {"as soon as possible", "immediate"},
    {"soon as possible", "immediate"}, {"asap", "immediate"}, {"a s a p", "immediate"},
    {"immediately", "immediate"}, {"immediate", "immediate"}, {"right away", "immediate"},
    {"right now", "immediate", true}, {"straight away", "immediate"}, {"urgent", "immediate"},
    {"urgently", "immediate"}, {"now", "immediate", true}, {"very soon", "immediate"}, {"soon", "immediate", true},
    {"today", "immediate", true}, {"כמה שיותר מהר", "immediate"}, {"כמה שיותר מוקדם", "immediate"},
    {"הכי מהר", "immediate"}, {"מיידי", "immediate"}, {"מיידית", "immediate"}, {"מידי", "immediate", true},
    {"מידית", "immediate"}, {"מיד", "immediate"}, {"דחוף", "immediate"}, {"בהקדם", "immediate"},
    {"עכשיו", "immediate", true}, {"היום", "immediate", true}, {"בקרוב", "immediate", true},
    {"תכף", "immediate", true}, {"after the holidays", "after the holidays"}, {"after passover", "after passover"},
    {"אחרי החגים", "after the holidays"}, {"אחרי פסח", "after passover"}, {"לפני פסח", "before passover"},
    {"before passover", "before passover"}, {"a couple of months", "in 2 months"},
    {"couple of months", "in 2 months"}, {"a couple of weeks", "in 2 weeks"}, {"couple of weeks", "in 2 weeks"},
    {"a few months", "in a few months"}, {"few months", "in a few months"}, {"several months", "in a few months"},
    {"a few weeks", "in a few weeks"}, {"few weeks", "in a few weeks"}, {"a month or two", "in 1-2 months"},
    {"month or two", "in 1-2 months"}, {"a year or two", "in 1-2 years"}, {"half a year", "in 6 months"},
    {"כמה חודשים", "in a few months"}, {"כמה שבועות", "in a few weeks"}, {"חודש חודשיים", "in 1-2 months"},
    {"חודש או חודשיים", "in 1-2 months"}, {"חצי שנה", "in 6 months"},
};
// clang-format on

constexpr std::array<std::array<std::string_view, 3>, 4> kSeasons = {{{"spring", "אביב", "springtime"},
                                                                      {"summer", "קיץ", "summertime"},
                                                                      {"autumn", "סתיו", "fall"},
                                                                      {"winter", "חורף", "wintertime"}}};

struct Unit {
  std::string_view name;
  std::string_view one;  // Hebrew
  std::string_view two;
  std::string_view many;
  Gender gender;
};
constexpr std::array<Unit, 4> kUnits = {{{"days", "יום", "יומיים", "ימים", Gender::kMasculine},
                                         {"weeks", "שבוע", "שבועיים", "שבועות", Gender::kMasculine},
                                         {"months", "חודש", "חודשיים", "חודשים", Gender::kMasculine},
                                         {"years", "שנה", "שנתיים", "שנים", Gender::kFeminine}}};

// The unit named by the word; `count` is 1 or 2 where a Hebrew word holds it ("חודשיים").
const Unit* unit_of(std::string_view word, int& count) {
  count = 0;
  for (const Unit& unit : kUnits) {
    if (word == unit.name || word == unit.name.substr(0, unit.name.size() - 1)) return &unit;
    for (const std::string_view stem : hebrew_stems(word)) {
      if (stem == unit.many) return &unit;
      if (stem == unit.one || stem == unit.two) {
        count = stem == unit.one ? 1 : 2;
        return &unit;
      }
    }
  }
  return nullptr;
}

bool lead_in(const std::vector<Word>& words, std::size_t at) {
  if (at == 0) return false;
  const std::string& word = words[at - 1].text;
  if (one_of(word, {"in",     "within", "by",  "about", "around", "next", "coming", "another", "until", "the", "for",
                    "during", "בעוד",   "עוד", "תוך",   "בתוך",   "עד",   "אחרי",   "במהלך",   "כ",     "ב"})) {
    return true;
  }
  return false;
}

std::string count_value(std::int64_t low, std::int64_t high, const Unit& unit) {
  const std::string number = low == high ? std::to_string(low) : std::to_string(low) + "-" + std::to_string(high);
  return "in " + number + " " + std::string(unit.name);
}

// "three months", "2 to 3 weeks", "a year", "חודשיים", "שלושה חודשים"
std::optional<TimingFind> span_at(const std::vector<Word>& words, std::size_t at, bool expected) {
  const bool marked = lead_in(words, at) || words[at].text.starts_with("ב") || words[at].text.starts_with("ל");
  if (!marked && !expected) return std::nullopt;
  int held = 0;
  if (const Unit* unit = unit_of(words[at].text, held); unit != nullptr && held > 0) {
    if (match_at(words, at + 1, "הבא", false) + match_at(words, at + 1, "הבאה", false) > 0) return std::nullopt;
    if (unit->name == "days" && held == 1) return std::nullopt;  // "יום שלישי"
    return TimingFind{count_value(held, held, *unit), at, at + 1};
  }
  std::size_t next = at;
  std::int64_t low = 0;
  if (one_of(words[at].text, {"a", "an", "one"})) {
    low = 1;
    ++next;
  } else if (const auto number = parse_number(words, at); number && number->milli % kMilli == 0) {
    low = number->milli / kMilli;
    next = number->end;
  }
  std::int64_t high = low;
  if (low > 0 && next < words.size() &&
      (one_of(words[next].text, {"to", "or", "או", "עד"}) || words[next].joint == '-')) {
    const std::size_t second = next + (words[next].joint == '-' ? 0 : 1);
    if (const auto number = parse_number(words, second); number && number->milli % kMilli == 0) {
      high = number->milli / kMilli;
      next = number->end;
    }
  }
  if (low < 1 || high < low || high > 120 || next >= words.size()) return std::nullopt;
  const Unit* unit = unit_of(words[next].text, held);
  if (unit == nullptr || (held > 0 && low > 10 && held != 1)) return std::nullopt;
  if (next + 1 < words.size() && one_of(words[next + 1].text, {"old", "ago", "lease", "contract"})) return std::nullopt;
  return TimingFind{count_value(low, high, *unit), at, next + 1};
}

std::string pad2(unsigned value) {
  return (value < 10 ? "0" : "") + std::to_string(value);
}

std::string year_month(int year, unsigned month) {
  return std::to_string(year) + "-" + pad2(month);
}

int said_year(const std::vector<Word>& words, std::size_t at, std::size_t& end) {
  std::size_t i = at;
  if (i < words.size() && one_of(words[i].text, {"of", "in"})) ++i;
  if (i < words.size() && words[i].text.size() == 4 && is_number_text(words[i].text) &&
      words[i].text.starts_with("20")) {
    end = i + 1;
    return std::stoi(words[i].text);
  }
  return 0;
}

std::optional<TimingFind> month_at(const std::vector<Word>& words, std::size_t at,
                                   std::optional<std::chrono::sys_days> today, bool expected) {
  bool prefixed = false;
  const unsigned month = month_of(words[at].text, &prefixed);
  if (month == 0 || (!expected && !prefixed && !lead_in(words, at))) return std::nullopt;
  if (one_of(words[at].text, {"may", "march", "mar"}) && !lead_in(words, at) && words.size() > 2) return std::nullopt;
  TimingFind find{"", at, at + 1};
  int year = said_year(words, find.end, find.end);
  if (year == 0 && today) {
    const std::chrono::year_month_day now(*today);
    year = static_cast<int>(now.year()) + (month < static_cast<unsigned>(now.month()) ? 1 : 0);
  }
  find.value = year == 0 ? std::string(month_name(month, false)) : year_month(year, month);
  return find;
}

std::optional<TimingFind> season_at(const std::vector<Word>& words, std::size_t at,
                                    std::optional<std::chrono::sys_days> today, bool expected) {
  for (unsigned s = 0; s < kSeasons.size(); ++s) {
    bool hit = one_of(words[at].text, {kSeasons.at(s)[0], kSeasons.at(s)[2]});
    bool prefixed = false;
    for (const std::string_view stem : hebrew_stems(words[at].text)) {
      if (stem != kSeasons.at(s)[1]) continue;
      hit = true;
      prefixed = stem.size() != words[at].text.size();
    }
    if (!hit || (!expected && !prefixed && !lead_in(words, at))) continue;
    TimingFind find{"", at, at + 1};
    int year = said_year(words, find.end, find.end);
    if (year == 0 && today) {
      const std::chrono::year_month_day now(*today);
      const auto month = static_cast<unsigned>(now.month());
      constexpr std::array<unsigned, 4> kLast = {5, 8, 11, 12};
      year = static_cast<int>(now.year()) + (month > kLast.at(s) ? 1 : 0);
    }
    find.value = std::string(kSeasons.at(s)[0]) + (year == 0 ? "" : " " + std::to_string(year));
    return find;
  }
  return std::nullopt;
}

std::optional<TimingFind> relative_at(const std::vector<Word>& words, std::size_t at,
                                      std::optional<std::chrono::sys_days> today) {
  if (!today) return std::nullopt;
  const std::chrono::year_month_day now(*today);
  const int year = static_cast<int>(now.year());
  const auto month = static_cast<unsigned>(now.month());
  const std::string next_month = month == 12 ? year_month(year + 1, 1) : year_month(year, month + 1);
  const std::string this_year = std::to_string(year);
  const std::string next_year = std::to_string(year + 1);
  const std::pair<std::string_view, std::string> kTable[] = {{"end of next year", "end of " + next_year},
                                                             {"beginning of next year", "beginning of " + next_year},
                                                             {"start of next year", "beginning of " + next_year},
                                                             {"early next year", "beginning of " + next_year},
                                                             {"end of the year", "end of " + this_year},
                                                             {"end of this year", "end of " + this_year},
                                                             {"end of year", "end of " + this_year},
                                                             {"end of the month", year_month(year, month)},
                                                             {"end of this month", year_month(year, month)},
                                                             {"next month", next_month},
                                                             {"this month", year_month(year, month)},
                                                             {"next year", next_year},
                                                             {"this year", this_year},
                                                             {"next week", "in 1 weeks"},
                                                             {"this week", "immediate"},
                                                             {"new year", next_year},
                                                             {"סוף השנה הבאה", "end of " + next_year},
                                                             {"תחילת השנה הבאה", "beginning of " + next_year},
                                                             {"תחילת שנה הבאה", "beginning of " + next_year},
                                                             {"סוף השנה", "end of " + this_year},
                                                             {"סוף החודש", year_month(year, month)},
                                                             {"תחילת השנה", "beginning of " + next_year},
                                                             {"חודש הבא", next_month},
                                                             {"שנה הבאה", next_year},
                                                             {"שבוע הבא", "in 1 weeks"},
                                                             {"החודש", year_month(year, month)},
                                                             {"השנה", this_year},
                                                             {"השבוע", "immediate"}};
  for (const auto& [phrase, value] : kTable) {
    if (const std::size_t used = match_at(words, at, phrase, true); used > 0) return TimingFind{value, at, at + used};
  }
  return std::nullopt;
}

std::string say_span(std::string_view rest, bool hebrew) {
  std::int64_t low = 0;
  const char* const stop = rest.data() + rest.size();
  const auto [end, error] = std::from_chars(rest.data(), stop, low);
  std::int64_t high = low;
  const char* at = end;
  if (error == std::errc{} && at < stop && *at == '-') at = std::from_chars(at + 1, stop, high).ptr;
  const std::string_view name = at < stop ? std::string_view(at + 1, static_cast<std::size_t>(stop - at - 1)) : "";
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    if (!hebrew) {
      const std::string_view word = high == 1 ? unit.name.substr(0, unit.name.size() - 1) : unit.name;
      const std::string range = low == high ? "" : say_number_en(low) + " to ";
      return "in " + range + say_number_en(high) + " " + std::string(word);
    }
    if (low == high && low <= 2) return "בעוד " + std::string(low == 1 ? unit.one : unit.two);
    if (low == 1 && high == 2) return "בעוד " + std::string(unit.one) + " או " + std::string(unit.two);
    const std::string range = low == high ? "" : say_number_he(low, unit.gender) + " עד ";
    return "בעוד " + range + say_number_he(high, unit.gender) + " " + std::string(unit.many);
  }
  return std::string(rest);
}

std::string say_season_or_year(std::string_view text, bool hebrew) {
  std::string out(text);
  if (const std::size_t blank = out.rfind(' ');
      blank != std::string::npos && out.size() - blank == 5 && out[blank + 1] == '2') {
    const std::string year = out.substr(blank + 1);
    out.resize(blank);
    for (const auto& season : kSeasons) {
      if (out == season[0]) return hebrew ? "ב" + std::string(season[1]) : "in the " + out;
    }
    if (out == "end of") return hebrew ? "עד סוף השנה" : "by the end of the year";
    if (out == "beginning of") return hebrew ? "בתחילת השנה" : "early in the year";
    return out + " " + year;
  }
  return out;
}

}  // namespace

std::optional<TimingFind> find_timing(const std::vector<Word>& words, WallTime local_time, bool expected) {
  const auto today = local_day(local_time);
  for (const Phrase& phrase : kPhrases) {
    if (phrase.only_expected && !expected) continue;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::size_t used = match_at(words, i, phrase.words, true);
      if (used == 0) continue;
      const bool about_time = !one_of(phrase.words, {"פתוח", "גמישה"}) || expected;
      if (about_time) return TimingFind{std::string(phrase.value), i, i + used};
    }
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (auto find = relative_at(words, i, today)) return find;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (auto find = span_at(words, i, expected)) return find;
  }
  if (expected && today) {
    if (const auto day = find_day(words, *today)) return TimingFind{to_canonical(day->day), day->begin, day->end};
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (auto find = month_at(words, i, today, expected)) return find;
    if (auto find = season_at(words, i, today, expected)) return find;
  }
  return std::nullopt;
}

bool is_timing(std::string_view value) {
  if (value.empty() || value.size() > 40) return false;
  if (value == "immediate" || value == "flexible" || value.starts_with("in ") || value.starts_with("after ") ||
      value.starts_with("before ") || value.starts_with("end of ") || value.starts_with("beginning of ")) {
    return true;
  }
  if (value.size() == 4) return value.starts_with("20");
  if (value.size() == 7) return value[4] == '-';
  if (day_from_canonical(value.substr(0, 10))) return true;
  if (month_of(std::string(value)) > 0) return true;
  for (unsigned m = 1; m <= 12; ++m) {
    if (value == month_name(m, false)) return true;
  }
  for (const auto& season : kSeasons) {
    if (value.starts_with(season[0])) return true;
  }
  return false;
}

std::string say_timing(std::string_view value, bool hebrew) {
  if (value == "immediate") return hebrew ? "כמה שיותר מהר" : "as soon as possible";
  if (value == "flexible") return hebrew ? "בזמן גמיש" : "with flexible timing";
  if (value.starts_with("in a few ")) {
    const bool weeks = value.ends_with("weeks");
    return hebrew ? (weeks ? "בעוד כמה שבועות" : "בעוד כמה חודשים") : std::string(value);
  }
  if (value.starts_with("in ")) return say_span(value.substr(3), hebrew);
  if (value == "after the holidays" && hebrew) return "אחרי החגים";
  if (value == "after passover" && hebrew) return "אחרי פסח";
  if (value == "before passover" && hebrew) return "לפני פסח";
  if (value.size() == 7 && value[4] == '-') {
    unsigned month = 0;
    std::from_chars(value.data() + 5, value.data() + 7, month);
    return (hebrew ? "ב" : "in ") + std::string(month_name(month, hebrew));
  }
  if (value.size() == 4 && value.starts_with("20"))
    return hebrew ? "בשנת " + say_number_he(std::stoi(std::string(value)), Gender::kFeminine)
                  : "in " + say_number_en(std::stoi(std::string(value)));
  if (const auto day = day_from_canonical(value.substr(0, 10))) return (hebrew ? "ב" : "on ") + say_day(*day, hebrew);
  for (unsigned m = 1; m <= 12; ++m) {
    if (value == month_name(m, false)) return (hebrew ? "ב" : "in ") + std::string(month_name(m, hebrew));
  }
  return say_season_or_year(value, hebrew);
}

}  // namespace al::dialog
