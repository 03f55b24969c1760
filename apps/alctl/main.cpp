// alctl: what an operator needs beside the daemon. Each command is one file; this is the list of them.

#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "alctl/command_table.h"
#include "alctl/commands.h"
#include "alctl/docs_command.h"
#include "alctl/terminal.h"

namespace {

std::vector<al::alctl::CommandSpec> all_commands() {
  using namespace al::alctl;
  std::vector<CommandSpec> commands = {
      call_command(),           chat_command(),
      load_command(),           smoke_command(),
      twiml_preview_command(),  signature_check_command(),
      signature_sign_command(), signature_explain_command(),
      explain_command(),        replay_command(),
      tune_command(),           config_show_command(),
      config_check_command(),   fakes_command(),
      version_command(),
  };
  for (CommandSpec& command : records_commands()) commands.push_back(std::move(command));
  commands.push_back(docs_command(commands));
  return commands;
}

}  // namespace

int main(int argc, char** argv) {
  using al::alctl::ExitCode;
  al::alctl::prepare_signals();
  al::alctl::Io io{std::cout, std::cerr};
  al::alctl::fit_to_terminal(io);
  try {
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const ExitCode code = al::alctl::run_command_line(all_commands(), words, io);
    std::cout.flush();
    return static_cast<int>(al::alctl::interrupted() ? ExitCode::kInterrupted : code);
  } catch (const std::exception& error) {
    return static_cast<int>(io.fail(ExitCode::kFailed, error.what()));
  }
}
