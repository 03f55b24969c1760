// `alctl config show` and `alctl config check`: what agentd would run with, and where each value comes from.
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "core/json.h"
#include "core/settings.h"
#include "core/settings_doc.h"

namespace al::alctl {
namespace {

OptionSpec option(std::string name, ValueKind kind, std::string value_name, std::string help) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.value_name = std::move(value_name);
  spec.help = std::move(help);
  return spec;
}

OptionSpec file_option() {
  return option("file", ValueKind::kFile, "FILE", "configuration file to read; default: /etc/agentd/agentd.toml");
}

Result<Settings> load(const Arguments& arguments) {
  return Settings::load(process_sources(arguments.text("file")));
}

nlohmann::json to_json(const Settings& settings, const SettingSpec& spec) {
  return {{"key", spec.key},
          {"value", settings.shown(spec.key)},
          {"origin", settings.origin(spec.key)},
          {"group", spec.group},
          {"given", settings.given(spec.key)}};
}

ExitCode run_show(const Arguments& arguments, Io& io) {
  const auto settings = load(arguments);
  if (!settings) return io.fail(ExitCode::kConfig, settings.error().detail);
  if (arguments.flag("sample")) {
    io.out << settings_sample_file();
    return ExitCode::kOk;
  }
  const std::string wanted = arguments.text("KEY");
  const SettingSpec* only = wanted.empty() ? nullptr : find_setting(wanted);
  if (!wanted.empty() && only == nullptr) {
    const std::string_view near = nearest_setting(wanted);
    return io.fail(ExitCode::kNotFound, fmt::format("there is no setting '{}'{}", wanted,
                                                    near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }
  const bool all = arguments.flag("all") || only != nullptr;
  nlohmann::json list = nlohmann::json::array();
  std::string_view group;
  for (const SettingSpec& spec : setting_table()) {
    if ((only != nullptr && only != &spec) || (!all && !settings->given(spec.key))) continue;
    if (io.json) {
      list.push_back(to_json(*settings, spec));
      continue;
    }
    if (spec.group != group && only == nullptr) io.out << "\n" << io.bold(fmt::format("[{}]", spec.group)) << "\n";
    group = spec.group;
    io.out << fmt::format("{:<34} {:<28} {}\n", spec.key, settings->shown(spec.key),
                          io.dim(settings->origin(spec.key)));
    if (only != nullptr) io.out << "\n" << describe_setting(spec) << "\n" << spec.help << "\n";
  }
  if (io.json) {
    io.out << dump_json({{"schema", 1}, {"settings", list}}, 2) << "\n";
  } else if (!all && group.empty()) {
    io.out << "Nothing is set: every setting has its default. `alctl config show --all` lists them.\n";
  }
  return ExitCode::kOk;
}

ExitCode run_check(const Arguments& arguments, Io& io) {
  const auto settings = load(arguments);
  if (io.json) {
    nlohmann::json report{{"schema", 1}, {"ok", settings.has_value()}};
    if (settings) {
      report["warnings"] = settings->warnings();
    } else {
      report["error"] = settings.error().detail;
    }
    io.out << dump_json(report, 2) << "\n";
    return settings ? ExitCode::kOk : ExitCode::kConfig;
  }
  if (!settings) return io.fail(ExitCode::kConfig, settings.error().detail);
  for (const std::string& warning : settings->warnings()) io.err << io.yellow("warning: ") << warning << "\n";
  io.out << io.green("The settings are in order.") << "\n";
  return ExitCode::kOk;
}

}  // namespace

CommandSpec config_show_command() {
  CommandSpec spec;
  spec.name = "config show";
  spec.summary = "every setting, its value and where it comes from";
  spec.description =
      "Reads the file, the environment and the credentials as agentd does. Without --all only what somebody has set is "
      "shown. Secrets appear as ***.";
  ArgumentSpec key;
  key.name = "KEY";
  key.help = "only this setting, with its description";
  key.required = false;
  spec.arguments = {key};
  spec.options = {
      file_option(), option("all", ValueKind::kFlag, "", "also what has its default"),
      option("sample", ValueKind::kFlag, "", "print a configuration file with every setting, commented out")};
  spec.examples = {{"alctl config show --all", "the whole table"},
                   {"alctl config show vad_engine", "one setting in words"},
                   {"alctl config show --sample > agentd.toml", "a file to start from"}};
  spec.run = run_show;
  return spec;
}

CommandSpec config_check_command() {
  CommandSpec spec;
  spec.name = "config check";
  spec.summary = "say what is wrong with the settings";
  spec.description = "Exit code 78 when agentd would refuse to start, with file, line, key and the nearest legal name.";
  spec.options = {file_option()};
  spec.examples = {{"alctl config check --file agentd.toml", "before a restart"}};
  spec.run = run_check;
  return spec;
}

}  // namespace al::alctl
