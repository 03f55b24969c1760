// `alctl docs man|bash|zsh|fish`: the command that prints the other commands.
#pragma once

#include <vector>

#include "alctl/command_table.h"

namespace al::alctl {

[[nodiscard]] CommandSpec docs_command(const std::vector<CommandSpec>& commands);

}  // namespace al::alctl
