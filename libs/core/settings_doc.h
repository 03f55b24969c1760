// The table of settings as text: `--help`, the manual page, the sample file, the page of the README. All from one
// table, so that none of them can be out of date.
#pragma once

#include <string>

#include "core/settings.h"

namespace al {

// A list for the terminal: flag, default, help; wrapped at `width` columns. `group` empty = all.
[[nodiscard]] std::string settings_help(std::string_view group = {}, std::size_t width = 100);
// A Markdown document: a table per group.
[[nodiscard]] std::string settings_markdown();
// agentd.toml(5), roff with man(7) macros. `date` as 2026-11-20.
[[nodiscard]] std::string settings_man_page(std::string_view version, std::string_view date);
// A commented-out configuration file with every setting at its default. Parses to the defaults when uncommented.
[[nodiscard]] std::string settings_sample_file();
// The given settings of `settings` (no secrets) as a configuration file.
[[nodiscard]] std::string settings_file(const Settings& settings);
// One setting in words: type, unit, range, default, aliases.
[[nodiscard]] std::string describe_setting(const SettingSpec& spec);

}  // namespace al
