// Networks of addresses, "10.0.0.0/8, ::1/128": decides whose X-Forwarded-* headers are believed. Immutable.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace al::agentd {

class AddressList {
 public:
  AddressList() = default;
  // Each entry is an IPv4 or IPv6 address with an optional prefix length. kMalformed names the entry.
  static Result<AddressList> parse(const std::vector<std::string>& entries);

  // `address` in text form; an IPv4 address mapped into IPv6 (::ffff:1.2.3.4) counts as IPv4. False for other text.
  [[nodiscard]] bool contains(std::string_view address) const;

 private:
  struct Network {
    std::array<std::uint8_t, 16> bytes{};  // IPv4 is kept mapped into IPv6
    int prefix_bits = 128;
  };
  std::vector<Network> networks_;
};

}  // namespace al::agentd
