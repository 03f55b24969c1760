// Every command's own function; main.cpp lists them in the order of the help.
#pragma once

#include <vector>

#include "alctl/command_table.h"

namespace al::alctl {

[[nodiscard]] CommandSpec call_command();
[[nodiscard]] CommandSpec chat_command();
[[nodiscard]] CommandSpec fakes_command();
[[nodiscard]] std::vector<CommandSpec> records_commands();  // leads, calls, whatsapp
[[nodiscard]] CommandSpec load_command();
[[nodiscard]] CommandSpec smoke_command();
[[nodiscard]] CommandSpec twiml_preview_command();
[[nodiscard]] CommandSpec signature_check_command();
[[nodiscard]] CommandSpec signature_sign_command();
[[nodiscard]] CommandSpec signature_explain_command();
[[nodiscard]] CommandSpec explain_command();
[[nodiscard]] CommandSpec config_show_command();
[[nodiscard]] CommandSpec config_check_command();
[[nodiscard]] CommandSpec replay_command();
[[nodiscard]] CommandSpec tune_command();
[[nodiscard]] CommandSpec version_command();

}  // namespace al::alctl
