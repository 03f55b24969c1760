// What commands alctl has, as data: one table drives parsing, --help, the man page and the shell completions.
// A command is one file with one function that returns its CommandSpec; main.cpp lists them.
//
// To add a command: write apps/alctl/<name>_command.cpp with `CommandSpec <name>_command();` declared in commands.h,
// add it to the list in main.cpp and to CMakeLists.txt. --json, --color and --help exist for every command by
// themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alctl/exit_code.h"
#include "alctl/io.h"

namespace al::alctl {

enum class ValueKind { kFlag, kText, kInteger, kNumber, kFile, kDirectory, kChoice };

struct OptionSpec {
  std::string name;  // "seconds": given as --seconds
  ValueKind kind = ValueKind::kText;
  std::string value_name;    // "S", "FILE"; for the help
  std::string help;          // one sentence, no full stop
  std::string default_text;  // given to the command when the option is absent; empty = really absent
  bool repeatable = false;
  std::vector<std::string> choices;  // kChoice
  std::optional<double> min;         // kInteger, kNumber
  std::optional<double> max;
  char short_name = 0;  // 'n': also given as -n
};

struct ArgumentSpec {
  std::string name;  // "URL"
  std::string help;
  bool required = true;
  bool repeatable = false;  // only the last one
  ValueKind kind = ValueKind::kText;
  std::vector<std::string> choices;
};

struct Example {
  std::string command;  // "alctl call http://127.0.0.1:8080 --text 'Hello'"
  std::string says;     // what it does
};

// The parsed command line of one command. Names are those of the specs; asking for another name is a programming error.
class Arguments {
 public:
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] bool given(std::string_view name) const;  // on the command line, not by default
  // The (last) value, the default, or empty text.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;  // in the order given
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise = 0) const;
  [[nodiscard]] double number(std::string_view name, double otherwise = 0) const;
  // Options in the order in which they stood on the command line, as (name, value): for `--say a --text b --say c`.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& in_order() const { return in_order_; }

  // For the parser and for tests.
  void add(std::string name, std::string value);
  void add_default(std::string name, std::string value);

 private:
  std::vector<std::pair<std::string, std::string>> in_order_;
  std::map<std::string, std::string, std::less<>> defaults_;
};

struct CommandSpec {
  std::string name;         // "call", "signature check": one or two words
  std::string summary;      // one line, no full stop
  std::string description;  // paragraphs separated by empty lines
  std::vector<ArgumentSpec> arguments;
  std::vector<OptionSpec> options;
  std::vector<Example> examples;
  std::function<ExitCode(const Arguments&, Io&)> run;
};

// Parses argv[1…] against the table and runs the command. Usage errors are explained on io.err with the nearest name.
[[nodiscard]] ExitCode run_command_line(const std::vector<CommandSpec>& commands, const std::vector<std::string>& argv,
                                        Io& io);

// The texts made from the table.
[[nodiscard]] std::string general_help(const std::vector<CommandSpec>& commands);
[[nodiscard]] std::string command_help(const CommandSpec& command);
[[nodiscard]] std::string group_help(const std::vector<CommandSpec>& commands, std::string_view group);
[[nodiscard]] std::string man_page(const std::vector<CommandSpec>& commands, std::string_view version);
[[nodiscard]] std::string bash_completion(const std::vector<CommandSpec>& commands);
[[nodiscard]] std::string zsh_completion(const std::vector<CommandSpec>& commands);
[[nodiscard]] std::string fish_completion(const std::vector<CommandSpec>& commands);

}  // namespace al::alctl
