// One entry of the phrase cache as a file: a µ-law 8 kHz WAV (RIFF, RFC 2361 tag 7) with a chunk of our own, "alck",
// that holds a SHA-256 over key and samples. Players skip it. Pure. For this room's own tts_cache.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace al::providers {

using Ulaw = std::vector<std::uint8_t>;

[[nodiscard]] std::string encode_cache_file(std::string_view key, std::span<const std::uint8_t> ulaw);
// nullopt for anything that encode_cache_file() did not write for this key, byte for byte.
[[nodiscard]] std::optional<Ulaw> decode_cache_file(std::string_view key, std::string_view file);

}  // namespace al::providers
