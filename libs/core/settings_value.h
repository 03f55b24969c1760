// One value of a setting: reading it from text and checking it against its row. Part of core/settings.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace al {

struct SettingSpec;

struct SettingValue {
  std::string text;          // as given, trimmed; enums in the spelling of the table; URLs without a trailing slash
  double number = 0.0;       // kInt, kDouble; durations in the unit of the row
  std::int64_t integer = 0;  // kInt, kBool; durations in microseconds
  std::vector<std::string> items;
  std::string origin = "default";
};

// `name` is the key or alias under which it was given: it decides the unit of a bare number (…_ms, …_sec) and is named
// in the error. An empty text is "not set" and always legal. Lists: separated by commas, or, when there is one, by line
// ends.
[[nodiscard]] Result<SettingValue> check_setting(const SettingSpec& spec, std::string_view name, std::string_view text);

// "unknown setting 'vad_engin' (did you mean 'vad_engine'?)"
[[nodiscard]] std::string unknown_setting(std::string_view name);
// Control characters replaced, at most 80 bytes: fit for an error message.
[[nodiscard]] std::string printable_value(std::string_view text);
// 6 -> "6", 0.35 -> "0.35"
[[nodiscard]] std::string short_number(double value);

}  // namespace al
