// Days and times of day as callers name them, resolved against a given local date; nothing here reads a clock.
// Pure and thread-safe. Canonical forms: "2026-11-24", "17:00", "2026-11-24 17:00".
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "dialog/words.h"

namespace al::dialog {

// The calendar day of a local time; nullopt for the epoch, which stands for "not known".
[[nodiscard]] std::optional<std::chrono::sys_days> local_day(WallTime local_time);

struct DayFind {
  std::chrono::sys_days day;
  std::size_t begin = 0;  // words
  std::size_t end = 0;
};
// "tomorrow", "next Tuesday", "January 5th", "5 בינואר", "יום שלישי הבא", "מחרתיים", "12/1", "in two days".
[[nodiscard]] std::optional<DayFind> find_day(const std::vector<Word>& words, std::chrono::sys_days today);

struct TimeFind {
  int minutes = 0;  // since midnight
  std::size_t begin = 0;
  std::size_t end = 0;
  bool sure = false;  // am/pm, a colon, "o'clock" or a part of the day was said
};
// "at ten", "5 pm", "17:30", "half past five", "בחמש וחצי אחרי הצהריים". Without a part of the day, one to seven are
// taken as afternoon: nobody asks to be called at four in the morning.
[[nodiscard]] std::optional<TimeFind> find_time(const std::vector<Word>& words);

// 1-12, from a month's name in either language; 0 = none. `hebrew_prefix` tells whether "ב" or the like was in front.
[[nodiscard]] unsigned month_of(std::string_view word, bool* prefixed = nullptr);

[[nodiscard]] std::string to_canonical(std::chrono::sys_days day);
[[nodiscard]] std::optional<std::chrono::sys_days> day_from_canonical(std::string_view text);
// "Tuesday, November twenty-fourth", "יום שלישי, עשרים וארבעה בנובמבר"
[[nodiscard]] std::string say_day(std::chrono::sys_days day, bool hebrew);
// "half past five in the afternoon", "חמש וחצי אחר הצהריים"
[[nodiscard]] std::string say_time(int minutes, bool hebrew);
[[nodiscard]] std::string_view month_name(unsigned month, bool hebrew);

}  // namespace al::dialog
