// UTF-8 as it comes from strangers: checked, counted, cut and repaired without breaking a code point.
// RFC 3629: no surrogates, nothing over U+10FFFF, shortest form only. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace al {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

[[nodiscard]] bool is_valid_utf8(std::string_view text);

// Takes the first code point off `text`. A byte that starts no valid sequence is taken alone and comes back as U+FFFD.
// `text` must not be empty.
char32_t take_codepoint(std::string_view& text);

// Code points, where each invalid byte counts as one.
[[nodiscard]] std::size_t count_codepoints(std::string_view text);

// The longest prefix of at most `max_bytes` bytes / `max_codepoints` code points that cuts no code point.
[[nodiscard]] std::string_view truncate_utf8(std::string_view text, std::size_t max_bytes);
[[nodiscard]] std::string_view truncate_codepoints(std::string_view text, std::size_t max_codepoints);

// The same text with each invalid byte replaced by U+FFFD. Always valid.
[[nodiscard]] std::string repair_utf8(std::string_view text);

[[nodiscard]] std::vector<char32_t> decode_utf8(std::string_view text);
// Surrogates and values over U+10FFFF are written as U+FFFD.
void append_utf8(std::string& out, char32_t codepoint);
[[nodiscard]] std::string encode_utf8(const std::vector<char32_t>& codepoints);

}  // namespace al
