// The keyed and plain hashes that Twilio's rules need, and the comparison that leaks no timing. Pure and thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace al::twilio {

[[nodiscard]] std::array<std::uint8_t, 20> hmac_sha1(std::string_view key, std::string_view message);
[[nodiscard]] std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view message);
[[nodiscard]] std::string sha256_hex(std::string_view message);  // 64 lower-case digits

// Equality of two texts; the time depends on the lengths only.
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace al::twilio
