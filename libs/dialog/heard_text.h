// Words and time: which words of a text were heard when only a part of its sound was played, and whether what was
// recognised over our speech is only our own echo. Pure functions; UTF-8, any script.
#pragma once

#include <string>
#include <string_view>

#include "core/time.h"

namespace al::dialog {

// The words of `text` that end within `played` of its `total` sound; each word takes time by its number of characters.
// No word timestamps are needed. "" for nothing, the whole text when played >= total.
[[nodiscard]] std::string heard_words(std::string_view text, Duration played, Duration total);

// How long a text takes to say, before its sound is there: 68 ms a character (13-16 characters a second is usual for
// telephone prompts), at least 200 ms.
[[nodiscard]] Duration estimated_length(std::string_view text);

// True when `recognised` (three words or more) is a run of words of what we are just saying: our echo.
[[nodiscard]] bool is_our_echo(std::string_view recognised, std::string_view our_speech);

}  // namespace al::dialog
