// Where values come from: the file, systemd credentials, the environment, the command line.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "core/settings.h"
#include "core/settings_value.h"
#include "core/text.h"

extern char** environ;

namespace al {
namespace {

constexpr std::string_view kEnvironmentPrefix = "AGENTD_";
constexpr std::string_view kDefaultFile = "/etc/agentd/agentd.toml";
constexpr std::size_t kMaxFileBytes = 1u << 20;

std::optional<std::string> read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return std::nullopt;
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

// Kubernetes and Docker put the addresses of a service named "agentd" into the environment: AGENTD_SERVICE_HOST,
// AGENTD_PORT=tcp://10.0.0.7:8080, AGENTD_PORT_8080_TCP_ADDR. None of them is meant for us.
bool is_service_link(std::string_view key, std::string_view value) {
  return key.starts_with("SERVICE_") || key.starts_with("PORT_") ||
         (key == "PORT" && value.find("://") != std::string_view::npos);
}

// The text of a TOML value as check_setting() reads it, or nothing for tables, dates and nested arrays.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return short_number(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

std::optional<std::string> node_text(const toml::node& node, bool is_list) {
  const toml::array* array = node.as_array();
  if (array == nullptr || !is_list) return scalar_text(node);
  if (array->empty()) return "\n";
  std::string lines;
  for (const toml::node& item : *array) {
    const auto text = scalar_text(item);
    if (!text || text->find('\n') != std::string::npos) return std::nullopt;
    lines += *text + "\n";
  }
  return lines;
}

}  // namespace

void Settings::read_file(std::string_view toml_text, std::string_view source_name, std::vector<std::string>& problems) {
  toml::table table;
  try {
    table = toml::parse(toml_text, source_name);
  } catch (const toml::parse_error& error) {
    problems.push_back(fmt::format("{}:{}: {}", source_name, error.source().begin.line, error.description()));
    return;
  }
  for (const auto& [key, node] : table) {
    const std::string place = fmt::format("{}:{}", source_name, key.source().begin.line);
    const SettingSpec* spec = find_setting(key.str());
    if (node.is_table() || node.is_array_of_tables()) {
      problems.push_back(fmt::format("{}: section '{}': there are no sections; write key = value", place, key.str()));
      continue;
    }
    if (spec == nullptr) {
      problems.push_back(fmt::format("{}: {}", place, unknown_setting(key.str())));
      continue;
    }
    const auto text = node_text(node, spec->type == SettingType::kList);
    if (!text) {
      problems.push_back(fmt::format("{}: {}: a value of this kind does not fit here", place, key.str()));
      continue;
    }
    if (auto done = set(key.str(), *text, place); !done) problems.push_back(place + ": " + done.error().detail);
  }
}

void Settings::take(std::string_view name, std::string_view text, std::string origin,
                    std::vector<std::string>& problems) {
  if (auto done = set(name, text, origin); !done) problems.push_back(origin + ": " + done.error().detail);
}

Result<Settings> Settings::load(const SettingSources& sources) {
  Settings settings;
  std::vector<std::string> problems;
  if (!sources.file_path.empty()) {
    const auto text = read_text(sources.file_path);
    if (text && text->size() > kMaxFileBytes) {
      problems.push_back(sources.file_path + ": larger than 1 MiB; is it a configuration file?");
    } else if (text) {
      settings.read_file(*text, sources.file_path, problems);
    } else if (!sources.file_optional) {
      problems.push_back(sources.file_path + ": cannot be read (does it exist, and may this user read it?)");
    }
  }
  if (!sources.credentials_directory.empty()) {
    for (const SettingSpec& spec : setting_table()) {
      const auto text = read_text(sources.credentials_directory + "/" + std::string(spec.key));
      if (text) settings.take(spec.key, *text, fmt::format("credential {}", spec.key), problems);
    }
  }
  for (const auto& [name, value] : sources.environment) {
    const bool ours = name.starts_with(kEnvironmentPrefix) && name != "AGENTD_CONFIG";
    const std::string_view key =
        ours ? std::string_view(name).substr(kEnvironmentPrefix.size()) : std::string_view(name);
    // Capitals only: "http_proxy" and the like of other programs are not meant for us.
    const bool capitals = environment_name(key) == key;
    if (ours && is_service_link(key, value)) continue;
    if (capitals && find_setting(key) != nullptr) {
      settings.take(key, value, "environment " + name, problems);
    } else if (ours) {
      problems.push_back(fmt::format("environment {}: {}", printable_value(name), unknown_setting(key)));
    }
  }
  for (const auto& [name, value] : sources.flags) settings.take(name, value, "flag " + flag_name(name), problems);
  settings.cross_check(problems);
  if (!problems.empty()) return fail(Errc::kMalformed, join(problems, "\n"));
  return settings;
}

Result<Settings> Settings::parse(std::string_view toml_text, std::string_view source_name) {
  Settings settings;
  std::vector<std::string> problems;
  settings.read_file(toml_text, source_name, problems);
  settings.cross_check(problems);
  if (!problems.empty()) return fail(Errc::kMalformed, join(problems, "\n"));
  return settings;
}

std::optional<std::string> environment_variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

SettingSources process_sources(std::string config_path) {
  SettingSources sources;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view pair(*entry);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos)
      sources.environment.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  sources.credentials_directory = environment_variable("CREDENTIALS_DIRECTORY").value_or("");
  sources.file_path = std::move(config_path);
  if (sources.file_path.empty()) sources.file_path = environment_variable("AGENTD_CONFIG").value_or("");
  if (sources.file_path.empty()) {
    sources.file_path = kDefaultFile;
    sources.file_optional = true;
  }
  return sources;
}

Result<CommandLine> split_command_line(std::span<const std::string> arguments) {
  CommandLine line;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      line.rest.insert(line.rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    const std::size_t equals = argument.find('=');
    const std::string name =
        argument.starts_with("--") ? argument.substr(2, equals == std::string::npos ? equals : equals - 2) : "";
    const bool negated = name.starts_with("no-") && find_setting(name) == nullptr;
    const SettingSpec* spec = name.empty() ? nullptr : find_setting(negated ? name.substr(3) : name);
    const bool is_bool = spec != nullptr && spec->type == SettingType::kBool;
    if (name != "config" && (spec == nullptr || (negated && !is_bool))) {
      line.rest.push_back(argument);
      continue;
    }
    if (spec != nullptr && spec->secret) {
      return fail(Errc::kMalformed,
                  fmt::format("--{}: not on the command line, where every user of this machine can read it; use the "
                              "environment ({}), the configuration file or a systemd credential",
                              name, environment_name(spec->key)));
    }
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (is_bool) {
      value = negated ? "false" : "true";
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return fail(Errc::kMalformed, fmt::format("--{} needs a value", name));
    }
    if (name == "config") {
      line.config_path = std::move(value);
    } else {
      line.flags.emplace_back(negated ? name.substr(3) : name, std::move(value));
    }
  }
  return line;
}

}  // namespace al
