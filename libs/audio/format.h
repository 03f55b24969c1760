// The one place where the audio constants of the telephone line live (ITU-T G.711; Twilio Media Streams:
// audio/x-mulaw, 8000 Hz, one channel, 20 ms a message). Everything else derives from these.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace al::audio {

inline constexpr int kSampleRateHz = 8000;
inline constexpr std::chrono::milliseconds kFrameDuration{20};
inline constexpr std::size_t kFrameSamples = kSampleRateHz * kFrameDuration.count() / 1000;
static_assert(kFrameSamples == 160, "a µ-law frame is 160 bytes, one byte a sample");

using PcmFrame = std::array<std::int16_t, kFrameSamples>;   // 20 ms of linear PCM, full scale ±32768
using UlawFrame = std::array<std::uint8_t, kFrameSamples>;  // 20 ms of G.711 µ-law
using PcmFrameView = std::span<const std::int16_t, kFrameSamples>;

inline constexpr std::uint8_t kUlawSilence = 0xFF;  // +0 in G.711 µ-law

}  // namespace al::audio
