// espeak-ng as a separate program, started for each text and killed when it is no longer wanted or takes too long.
// For Hebrew it is fair on pointed text (with niqqud) only: plain Hebrew loses its vowels. Not linked (GPL-3).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"

namespace al::providers {

struct EspeakOptions {
  std::string program = "espeak-ng";
  std::string language = "he";  // espeak's name
  double rate = 1.0;
  Duration timeout = seconds{5};
};

[[nodiscard]] bool espeak_is_installed(const std::string& program = "espeak-ng");
// 8 kHz mono. Blocks until the program has ended. kNotFound: not installed; kTimeout; kClosed: `cancelled` was set.
Result<std::vector<std::int16_t>> espeak_speak(std::string_view text, const EspeakOptions& options,
                                               const std::atomic<bool>* cancelled = nullptr);

// Pointed Hebrew as espeak-ng understands it. It reads a letter with a dagesh and one vowel, in this order, and spells
// out the names of all other marks: so dagesh stays only where it changes the sound (bet, kaf, pe, vav), the shin dot
// goes, sin becomes samekh, holam gets its vav, accents go. Other text passes unchanged.
[[nodiscard]] std::string simplify_niqqud(std::string_view utf8);
// True when at least half of the Hebrew words of the text carry a vowel mark; false without Hebrew words.
[[nodiscard]] bool is_pointed_hebrew(std::string_view utf8);

}  // namespace al::providers
