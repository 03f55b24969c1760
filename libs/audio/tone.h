// Sounds that need no file and no provider: the 440 Hz beep that replaces failed speech (SPEC 10), and silence.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "audio/format.h"

namespace al::audio {

// A sine of 8 kHz PCM with 10 ms raised-cosine ramps, so that it does not click. `frequency_hz` 1 .. 3999 (clamped),
// `level_dbfs` is its RMS (at most -3). Zero or negative durations give nothing.
[[nodiscard]] std::vector<std::int16_t> make_tone(double frequency_hz, std::chrono::milliseconds length,
                                                  float level_dbfs = -20.0F);
// make_tone(440 Hz, 200 ms): "something went wrong here, but the line is alive".
[[nodiscard]] std::vector<std::int16_t> make_beep();

[[nodiscard]] std::vector<std::int16_t> make_silence(std::chrono::milliseconds length);

}  // namespace al::audio
