// The persona loader: any text gives a persona or a complaint with a line, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dialog/persona.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto persona = al::dialog::Persona::parse(text, "fuzz.toml");
  if (!persona && persona.error().detail.find("fuzz.toml:") != 0) std::abort();
  if (persona && (*persona)->slots.empty()) std::abort();
  return 0;
}
