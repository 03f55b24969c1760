// Help, man page and completions, all from the command table.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "alctl/command_table.h"

namespace al::alctl {
namespace {

constexpr ExitCode kAllCodes[] = {ExitCode::kOk,       ExitCode::kFailed, ExitCode::kUsage,       ExitCode::kNotReady,
                                  ExitCode::kNotFound, ExitCode::kDenied, ExitCode::kUnreachable, ExitCode::kConflict,
                                  ExitCode::kLimit,    ExitCode::kConfig, ExitCode::kInterrupted};

const std::vector<OptionSpec>& common_options() {
  static const std::vector<OptionSpec> options = {
      {"json", ValueKind::kFlag, "", "print one JSON object on stdout; errors too", "", false, {}, {}, {}},
      {"color",
       ValueKind::kChoice,
       "WHEN",
       "colour: auto, always or never (NO_COLOR is honoured)",
       "auto",
       false,
       {"auto", "always", "never"},
       {},
       {}},
      {"help", ValueKind::kFlag, "", "show this help", "", false, {}, {}, {}}};
  return options;
}

std::string option_usage(const OptionSpec& option) {
  const std::string names =
      (option.short_name == 0 ? "" : "-" + std::string(1, option.short_name) + ", ") + "--" + option.name;
  if (option.kind == ValueKind::kFlag) return names;
  return names + " " + (option.value_name.empty() ? "VALUE" : option.value_name);
}

std::string synopsis(const CommandSpec& command) {
  std::string line = "alctl " + command.name;
  for (const ArgumentSpec& argument : command.arguments) {
    std::string text = argument.name + (argument.repeatable ? "…" : "");
    line += argument.required ? " " + text : " [" + text + "]";
  }
  if (!command.options.empty()) line += " [options]";
  return line;
}

std::string option_help(const OptionSpec& option) {
  std::string help = option.help;
  if (option.kind == ValueKind::kChoice && help.find(option.choices.front()) == std::string::npos) {
    help += fmt::format(" ({})", fmt::join(option.choices, ", "));
  }
  if (!option.default_text.empty()) help += " [" + option.default_text + "]";
  if (option.repeatable) help += "; may be repeated";
  return help;
}

std::string two_columns(std::string_view left, std::string_view right) {
  constexpr std::size_t kColumn = 26;
  if (left.size() + 2 <= kColumn) return fmt::format("  {:<{}}{}\n", left, kColumn, right);
  return fmt::format("  {}\n{:<{}}{}\n", left, "", kColumn + 2, right);
}

// Text as roff: dashes that are options stay dashes, and nothing at a line's beginning is taken for a request.
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_start = c == '\n';
  }
  return out;
}

std::set<std::string> groups_of(const std::vector<CommandSpec>& commands) {
  std::set<std::string> groups;
  for (const CommandSpec& command : commands) {
    const auto space = command.name.find(' ');
    if (space != std::string::npos) groups.insert(command.name.substr(0, space));
  }
  return groups;
}

std::vector<std::string> first_words(const std::vector<CommandSpec>& commands) {
  std::vector<std::string> words;
  for (const CommandSpec& command : commands) {
    const std::string word = command.name.substr(0, command.name.find(' '));
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  words.emplace_back("help");
  return words;
}

std::vector<std::string> second_words(const std::vector<CommandSpec>& commands, const std::string& group) {
  std::vector<std::string> words;
  for (const CommandSpec& command : commands) {
    if (command.name.starts_with(group + " ")) words.push_back(command.name.substr(group.size() + 1));
  }
  return words;
}

std::string quoted_for_shell(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::string general_help(const std::vector<CommandSpec>& commands) {
  std::string text = "alctl: the operator's toolkit of AgentLocator\n\nusage: alctl COMMAND [arguments] [options]\n\n";
  for (const CommandSpec& command : commands) text += two_columns(command.name, command.summary);
  text += "\nEvery command: --json, --color WHEN, --help (with examples).\n";
  text +=
      "Exit codes: 0 ok, 1 failed, 2 usage, 3 not ready, 4 not found, 5 denied, 6 unreachable, 7 conflict, 8 limit,\n";
  text += "78 configuration, 130 interrupted.\n";
  return text;
}

std::string group_help(const std::vector<CommandSpec>& commands, std::string_view group) {
  std::string text = fmt::format("usage: alctl {} COMMAND\n\n", group);
  for (const CommandSpec& command : commands) {
    if (command.name.starts_with(std::string(group) + " ")) text += two_columns(command.name, command.summary);
  }
  return text;
}

std::string command_help(const CommandSpec& command) {
  std::string text = command.summary + "\n\n";
  for (const Example& example : command.examples)
    text += fmt::format("  {}\n      {}\n", example.command, example.says);
  if (!command.examples.empty()) text += "\n";
  text += "usage: " + synopsis(command) + "\n";
  if (!command.description.empty()) text += "\n" + command.description + "\n";
  if (!command.arguments.empty()) text += "\n";
  for (const ArgumentSpec& argument : command.arguments) text += two_columns(argument.name, argument.help);
  text += "\n";
  for (const OptionSpec& option : command.options) text += two_columns(option_usage(option), option_help(option));
  for (const OptionSpec& option : common_options()) text += two_columns(option_usage(option), option_help(option));
  return text;
}

std::string man_page(const std::vector<CommandSpec>& commands, std::string_view version) {
  std::string page = fmt::format(
      ".TH ALCTL 1 \"\" \"AgentLocator {}\"\n.SH NAME\nalctl \\- the operator's toolkit of AgentLocator\n", version);
  page += ".SH SYNOPSIS\n.B alctl\n.I command\n[arguments] [options]\n.SH DESCRIPTION\n";
  page +=
      "Measures, checks and explains a running agentd: it plays Twilio's side of a call, replays recordings, checks\n";
  page +=
      "signatures and documents, and reads the stored calls and leads. Data goes to standard output, everything else "
      "to\n";
  page += "standard error.\n.SH COMMANDS\n";
  for (const CommandSpec& command : commands) {
    page += ".SS " + roff(synopsis(command)) + "\n" + roff(command.summary) + ".\n";
    if (!command.description.empty()) page += ".PP\n" + roff(command.description) + "\n";
    for (const ArgumentSpec& argument : command.arguments) {
      page += ".TP\n.I " + roff(argument.name) + "\n" + roff(argument.help) + "\n";
    }
    for (const OptionSpec& option : command.options) {
      page += ".TP\n.B " + roff(option_usage(option)) + "\n" + roff(option_help(option)) + "\n";
    }
    for (const Example& example : command.examples) {
      page += ".PP\n" + roff(example.says) + ":\n.PP\n.nf\n.RS 4\n" + roff(example.command) + "\n.RE\n.fi\n";
    }
  }
  page += ".SH OPTIONS OF EVERY COMMAND\n";
  for (const OptionSpec& option : common_options()) {
    page += ".TP\n.B " + roff(option_usage(option)) + "\n" + roff(option_help(option)) + "\n";
  }
  page += ".SH EXIT STATUS\n";
  for (const ExitCode code : kAllCodes) {
    page += fmt::format(".TP\n.B {}\n{}\n", static_cast<int>(code), roff(describe(code)));
  }
  page += ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nwhere set and not empty: no colour\n.SH SEE ALSO\n.BR agentd (8)\n";
  return page;
}

std::string bash_completion(const std::vector<CommandSpec>& commands) {
  std::string text = "# bash completion for alctl\n_alctl() {\n  local cur=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\"\n";
  text += "  local first=\"${COMP_WORDS[1]}\" both=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n  COMPREPLY=()\n";
  text += "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n";
  text += fmt::format("    words=\"{}\"\n  else\n", fmt::join(first_words(commands), " "));
  text += "    if [ \"$COMP_CWORD\" -eq 2 ]; then\n      case \"$first\" in\n";
  for (const std::string& group : groups_of(commands)) {
    text += fmt::format("        {}) words=\"{}\" ;;\n", group, fmt::join(second_words(commands, group), " "));
  }
  text += "      esac\n    fi\n    case \"$both\" in\n";
  std::vector<const CommandSpec*> ordered;
  for (const CommandSpec& command : commands) {
    if (command.name.find(' ') != std::string::npos) ordered.push_back(&command);
  }
  for (const CommandSpec& command : commands) {
    if (command.name.find(' ') == std::string::npos) ordered.push_back(&command);
  }
  for (const CommandSpec* command : ordered) {
    std::string names;
    for (const OptionSpec& option : command->options) names += " --" + option.name;
    const std::string pattern =
        command->name.find(' ') == std::string::npos ? command->name + "\\ *" : quoted_for_shell(command->name) + "*";
    text += fmt::format("      {}) words=\"$words{} --json --color --help\" ;;\n", pattern, names);
  }
  text += "    esac\n  fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n";
  text +=
      "  [ ${#COMPREPLY[@]} -eq 0 ] && COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -o filenames -F _alctl "
      "alctl\n";
  return text;
}

std::string zsh_completion(const std::vector<CommandSpec>& commands) {
  std::string text = "#compdef alctl\n_alctl() {\n  local first=\"${words[2]}\" both=\"${words[2]} ${words[3]}\"\n";
  text +=
      fmt::format("  if (( CURRENT == 2 )); then compadd -- {}; return; fi\n", fmt::join(first_words(commands), " "));
  for (const std::string& group : groups_of(commands)) {
    text += fmt::format("  if (( CURRENT == 3 )) && [[ $first == {} ]]; then compadd -- {}; return; fi\n", group,
                        fmt::join(second_words(commands, group), " "));
  }
  for (const CommandSpec& command : commands) {
    const bool two = command.name.find(' ') != std::string::npos;
    text += fmt::format("  if [[ ${} == {} ]]; then\n    _arguments '*:file:_files'", two ? "both" : "first",
                        quoted_for_shell(command.name));
    for (const OptionSpec& option : command.options) {
      std::string help = option.help;
      for (const char c : {'[', ']', ':', '\''}) std::replace(help.begin(), help.end(), c, ' ');
      std::string action;
      if (option.kind != ValueKind::kFlag) {
        action = ":" + option.value_name + ":";
        if (option.kind == ValueKind::kChoice) action += fmt::format("({})", fmt::join(option.choices, " "));
        if (option.kind == ValueKind::kFile) action += "_files";
        if (option.kind == ValueKind::kDirectory) action += "_files -/";
      }
      text += fmt::format(" \\\n      '{}--{}[{}]{}'", option.repeatable ? "*" : "", option.name, help, action);
    }
    text +=
        " \\\n      '--json[print one JSON object]' '--color[colour]:when:(auto always never)' '--help[show the "
        "help]'\n";
    text += "    return\n  fi\n";
  }
  return text + "}\n_alctl \"$@\"\n";
}

std::string fish_completion(const std::vector<CommandSpec>& commands) {
  std::string text = "# fish completion for alctl\ncomplete -c alctl -f\n";
  for (const CommandSpec& command : commands) {
    const auto space = command.name.find(' ');
    const std::string first = command.name.substr(0, space);
    if (space == std::string::npos) {
      text += fmt::format("complete -c alctl -n __fish_use_subcommand -a {} -d {}\n", first,
                          quoted_for_shell(command.summary));
    } else {
      text += fmt::format("complete -c alctl -n __fish_use_subcommand -a {}\n", first);
      text += fmt::format("complete -c alctl -n '__fish_seen_subcommand_from {}' -a {} -d {}\n", first,
                          command.name.substr(space + 1), quoted_for_shell(command.summary));
    }
    const std::string condition =
        space == std::string::npos ? fmt::format("__fish_seen_subcommand_from {}", first)
                                   : fmt::format("__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}",
                                                 first, command.name.substr(space + 1));
    for (const OptionSpec& option : command.options) {
      text += fmt::format("complete -c alctl -n '{}' -l {} -d {}{}\n", condition, option.name,
                          quoted_for_shell(option.help), option.kind == ValueKind::kFlag ? "" : " -r -F");
    }
    text += fmt::format("complete -c alctl -n '{}' -l json -d 'print one JSON object'\n", condition);
  }
  return text;
}

}  // namespace al::alctl
