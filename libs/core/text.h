// Small things done to ASCII text. Pure and thread-safe. Words in other languages: core/utf8.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace al {

// 'A'..'Z' only; other bytes stay.
[[nodiscard]] std::string to_lower_ascii(std::string_view text);
[[nodiscard]] bool equal_ignore_case(std::string_view a, std::string_view b);  // ASCII
// Spaces, tabs and line ends off both ends.
[[nodiscard]] std::string_view trim(std::string_view text);
// The parts between `separator`; an empty text has none. Views into `text`.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
// Every occurrence of `what` (not empty) replaced.
[[nodiscard]] std::string replace_all(std::string_view text, std::string_view what, std::string_view with);

}  // namespace al
