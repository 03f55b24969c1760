// Cuts text that is longer than a synthesiser takes in one request, where a listener notices it least: after a
// sentence, else after a clause, else between words, else between characters. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace al::providers {

// What a service counts against its limit.
enum class TextUnit { kBytes, kCharacters };

// The parts in order, each within `limit` (≥ 8) units and without blanks at its ends; no part is empty, so blank text
// gives none. Joined with a space where it was cut between words, they are the text.
[[nodiscard]] std::vector<std::string> split_text(std::string_view text, std::size_t limit, TextUnit unit);

}  // namespace al::providers
