// agentd in words: --help and agentd(8), from one text and the table of settings.
#pragma once

#include <string>
#include <string_view>

namespace al::agentd {

[[nodiscard]] std::string help_text();
[[nodiscard]] std::string man_page(std::string_view version);

}  // namespace al::agentd
