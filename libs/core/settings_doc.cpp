#include "core/settings_doc.h"

#include <cmath>

#include <fmt/format.h>

#include "core/json.h"
#include "core/text.h"
#include "core/utf8.h"

namespace al {
namespace {

std::string_view type_name(const SettingSpec& spec) {
  switch (spec.type) {
    case SettingType::kInt:
      return "whole number";
    case SettingType::kDouble:
      return "number";
    case SettingType::kBool:
      return "true or false";
    case SettingType::kDuration:
      return "duration";
    case SettingType::kList:
      return "list";
    case SettingType::kPath:
      return "path";
    case SettingType::kUrl:
      return "URL";
    case SettingType::kEnum:
    case SettingType::kString:
      break;
  }
  return "text";
}

// "duration in ms, 100 to 5000"
std::string legal_values(const SettingSpec& spec) {
  if (spec.type == SettingType::kEnum) return replace_all(spec.choices, "|", ", ");
  std::string out(type_name(spec));
  if (!spec.unit.empty()) out += fmt::format(" in {}", spec.unit);
  if (spec.type == SettingType::kList) return out;
  if (std::isfinite(spec.min)) out += fmt::format(", {} to {}", short_number(spec.min), short_number(spec.max));
  if (spec.type == SettingType::kUrl) out += fmt::format(" ({})", replace_all(spec.choices, "|", ", "));
  return out;
}

std::string aliases_text(const SettingSpec& spec) {
  std::string out;
  for (const std::string_view alias : split(spec.aliases, '|'))
    out += (out.empty() ? "" : ", ") + environment_name(alias);
  return out;
}

std::string notes(const SettingSpec& spec) {
  std::string out;
  if (!spec.aliases.empty()) out += fmt::format(" Also accepted: {}.", aliases_text(spec));
  if (spec.secret) out += " Secret: never as a flag.";
  if (spec.live) out += " A reload applies it.";
  return out;
}

// Breaks at spaces so that no line has more than `width` columns; each line begins with `indent`.
std::string wrap(std::string_view text, std::string_view indent, std::size_t width) {
  std::string out;
  std::size_t column = 0;
  for (const std::string_view word : split(text, ' ')) {
    const std::size_t length = count_codepoints(word);
    if (column > 0 && column + 1 + length > width) {
      out += '\n';
      column = 0;
    }
    if (column == 0) {
      out += indent;
      column = indent.size();
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += length;
  }
  return out + '\n';
}

template <typename Visit>
void each_in_group(std::string_view group, Visit visit) {
  for (const SettingSpec& spec : setting_table()) {
    if (spec.group == group) visit(spec);
  }
}

std::string toml_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);  // TOML's basic strings escape as JSON's do
  return out;
}

// A value as it is written in the file: numbers and booleans bare, the rest quoted.
std::string toml_value(const SettingSpec& spec, std::string_view text, const std::vector<std::string>& items) {
  const bool bare_type = spec.type == SettingType::kInt || spec.type == SettingType::kDouble ||
                         spec.type == SettingType::kBool || spec.type == SettingType::kDuration;
  const bool bare_text = !text.empty() && text.find_first_not_of("+-0123456789.") == std::string_view::npos;
  if (bare_type && (bare_text || spec.type == SettingType::kBool) && !text.empty()) return std::string(text);
  if (spec.type != SettingType::kList) return toml_string(text);
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? ", " : "") + toml_string(item);
  return out + "]";
}

std::string roff(std::string_view text) {
  std::string out = replace_all(text, "\\", "\\e");
  out = replace_all(out, "-", "\\-");
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

}  // namespace

std::string describe_setting(const SettingSpec& spec) {
  std::string out = fmt::format("{} ({}; {}", spec.key, environment_name(spec.key), legal_values(spec));
  out += spec.fallback.empty() ? "; not set by default)\n" : fmt::format("; default {})\n", spec.fallback);
  return out + std::string(spec.help) + notes(spec) + "\n";
}

std::string settings_help(std::string_view group, std::size_t width) {
  std::string out;
  for (const SettingGroup& heading : setting_groups()) {
    if (!group.empty() && heading.name != group) continue;
    out += fmt::format("{}\n", heading.title);
    each_in_group(heading.name, [&](const SettingSpec& spec) {
      const std::string fallback = spec.fallback.empty() ? "" : fmt::format("  [{}]", spec.fallback);
      out += fmt::format("  {}  {}{}\n", spec.secret ? environment_name(spec.key) : flag_name(spec.key),
                         legal_values(spec), fallback);
      out += wrap(std::string(spec.help) + notes(spec), "      ", width);
    });
    out += '\n';
  }
  return out;
}

std::string settings_markdown() {
  std::string out;
  for (const SettingGroup& heading : setting_groups()) {
    out +=
        fmt::format("## {}\n\n| setting | default | legal values | what it does |\n|---|---|---|---|\n", heading.title);
    each_in_group(heading.name, [&](const SettingSpec& spec) {
      const std::string fallback = spec.fallback.empty() ? "" : fmt::format("`{}`", spec.fallback);
      out += fmt::format("| `{}` | {} | {} | {} |\n", environment_name(spec.key), fallback,
                         replace_all(legal_values(spec), "|", "\\|"),
                         replace_all(std::string(spec.help) + notes(spec), "|", "\\|"));
    });
    out += '\n';
  }
  return out;
}

std::string settings_man_page(std::string_view version, std::string_view date) {
  std::string out = fmt::format(".TH AGENTD.TOML 5 {} \"AgentLocator {}\" \"File formats\"\n", date, version);
  out += ".SH NAME\nagentd.toml \\- settings of agentd and alctl\n.SH DESCRIPTION\n";
  out +=
      "Lines of the form\n.I key = value\nin TOML syntax: numbers and booleans bare, texts in quotes, lists in "
      "brackets. Each setting is "
      "also an environment variable (in capitals, with or without the prefix AGENTD_), a flag (with hyphens) and, for "
      "secrets, a systemd "
      "credential of the same name. A flag overrides the environment, the environment a credential, a credential the "
      "file.\n.PP\n"
      "An unknown key, or a value out of its range, keeps agentd from starting (exit status 78).\n"
      ".B alctl config show\nprints every setting with its value and its origin.\n";
  for (const SettingGroup& heading : setting_groups()) {
    out += fmt::format(".SH {}\n", environment_name(roff(heading.title)));
    each_in_group(heading.name, [&](const SettingSpec& spec) {
      out += fmt::format(".TP\n.B {}\n{}", roff(spec.key), roff(legal_values(spec)));
      out += spec.fallback.empty() ? ".\n" : fmt::format("; default {}.\n", roff(spec.fallback));
      out += roff(std::string(spec.help) + notes(spec)) + "\n";
    });
  }
  out += ".SH FILES\n.I /etc/agentd/agentd.toml\n.SH SEE ALSO\n.BR agentd (8),\n.BR alctl (1)\n";
  return out;
}

std::string settings_sample_file() {
  std::string out =
      "# Settings of agentd and alctl. Every line shows a default; remove the # in front of a key to change it.\n"
      "# Environment variables (VAD_RMS=210) and flags (--vad-rms 210) override this file.\n"
      "# `alctl config check` reads it without starting anything.\n";
  const Settings defaults;
  for (const SettingGroup& heading : setting_groups()) {
    out += fmt::format("\n# ---- {} {}\n", heading.title,
                       std::string(std::max<std::size_t>(3, 92 - heading.title.size()), '-'));
    each_in_group(heading.name, [&](const SettingSpec& spec) {
      out += '\n' + wrap(std::string(spec.help) + notes(spec) + " (" + legal_values(spec) + ")", "# ", 100);
      const bool list = spec.type == SettingType::kList;
      out += fmt::format("#{} = {}\n", spec.key,
                         toml_value(spec, spec.fallback, list ? defaults.list(spec.key) : std::vector<std::string>{}));
    });
  }
  return out;
}

std::string settings_file(const Settings& settings) {
  std::string out;
  for (const SettingSpec& spec : setting_table()) {
    if (spec.secret || !settings.given(spec.key)) continue;
    const bool list = spec.type == SettingType::kList;
    out += fmt::format("{} = {}\n", spec.key,
                       toml_value(spec, list ? "" : settings.shown(spec.key),
                                  list ? settings.list(spec.key) : std::vector<std::string>{}));
  }
  return out;
}

}  // namespace al
