#include "core/settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "core/settings_value.h"
#include "core/text.h"

namespace al {
namespace {

[[noreturn]] void bug(std::string_view what, std::string_view key) {
  std::fprintf(stderr, "bug: %.*s: setting '%.*s'\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(key.size()), key.data());
  std::abort();
}

std::size_t index_of(const SettingSpec& spec) {
  return static_cast<std::size_t>(&spec - setting_table().data());
}

}  // namespace

Settings::Settings() {
  values_.reserve(setting_table().size());
  for (const SettingSpec& spec : setting_table()) {
    auto value = check_setting(spec, spec.key, spec.fallback);
    if (!value) bug("illegal default: " + value.error().detail, spec.key);
    values_.push_back(*std::move(value));
  }
}

Result<void> Settings::set(std::string_view name, std::string_view value, std::string_view origin) {
  const SettingSpec* spec = find_setting(name);
  if (spec == nullptr) return fail(Errc::kMalformed, unknown_setting(name));
  // "VAD_RMS=" in an environment file means "no opinion"; for a text, empty is a value (AI_GREETING= is "no greeting").
  // An empty array of the file is a value, too (trusted_proxies = []).
  const bool empty_array = spec->type == SettingType::kList && value == "\n";
  if (trim(value).empty() && spec->type != SettingType::kString && !empty_array) return {};
  auto checked = check_setting(*spec, name, value);
  if (!checked) return fail(checked.error());
  checked->origin = origin;
  values_[index_of(*spec)] = *std::move(checked);
  return {};
}

const SettingValue& Settings::at(std::string_view key, std::initializer_list<SettingType> types) const {
  const SettingSpec* spec = find_setting(key);
  if (spec == nullptr) bug("not in the table", key);
  if (types.size() > 0 && std::find(types.begin(), types.end(), spec->type) == types.end())
    bug("asked for as another type", key);
  return values_[index_of(*spec)];
}

const std::string& Settings::string(std::string_view key) const {
  return at(key, {SettingType::kString, SettingType::kEnum, SettingType::kPath, SettingType::kUrl}).text;
}
std::int64_t Settings::integer(std::string_view key) const {
  return at(key, {SettingType::kInt}).integer;
}
double Settings::number(std::string_view key) const {
  return at(key, {SettingType::kDouble, SettingType::kInt}).number;
}
bool Settings::boolean(std::string_view key) const {
  return at(key, {SettingType::kBool}).integer != 0;
}
Duration Settings::duration(std::string_view key) const {
  return Duration{at(key, {SettingType::kDuration}).integer};
}
std::vector<std::string> Settings::list(std::string_view key) const {
  return at(key, {SettingType::kList}).items;
}
bool Settings::has(std::string_view key) const {
  return !at(key, {}).text.empty();
}
bool Settings::given(std::string_view key) const {
  return at(key, {}).origin != "default";
}
const std::string& Settings::origin(std::string_view key) const {
  return at(key, {}).origin;
}

std::string Settings::shown(std::string_view key) const {
  const SettingSpec* spec = find_setting(key);
  if (spec == nullptr) bug("not in the table", key);
  const SettingValue& value = values_[index_of(*spec)];
  if (spec->secret) return value.text.empty() ? "" : "***";
  if (spec->type == SettingType::kList) return join(value.items, ", ");
  return value.text;
}

std::vector<std::string_view> Settings::differences(const Settings& other) const {
  std::vector<std::string_view> keys;
  for (const SettingSpec& spec : setting_table()) {
    const SettingValue& mine = values_[index_of(spec)];
    const SettingValue& theirs = other.values_[index_of(spec)];
    const bool by_text = spec.type == SettingType::kString || spec.type == SettingType::kEnum ||
                         spec.type == SettingType::kPath || spec.type == SettingType::kUrl;
    const bool same = mine.items == theirs.items && mine.integer == theirs.integer && mine.number == theirs.number &&
                      (spec.type == SettingType::kList || mine.text.empty() == theirs.text.empty()) &&
                      (!by_text || mine.text == theirs.text);
    if (!same) keys.push_back(spec.key);
  }
  return keys;
}

void Settings::cross_check(std::vector<std::string>& problems) {
  const auto ordered = [&](std::string_view low, std::string_view high) {
    const bool is_duration = find_setting(low)->type == SettingType::kDuration;
    const bool wrong = is_duration ? duration(low) > duration(high) : number(low) > number(high);
    if (wrong) {
      problems.push_back(fmt::format("{} ({}, {}) is greater than {} ({}, {})", low, shown(low), origin(low), high,
                                     shown(high), origin(high)));
    }
  };
  ordered("resp_min_delay_ms", "resp_max_delay_ms");
  ordered("llm_min_words", "llm_max_words");
  if (integer("llm_max_chars") > 0) ordered("llm_min_chars", "llm_max_chars");

  if (given("public_host")) {
    warnings_.push_back(fmt::format("PUBLIC_HOST ({}) is ignored; set PUBLIC_BASE_URL=https://{} instead",
                                    origin("public_host"), string("public_host")));
  }
  if (string("public_base_url").starts_with("http://")) {
    warnings_.push_back(
        "PUBLIC_BASE_URL is http: Twilio opens media streams over wss only, so the address it calls must be https");
  }
  if (boolean("log_transcripts")) {
    warnings_.push_back("LOG_TRANSCRIPTS is on: the log holds what callers say; keep it as protected as the leads");
  }
  if (string("ws_mode") == "echo")
    warnings_.push_back("WS_MODE is echo: callers hear themselves, the agent does not speak");
  if (has("twilio_api_key_sid") != has("twilio_api_key_secret")) {
    warnings_.push_back("TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET go together; only one of them is set");
  }
}

std::string unknown_setting(std::string_view name) {
  std::string text = fmt::format("unknown setting '{}'", printable_value(name));
  const std::string_view near = nearest_setting(name);
  if (!near.empty()) text += fmt::format(" (did you mean '{}'?)", near);
  return text;
}

}  // namespace al
