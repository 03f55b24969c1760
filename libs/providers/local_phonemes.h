// English text to sounds with flite, in-process: numbers, money, dates and abbreviations are read out, words come from
// its lexicon or its letter-to-sound rules. Thread-safe: flite's reference counts are not, so one lock guards it
// (0.4 ms a sentence, 26 ms for a spoken one).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace al::providers {

// IPA as the Piper voices know it (espeak's en-us set), with stress marks and the sentence's punctuation:
// "Hello, world." -> "həlˈoʊ, wˈɜːld." Text that is not English comes out as guesses.
[[nodiscard]] std::string english_phonemes(std::string_view text);

// flite's own voices: light and robotic.
enum class FliteVoice { kRms, kSlt, kAwb, kKal };
// "rms", "slt", "awb", "kal"; kNotFound names the legal words.
Result<FliteVoice> parse_flite_voice(std::string_view name);
// 8 kHz mono. `rate` 1.0 = normal.
[[nodiscard]] std::vector<std::int16_t> flite_speak(std::string_view text, FliteVoice voice, double rate);

}  // namespace al::providers
