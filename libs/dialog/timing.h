// When a caller wants to move: "as soon as possible", "in three months", "next summer", "אחרי החגים". Pure,
// thread-safe. Canonical forms: "immediate", "flexible", "in 3 months", "in 2-3 weeks", "in a few months", "2027-01" (a
// month), "2026-11-24" (a day), "summer 2027", "2027", "end of 2026", "after the holidays".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "dialog/words.h"

namespace al::dialog {

struct TimingFind {
  std::string value;
  std::size_t begin = 0;  // words
  std::size_t end = 0;
};

// `expected`: the caller was asked for it, so that a bare "January" or "three months" counts. Without a local date
// (epoch) months and seasons keep no year.
[[nodiscard]] std::optional<TimingFind> find_timing(const std::vector<Word>& words, WallTime local_time, bool expected);

[[nodiscard]] bool is_timing(std::string_view canonical);
// "in three months", "בעוד שלושה חודשים", "כמה שיותר מהר"
[[nodiscard]] std::string say_timing(std::string_view canonical, bool hebrew);

}  // namespace al::dialog
