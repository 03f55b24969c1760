#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>

#include "alctl/command_table.h"
#include "alctl/nearest.h"

namespace al::alctl {

bool Arguments::flag(std::string_view name) const {
  return given(name);
}

bool Arguments::given(std::string_view name) const {
  return std::any_of(in_order_.begin(), in_order_.end(), [&](const auto& entry) { return entry.first == name; });
}

std::string Arguments::text(std::string_view name) const {
  const auto last = std::find_if(in_order_.rbegin(), in_order_.rend(), [&](const auto& e) { return e.first == name; });
  if (last != in_order_.rend()) return last->second;
  const auto fallback = defaults_.find(name);
  return fallback == defaults_.end() ? std::string() : fallback->second;
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : in_order_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::int64_t Arguments::integer(std::string_view name, std::int64_t otherwise) const {
  const std::string value = text(name);
  std::int64_t number = otherwise;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

double Arguments::number(std::string_view name, double otherwise) const {
  const std::string value = text(name);
  double number = otherwise;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

void Arguments::add(std::string name, std::string value) {
  in_order_.emplace_back(std::move(name), std::move(value));
}
void Arguments::add_default(std::string name, std::string value) {
  defaults_[std::move(name)] = std::move(value);
}

namespace {

std::string check_value(ValueKind kind, const std::vector<std::string>& choices, std::optional<double> min,
                        std::optional<double> max, const std::string& value) {
  if (kind == ValueKind::kChoice && std::find(choices.begin(), choices.end(), value) == choices.end()) {
    std::string text = "'" + value + "' is not one of";
    for (const std::string& choice : choices) text += " " + choice;
    return text;
  }
  if (kind != ValueKind::kInteger && kind != ValueKind::kNumber) return {};
  double number = 0;
  const char* const end = value.data() + value.size();
  std::from_chars_result read{};
  if (kind == ValueKind::kInteger) {
    std::int64_t whole = 0;
    read = std::from_chars(value.data(), end, whole);
    number = static_cast<double>(whole);
  } else {
    read = std::from_chars(value.data(), end, number);
  }
  if (value.empty() || read.ec != std::errc() || read.ptr != end || !std::isfinite(number)) {
    return "'" + value + "' is not a " + (kind == ValueKind::kInteger ? "whole number" : "number");
  }
  if ((min && number < *min) || (max && number > *max)) {
    std::string text = value + " is out of range";
    if (min) text += ", at least " + CLI::detail::to_string(*min);
    if (max) text += ", at most " + CLI::detail::to_string(*max);
    return text;
  }
  return {};
}

// One CLI option or positional and what the table says about it.
struct Bound {
  const CLI::Option* option;
  std::string name;
  ValueKind kind;
  std::vector<std::string> choices;
  std::optional<double> min;
  std::optional<double> max;
  std::vector<std::string> values;
};

struct ParsedCommand {
  const CommandSpec* command = nullptr;
  CLI::App* app = nullptr;
  std::vector<std::unique_ptr<Bound>> bound;
  bool json = false;
  std::string color = "auto";
};

void bind_option(ParsedCommand& parsed, const OptionSpec& spec) {
  auto bound = std::make_unique<Bound>(Bound{nullptr, spec.name, spec.kind, spec.choices, spec.min, spec.max, {}});
  const std::string names =
      (spec.short_name == 0 ? "" : "-" + std::string(1, spec.short_name) + ",") + "--" + spec.name;
  if (spec.kind == ValueKind::kFlag) {
    bound->option = parsed.app->add_flag(names, spec.help);
  } else {
    CLI::Option* made = parsed.app->add_option(names, bound->values, spec.help);
    made->allow_extra_args(false);
    if (!spec.repeatable) made->expected(1);
    bound->option = made;
  }
  parsed.bound.push_back(std::move(bound));
}

void bind_argument(ParsedCommand& parsed, const ArgumentSpec& spec) {
  auto bound = std::make_unique<Bound>(Bound{nullptr, spec.name, spec.kind, spec.choices, {}, {}, {}});
  CLI::Option* made = parsed.app->add_option(spec.name, bound->values, spec.help);
  if (spec.required) made->required();
  if (spec.repeatable) {
    made->expected(spec.required ? 1 : 0, 1'000'000);
  } else {
    made->expected(1);
    made->allow_extra_args(false);  // leave the next word to the next argument
  }
  bound->option = made;
  parsed.bound.push_back(std::move(bound));
}

// Fills `into` in the order of the command line. Returns what is wrong with a value, or nothing.
std::string collect(const ParsedCommand& parsed, Arguments& into) {
  std::map<const CLI::Option*, std::size_t> taken;
  for (const CLI::Option* option : parsed.app->parse_order()) {
    const auto found = std::find_if(parsed.bound.begin(), parsed.bound.end(),
                                    [&](const auto& bound) { return bound->option == option; });
    if (found == parsed.bound.end()) continue;
    const Bound& bound = **found;
    const std::size_t index = taken[option]++;
    if (bound.kind == ValueKind::kFlag) {
      into.add(bound.name, "1");
      continue;
    }
    if (index >= option->results().size()) continue;
    const std::string& value = option->results()[index];
    const std::string wrong = check_value(bound.kind, bound.choices, bound.min, bound.max, value);
    if (!wrong.empty())
      return (parsed.app->get_option_no_throw("--" + bound.name) ? "--" : "") + bound.name + ": " + wrong;
    into.add(bound.name, value);
  }
  for (const OptionSpec& option : parsed.command->options) {
    if (!option.default_text.empty()) into.add_default(option.name, option.default_text);
  }
  return {};
}

std::vector<std::string> words_of(const std::string& name) {
  const auto space = name.find(' ');
  if (space == std::string::npos) return {name};
  return {name.substr(0, space), name.substr(space + 1)};
}

std::vector<std::string> known_words(const std::vector<CommandSpec>& commands, const std::string& group) {
  std::vector<std::string> words;
  for (const CommandSpec& command : commands) {
    const auto parts = words_of(command.name);
    if (group.empty()) words.push_back(parts[0]);
    if (!group.empty() && parts[0] == group && parts.size() == 2) words.push_back(parts[1]);
  }
  if (group.empty()) words.emplace_back("help");
  return words;
}

ExitCode unknown_word(Io& io, const std::string& what, const std::string& word, const std::vector<std::string>& known) {
  std::string text = "there is no " + what + " '" + word + "'";
  const auto near = nearest(word, known);
  if (near) text += " (did you mean '" + *near + "'?)";
  return io.fail(ExitCode::kUsage, text + "; see alctl --help");
}

const CommandSpec* find_command(const std::vector<CommandSpec>& commands, const std::string& name) {
  const auto found =
      std::find_if(commands.begin(), commands.end(), [&](const CommandSpec& command) { return command.name == name; });
  return found == commands.end() ? nullptr : &*found;
}

bool is_group(const std::vector<CommandSpec>& commands, const std::string& word) {
  return std::any_of(commands.begin(), commands.end(), [&](const CommandSpec& command) {
    const auto parts = words_of(command.name);
    return parts.size() == 2 && parts[0] == word;
  });
}

bool wants_json(const std::vector<std::string>& argv) {
  return std::find(argv.begin(), argv.end(), "--json") != argv.end();
}

bool wants_help(const std::vector<std::string>& argv) {
  for (const std::string& word : argv) {
    if (word == "--") return false;
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

// The command named by the first words, and how many words that took. Explains itself where there is none.
struct Choice {
  const CommandSpec* command = nullptr;
  std::size_t words = 0;
  ExitCode code = ExitCode::kOk;
};

Choice choose(const std::vector<CommandSpec>& commands, const std::vector<std::string>& argv, Io& io) {
  if (argv.empty() || argv[0] == "--help" || argv[0] == "-h" || (argv[0] == "help" && argv.size() == 1)) {
    (argv.empty() ? io.err : io.out) << general_help(commands);
    return {nullptr, 0, argv.empty() ? ExitCode::kUsage : ExitCode::kOk};
  }
  if (argv[0] == "help") {
    std::vector<std::string> again(argv.begin() + 1, argv.end());
    again.emplace_back("--help");
    return {nullptr, 0, run_command_line(commands, again, io)};
  }
  if (argv[0] == "--version") return {find_command(commands, "version"), 1, ExitCode::kOk};
  if (const CommandSpec* command = find_command(commands, argv[0])) return {command, 1, ExitCode::kOk};
  if (!is_group(commands, argv[0]))
    return {nullptr, 0, unknown_word(io, "command", argv[0], known_words(commands, {}))};
  if (argv.size() == 1 || argv[1] == "--help" || argv[1] == "-h") {
    (argv.size() == 1 ? io.err : io.out) << group_help(commands, argv[0]);
    return {nullptr, 0, argv.size() == 1 ? ExitCode::kUsage : ExitCode::kOk};
  }
  if (const CommandSpec* command = find_command(commands, argv[0] + " " + argv[1])) return {command, 2, ExitCode::kOk};
  return {nullptr, 0, unknown_word(io, "command '" + argv[0] + "' with", argv[1], known_words(commands, argv[0]))};
}

std::string explain_parse_error(const CommandSpec& command, const CLI::ParseError& error,
                                const std::vector<std::string>& words) {
  std::vector<std::string> known{"--json", "--color", "--help"};
  for (const OptionSpec& option : command.options) known.push_back("--" + option.name);
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!name.starts_with("--") || name == "--" || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = nearest(name, known);
    return "there is no option '" + name + "'" + (near ? " (did you mean '" + *near + "'?)" : "");
  }
  return error.what();
}

}  // namespace

ExitCode run_command_line(const std::vector<CommandSpec>& commands, const std::vector<std::string>& argv, Io& io) {
  io.json = io.json || wants_json(argv);
  const Choice choice = choose(commands, argv, io);
  if (choice.command == nullptr) return choice.code;
  const CommandSpec& command = *choice.command;
  std::vector<std::string> words(argv.begin() + static_cast<std::ptrdiff_t>(choice.words), argv.end());
  if (wants_help(words)) {
    io.out << command_help(command);
    return ExitCode::kOk;
  }

  CLI::App app(command.summary, "alctl " + command.name);
  app.set_help_flag();
  ParsedCommand parsed;
  parsed.command = &command;
  parsed.app = &app;
  for (const ArgumentSpec& argument : command.arguments) bind_argument(parsed, argument);
  for (const OptionSpec& option : command.options) bind_option(parsed, option);
  app.add_flag("--json", parsed.json);
  app.add_option("--color", parsed.color);
  const std::string see = "; see alctl " + command.name + " --help";
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // CLI11 takes the words last first
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return io.fail(ExitCode::kUsage, explain_parse_error(command, error, words) + see);
  }
  if (parsed.color != "auto" && parsed.color != "always" && parsed.color != "never") {
    return io.fail(ExitCode::kUsage, "--color: '" + parsed.color + "' is not one of auto always never" + see);
  }
  if (parsed.color != "auto") io.color = parsed.color == "always";
  Arguments arguments;
  const std::string wrong = collect(parsed, arguments);
  if (!wrong.empty()) return io.fail(ExitCode::kUsage, wrong + see);
  return command.run(arguments, io);
}

}  // namespace al::alctl
