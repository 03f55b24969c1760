#include "core/settings_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "core/settings.h"
#include "core/text.h"
#include "core/utf8.h"

namespace al {
namespace {

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Unit {
  std::string_view name;
  double microseconds;
};
constexpr Unit kUnits[] = {{"us", 1.0},  {"ms", 1e3}, {"sec", 1e6}, {"s", 1e6},
                           {"min", 6e7}, {"m", 6e7},  {"h", 3.6e9}, {"d", 8.64e10}};

double unit_microseconds(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return unit.microseconds;
  }
  return 1e3;
}

// The unit of a number without one: that of the name under which it was given, else the row's.
std::string_view bare_unit(const SettingSpec& spec, std::string_view name) {
  const std::string lower = to_lower_ascii(name);
  if (lower.ends_with("_ms") || lower.ends_with("-ms")) return "ms";
  if (lower.ends_with("_sec") || lower.ends_with("-sec")) return "s";
  return spec.unit;
}

std::string range_text(const SettingSpec& spec) {
  const std::string unit = spec.unit.empty() ? "" : fmt::format(" {}", spec.unit);
  if (std::isfinite(spec.min) && std::isfinite(spec.max)) {
    return fmt::format("between {} and {}{}", short_number(spec.min), short_number(spec.max), unit);
  }
  if (std::isfinite(spec.min)) return fmt::format("at least {}{}", short_number(spec.min), unit);
  return fmt::format("at most {}{}", short_number(spec.max), unit);
}

Error wrong(const SettingSpec& spec, std::string_view name, std::string_view text, std::string_view expected) {
  const std::string shown = spec.secret ? "***" : printable_value(text);
  return {Errc::kMalformed, fmt::format("{} = '{}': {}", name, shown, expected)};
}

Result<void> in_range(const SettingSpec& spec, std::string_view name, std::string_view text, double number) {
  // Written so that a NaN is out of range.
  if (number >= spec.min && number <= spec.max) return {};
  return fail(wrong(spec, name, text, "must be " + range_text(spec)));
}

Result<SettingValue> check_number(const SettingSpec& spec, std::string_view name, SettingValue value) {
  if (spec.type == SettingType::kInt) {
    const auto number = parse_number<std::int64_t>(value.text);
    if (!number) return fail(wrong(spec, name, value.text, "must be a whole number, " + range_text(spec)));
    value.integer = *number;
    value.number = static_cast<double>(*number);
  } else {
    const auto number = parse_number<double>(value.text);
    if (!number) return fail(wrong(spec, name, value.text, "must be a number, " + range_text(spec)));
    value.number = *number;
  }
  if (auto legal = in_range(spec, name, value.text, value.number); !legal) return fail(legal.error());
  return value;
}

Result<SettingValue> check_duration(const SettingSpec& spec, std::string_view name, SettingValue value) {
  std::string_view digits = value.text;
  std::size_t unit_at = digits.size();
  while (unit_at > 0 && std::isalpha(static_cast<unsigned char>(digits[unit_at - 1])) != 0) --unit_at;
  const std::string_view given_unit = digits.substr(unit_at);
  const std::string unit = given_unit.empty() ? std::string(bare_unit(spec, name)) : to_lower_ascii(given_unit);
  const auto number = parse_number<double>(trim(digits.substr(0, unit_at)));
  const bool known = std::any_of(std::begin(kUnits), std::end(kUnits), [&](const Unit& u) { return u.name == unit; });
  if (!number || !known) {
    return fail(wrong(spec, name, value.text,
                      fmt::format("must be a duration, {} (a bare number counts in {}; units: ms, s, m, h, d)",
                                  range_text(spec), bare_unit(spec, name))));
  }
  const double microseconds = *number * unit_microseconds(unit);
  value.number = microseconds / unit_microseconds(spec.unit);
  if (auto legal = in_range(spec, name, value.text, value.number); !legal) return fail(legal.error());
  value.integer = std::llround(microseconds);
  // As written in a file, a bare number must keep its meaning under the row's own name.
  if (given_unit.empty()) value.text = short_number(value.number);
  return value;
}

Result<SettingValue> check_bool(const SettingSpec& spec, std::string_view name, SettingValue value) {
  const std::string lower = to_lower_ascii(value.text);
  for (const std::string_view yes : {"true", "yes", "on", "1"}) {
    if (lower == yes) value.integer = 1;
  }
  const bool no = lower == "false" || lower == "no" || lower == "off" || lower == "0";
  if (value.integer == 0 && !no) return fail(wrong(spec, name, value.text, "must be true or false"));
  value.text = value.integer != 0 ? "true" : "false";
  return value;
}

std::string choices_text(const SettingSpec& spec) {
  std::string out;
  const auto choices = split(spec.choices, '|');
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) out += i + 1 == choices.size() ? " or " : ", ";
    out += choices[i];
  }
  return out;
}

Result<SettingValue> check_enum(const SettingSpec& spec, std::string_view name, SettingValue value) {
  for (const std::string_view choice : split(spec.choices, '|')) {
    if (equal_ignore_case(choice, value.text)) {
      value.text = choice;
      return value;
    }
  }
  return fail(wrong(spec, name, value.text, "must be " + choices_text(spec)));
}

Result<SettingValue> check_url(const SettingSpec& spec, std::string_view name, SettingValue value) {
  const std::size_t colon = value.text.find("://");
  const std::string scheme = colon == std::string::npos ? "" : to_lower_ascii(value.text.substr(0, colon));
  const auto schemes = split(spec.choices, '|');
  const bool scheme_ok = std::find(schemes.begin(), schemes.end(), std::string_view(scheme)) != schemes.end();
  const bool host_ok = colon != std::string::npos && value.text.size() > colon + 3 && value.text[colon + 3] != '/';
  const bool clean =
      std::none_of(value.text.begin(), value.text.end(), [](unsigned char c) { return c <= 0x20 || c == 0x7F; });
  if (!scheme_ok || !host_ok || !clean) {
    return fail(
        wrong(spec, name, value.text,
              fmt::format("must be a URL that begins with {}://", replace_all(choices_text(spec), " or ", ":// or "))));
  }
  while (value.text.ends_with('/')) value.text.pop_back();
  return value;
}

Result<SettingValue> check_list(const SettingSpec& spec, std::string_view name, SettingValue value) {
  const char separator = value.text.find('\n') == std::string::npos ? ',' : '\n';
  for (const std::string_view part : split(value.text, separator)) {
    if (const auto item = trim(part); !item.empty()) value.items.emplace_back(item);
  }
  const auto count = static_cast<double>(value.items.size());
  if (!(count >= spec.min || spec.min <= 0) || count > spec.max) {
    return fail(wrong(spec, name, value.text,
                      fmt::format("has {} entries, must have {} to {}", value.items.size(),
                                  short_number(std::max(0.0, spec.min)), short_number(spec.max))));
  }
  const auto choices = split(spec.choices, '|');
  for (const std::string& item : value.items) {
    if (!choices.empty() && std::find(choices.begin(), choices.end(), std::string_view(item)) == choices.end()) {
      return fail(wrong(spec, name, item, "each entry must be " + choices_text(spec)));
    }
  }
  return value;
}

}  // namespace

Result<SettingValue> check_setting(const SettingSpec& spec, std::string_view name, std::string_view text) {
  SettingValue value;
  // A list of one item is marked by its line end; see the header.
  value.text = spec.type == SettingType::kList ? std::string(text) : std::string(trim(text));
  if (trim(value.text).empty()) {
    value.text.clear();
    if (spec.type == SettingType::kList && spec.min >= 1) return check_list(spec, name, std::move(value));
    return value;
  }
  if (!is_valid_utf8(value.text) || value.text.find('\0') != std::string::npos) {
    return fail(wrong(spec, name, "…", "is not UTF-8 text"));
  }
  switch (spec.type) {
    case SettingType::kInt:
    case SettingType::kDouble:
      return check_number(spec, name, std::move(value));
    case SettingType::kDuration:
      return check_duration(spec, name, std::move(value));
    case SettingType::kBool:
      return check_bool(spec, name, std::move(value));
    case SettingType::kEnum:
      return check_enum(spec, name, std::move(value));
    case SettingType::kUrl:
      return check_url(spec, name, std::move(value));
    case SettingType::kList:
      return check_list(spec, name, std::move(value));
    case SettingType::kString:
    case SettingType::kPath:
      return value;
  }
  return value;
}

std::string printable_value(std::string_view text) {
  std::string out;
  for (const char c : truncate_utf8(text, 80)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  if (out.size() < text.size()) out += "…";
  return out;
}

std::string short_number(double value) {
  return fmt::format("{:.10g}", value);
}

}  // namespace al
