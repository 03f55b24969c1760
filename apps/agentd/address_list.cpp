#include "agentd/address_list.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <arpa/inet.h>

namespace al::agentd {
namespace {

constexpr int kMappedBits = 96;  // ::ffff:0:0/96 holds IPv4 (RFC 4291 2.5.5.2)

std::optional<std::array<std::uint8_t, 16>> parse_address(std::string_view text, bool* is_v4 = nullptr) {
  const std::string terminated(text);
  std::array<std::uint8_t, 16> bytes{};
  std::array<std::uint8_t, 4> v4{};
  if (inet_pton(AF_INET, terminated.c_str(), v4.data()) == 1) {
    bytes[10] = bytes[11] = 0xFF;
    std::copy(v4.begin(), v4.end(), bytes.begin() + 12);
    if (is_v4 != nullptr) *is_v4 = true;
    return bytes;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) {
    if (is_v4 != nullptr) *is_v4 = false;
    return bytes;
  }
  return std::nullopt;
}

}  // namespace

Result<AddressList> AddressList::parse(const std::vector<std::string>& entries) {
  AddressList list;
  for (const std::string& entry : entries) {
    const std::size_t slash = entry.find('/');
    bool is_v4 = false;
    const auto bytes = parse_address(std::string_view(entry).substr(0, slash), &is_v4);
    int bits = is_v4 ? 32 : 128;
    bool legal = bytes.has_value();
    if (legal && slash != std::string::npos) {
      int given = -1;
      const char* end = entry.data() + entry.size();
      const auto [stop, fault] = std::from_chars(entry.data() + slash + 1, end, given);
      legal = fault == std::errc{} && stop == end && given >= 0 && given <= bits;
      bits = given;
    }
    if (!legal) {
      return fail(Errc::kMalformed,
                  "trusted_proxies: '" + entry + "' is not an address or a network like 10.0.0.0/8 or ::1/128");
    }
    list.networks_.push_back({*bytes, is_v4 ? bits + kMappedBits : bits});
  }
  return list;
}

bool AddressList::contains(std::string_view address) const {
  const auto bytes = parse_address(address);
  if (!bytes) return false;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    for (int bit = 0; bit < network.prefix_bits; ++bit) {
      const auto at = static_cast<std::size_t>(bit / 8);
      const int mask = 0x80 >> (bit % 8);
      if (((*bytes)[at] & mask) != (network.bytes[at] & mask)) return false;
    }
    return true;
  });
}

}  // namespace al::agentd
