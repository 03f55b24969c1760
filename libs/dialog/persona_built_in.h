// The personas that are compiled in (libs/dialog/personas/*.toml, embedded by the build). Internal to this room.
#pragma once

#include <span>
#include <string_view>

namespace al::dialog {

struct BuiltInPersona {
  std::string_view id;
  std::string_view toml;
};
[[nodiscard]] std::span<const BuiltInPersona> built_in_personas();

}  // namespace al::dialog
