// Whatever a body decodes to must survive being encoded and decoded again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "twilio/form.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto form = al::twilio::parse_form({reinterpret_cast<const char*>(data), size});
  if (!form) return 0;
  const auto again = al::twilio::parse_form(al::twilio::encode_form(*form), {std::size_t{1} << 20, 1000});
  if (!again || !(*again == *form)) std::abort();
  return 0;
}
