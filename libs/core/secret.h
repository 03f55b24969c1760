// Random bytes, digests, encodings and comparisons for tokens and signatures, over OpenSSL's libcrypto.
// Bytes travel in std::string_view / std::string; they may hold zeros. Everything here is thread-safe.
// Not here: TLS, key files, JSON web tokens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace al {

using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Sha1Digest sha1(std::string_view data);
[[nodiscard]] Sha256Digest sha256(std::string_view data);
// RFC 2104; the key may have any length, also 0.
[[nodiscard]] Sha1Digest hmac_sha1(std::string_view key, std::string_view data);
[[nodiscard]] Sha256Digest hmac_sha256(std::string_view key, std::string_view data);

template <std::size_t N>
[[nodiscard]] std::string_view as_bytes(const std::array<std::uint8_t, N>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), N};
}

// Fills from the operating system's generator. Ends the process if there is none: no secret is ever made of anything
// else.
[[nodiscard]] std::string random_bytes(std::size_t count);
// `byte_count` random bytes as base64url without padding: 16 bytes are 22 characters.
[[nodiscard]] std::string random_token(std::size_t byte_count = 16);

// True when equal. The time taken depends on the lengths only, never on where the first difference is.
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b);

// Lower-case hex digits, two a byte.
[[nodiscard]] std::string to_hex(std::string_view bytes);
// Upper and lower case accepted. kMalformed: an odd length or another character.
[[nodiscard]] Result<std::string> from_hex(std::string_view hex);

// RFC 4648 section 4, with padding.
[[nodiscard]] std::string base64_encode(std::string_view bytes);
// Strict: padding required, no white space, no bits left over. kMalformed names the position.
[[nodiscard]] Result<std::string> base64_decode(std::string_view text);
// RFC 4648 section 5, without padding.
[[nodiscard]] std::string base64url_encode(std::string_view bytes);
// Takes text with or without padding.
[[nodiscard]] Result<std::string> base64url_decode(std::string_view text);

}  // namespace al
