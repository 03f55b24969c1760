// The scanner and the full parser must agree on every text that the scanner accepts.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "twilio/media_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  al::twilio::msg::Media scanned;
  const bool by_scanner = al::twilio::detail::scan_media(text, scanned);
  const auto parsed = al::twilio::detail::parse_with_json(text);
  if (by_scanner) {
    if (!parsed || !std::holds_alternative<al::twilio::msg::Media>(*parsed)) std::abort();
    if (!(std::get<al::twilio::msg::Media>(*parsed) == scanned)) std::abort();
  }
  return 0;
}
