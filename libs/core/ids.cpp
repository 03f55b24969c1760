#include "core/ids.h"

#include <algorithm>

namespace al {

bool is_twilio_sid(std::string_view text, std::string_view prefix) {
  constexpr std::size_t kHexDigits = 32;
  if (text.size() != prefix.size() + kHexDigits || !text.starts_with(prefix)) return false;
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(prefix.size()), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

}  // namespace al
