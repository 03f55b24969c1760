// `alctl docs …`: the texts that are made from the command table, for packagers and shells.
#include "alctl/docs_command.h"

namespace al::alctl {

CommandSpec docs_command(const std::vector<CommandSpec>& commands) {
  CommandSpec spec;
  spec.name = "docs";
  spec.summary = "print the man page or a shell completion";
  spec.arguments = {
      {"KIND", "man, bash, zsh or fish", true, false, ValueKind::kChoice, {"man", "bash", "zsh", "fish"}}};
  spec.examples = {{"alctl docs bash > /etc/bash_completion.d/alctl", "installs the completion for bash"},
                   {"alctl docs man | man -l -", "reads the manual of this very program"}};
  // A copy of the table, which then lists this command too.
  spec.run = [commands](const Arguments& arguments, Io& io) {
    std::vector<CommandSpec> all = commands;
    all.push_back(docs_command({}));
    const std::string kind = arguments.text("KIND");
    if (kind == "man") io.out << man_page(all, AL_VERSION);
    if (kind == "bash") io.out << bash_completion(all);
    if (kind == "zsh") io.out << zsh_completion(all);
    if (kind == "fish") io.out << fish_completion(all);
    return ExitCode::kOk;
  };
  return spec;
}

}  // namespace al::alctl
