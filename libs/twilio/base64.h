// Standard base64 (RFC 4648 section 4, with padding) by table. Used once per 20 ms frame: no allocation in the span
// forms. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace al::twilio {

[[nodiscard]] constexpr std::size_t base64_length(std::size_t bytes) {
  return (bytes + 2) / 3 * 4;
}
// An upper bound of what `text_length` characters decode to.
[[nodiscard]] constexpr std::size_t base64_max_decoded(std::size_t text_length) {
  return text_length / 4 * 3;
}

// Writes base64_length(bytes.size()) characters to `out`, which must have room for them.
void base64_encode(std::span<const std::uint8_t> bytes, char* out);

// Decodes into `out` and returns the number of bytes; nullopt when the text is not base64 (wrong alphabet, length not a
// multiple of four, padding anywhere but at the end) or does not fit. Bits beyond the last byte are ignored.
[[nodiscard]] std::optional<std::size_t> base64_decode(std::string_view text, std::span<std::uint8_t> out);

}  // namespace al::twilio
