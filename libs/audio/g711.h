// G.711 µ-law (ITU-T G.711, 11/88) to and from 16-bit linear PCM, by table. Not A-law: Twilio Media Streams carry µ-law
// only. Every function is pure, allocation-free, realtime-safe and callable from any thread.
#pragma once

#include <cstdint>
#include <span>

#include "audio/format.h"

namespace al::audio {

// 0x00 -> -32124, 0x80 -> +32124, 0x7F and 0xFF -> 0 (the 14-bit values of the standard, shifted to 16 bits).
[[nodiscard]] std::int16_t decode_ulaw(std::uint8_t code);
// The sample is rounded to the 14 bits of the standard, then coded (bias 33, clipped at 8158). The same as sox for all
// samples; coders that truncate to 14 bits instead differ by one code at 1 of 128 samples.
[[nodiscard]] std::uint8_t encode_ulaw(std::int16_t sample);

// `from` and `to` must be of equal length (asserted).
void decode_ulaw(std::span<const std::uint8_t> from, std::span<std::int16_t> to);
void encode_ulaw(std::span<const std::int16_t> from, std::span<std::uint8_t> to);

[[nodiscard]] PcmFrame decode_frame(const UlawFrame& frame);
[[nodiscard]] UlawFrame encode_frame(PcmFrameView frame);

}  // namespace al::audio
