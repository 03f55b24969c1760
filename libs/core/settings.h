// Every setting of agentd and alctl: one table, three sources, values with their origin.
//
// A setting is a key of the configuration file (`vad_rms = 210`), an environment variable (VAD_RMS, or AGENTD_VAD_RMS)
// and a flag (--vad-rms 210). Precedence: default < file < systemd credential < environment < flag. Values are checked
// when they are loaded; an object of this class holds only legal values. Immutable but for set(); reading is
// thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/settings_value.h"
#include "core/time.h"

namespace al {

enum class SettingType {
  kString,
  kInt,
  kDouble,
  kBool,      // true/false, yes/no, on/off, 1/0
  kDuration,  // a number in the setting's unit, or with a unit of its own: 350, 350ms, 0.35s, 5m, 2h, 30d
  kEnum,      // one of `choices`
  kList,      // comma-separated; an array in the file
  kPath,
  kUrl,  // with a scheme among `choices`, or empty
};

// One row of the table. Numbers are in `unit`. To add a setting, add a row to settings_table.cpp: documentation, sample
// file, flags and checks follow.
struct SettingSpec {
  std::string_view key;    // lower case; the environment variable is the same in capitals
  std::string_view group;  // heading under which it is documented, see setting_groups()
  SettingType type = SettingType::kString;
  std::string_view unit = {};  // durations: "ms", "s", "m", "h" or "d", the unit of a bare number; others: for reading
  std::string_view fallback = {};                         // the default, as text; empty = not set
  double min = -std::numeric_limits<double>::infinity();  // numbers and durations, in `unit`; for kList: its length
  double max = std::numeric_limits<double>::infinity();
  std::string_view choices = {};  // "a|b|c": kEnum, kUrl (schemes), and kList where only these members are legal
  bool secret = false;            // shown as ***; not accepted as a flag
  bool live = false;              // a reload (SIGHUP) applies it; others need a restart
  // Other names, "a|b". A bare number under a name that ends in _ms or _sec has that unit.
  std::string_view aliases = {};
  std::string_view help = {};  // for an operator: what it does, when to change it
};

// All rows, in the order in which they are documented.
[[nodiscard]] std::span<const SettingSpec> setting_table();
struct SettingGroup {
  std::string_view name;
  std::string_view title;
};
[[nodiscard]] std::span<const SettingGroup> setting_groups();
// By key or alias, in any case, with '-' or '_'. nullptr when there is none.
[[nodiscard]] const SettingSpec* find_setting(std::string_view name);
// The key that looks most like `name`; empty when nothing is near.
[[nodiscard]] std::string_view nearest_setting(std::string_view name);
// "VAD_RMS", "--vad-rms"
[[nodiscard]] std::string environment_name(std::string_view key);
[[nodiscard]] std::string flag_name(std::string_view key);

// Where values come from. Tests fill it by hand; programs use process_sources().
struct SettingSources {
  std::string file_path;       // empty = no file; a path that cannot be read is an error
  bool file_optional = false;  // the path is a default one: no error when there is no such file
  std::vector<std::pair<std::string, std::string>> environment;  // all variables; those that are no setting are ignored
  std::vector<std::pair<std::string, std::string>> flags;        // as split_command_line() gives them
  std::string credentials_directory;  // systemd: $CREDENTIALS_DIRECTORY; a file in it is named like the key
};

// Environment and credentials of this process, with the file `config_path`; when that is empty: $AGENTD_CONFIG, else
// /etc/agentd/agentd.toml if it exists.
[[nodiscard]] SettingSources process_sources(std::string config_path = {});
// One variable of this process, for what is no setting (NO_COLOR, NOTIFY_SOCKET). The only way to the environment.
[[nodiscard]] std::optional<std::string> environment_variable(std::string_view name);

struct CommandLine {
  std::string config_path;                                 // --config FILE
  std::vector<std::pair<std::string, std::string>> flags;  // settings: key and value
  std::vector<std::string> rest;                           // everything else, in order; "--" ends the flags
};
// Takes the settings (and --config) out of the arguments (without the program's name): --key value, --key=value, and
// for booleans --key and --no-key. Flags that name no setting stay in `rest`. kMalformed: a value is missing, or a
// secret is given where every user of the machine can read it.
[[nodiscard]] Result<CommandLine> split_command_line(std::span<const std::string> arguments);

class Settings {
 public:
  // All defaults.
  Settings();

  // kMalformed lists everything that is wrong, one line each, with file and line, key and the legal values.
  static Result<Settings> load(const SettingSources& sources);
  // The same from the text of a file, for tests and `alctl config check`.
  static Result<Settings> parse(std::string_view toml, std::string_view source_name);

  // What should be said at start-up: ignored, deprecated or suspicious settings. One sentence each.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  // Typed access by key. Asking for a key that is not in the table, or as another type, ends the process: it is a bug.
  // Not set: "", 0, false, zero, empty; see has().
  [[nodiscard]] const std::string& string(std::string_view key) const;  // kString, kEnum, kPath, kUrl
  [[nodiscard]] std::int64_t integer(std::string_view key) const;       // kInt
  [[nodiscard]] double number(std::string_view key) const;              // kDouble, kInt
  [[nodiscard]] bool boolean(std::string_view key) const;               // kBool
  [[nodiscard]] Duration duration(std::string_view key) const;          // kDuration
  [[nodiscard]] std::vector<std::string> list(std::string_view key) const;
  // True when it has a value, by default or given.
  [[nodiscard]] bool has(std::string_view key) const;
  // True when somebody gave it.
  [[nodiscard]] bool given(std::string_view key) const;

  // "default", "agentd.toml:12", "environment VAD_RMS", "flag --vad-rms", "credential twilio_auth_token"
  [[nodiscard]] const std::string& origin(std::string_view key) const;
  // As text for people; secrets as *** (or empty when not set).
  [[nodiscard]] std::string shown(std::string_view key) const;

  // Sets one value, checked like all others. For `alctl … --set key=value` and for tests.
  Result<void> set(std::string_view name, std::string_view value, std::string_view origin = "set");

  // Keys whose values differ, in table order.
  [[nodiscard]] std::vector<std::string_view> differences(const Settings& other) const;

 private:
  [[nodiscard]] const SettingValue& at(std::string_view key, std::initializer_list<SettingType> types) const;
  void read_file(std::string_view toml, std::string_view source_name, std::vector<std::string>& problems);
  void take(std::string_view name, std::string_view text, std::string origin, std::vector<std::string>& problems);
  void cross_check(std::vector<std::string>& problems);

  std::vector<SettingValue> values_;  // in table order
  std::vector<std::string> warnings_;
};

}  // namespace al
