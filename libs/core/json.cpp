#include "core/json.h"

#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/utf8.h"

namespace al {
namespace {

// Deep nesting is refused before a document is built: building and freeing one costs stack and memory in proportion.
bool too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxJsonDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return fail(Errc::kMalformed, fmt::format("JSON of {} bytes, at most {} are read", text.size(), max_bytes));
  }
  if (too_deep(text)) return fail(Errc::kMalformed, fmt::format("JSON nested deeper than {} levels", kMaxJsonDepth));
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    return fail(Errc::kMalformed, fmt::format("not JSON: error at byte {} of {}", error.byte, text.size()));
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::kMalformed, fmt::format("not JSON: {}", error.what()));
  }
}

std::string dump_json(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

const nlohmann::json* json_member(const nlohmann::json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string json_string(const nlohmann::json& object, std::string_view name, std::string_view fallback) {
  const auto* member = json_member(object, name);
  return member != nullptr && member->is_string() ? member->get<std::string>() : std::string(fallback);
}

std::optional<std::int64_t> json_int(const nlohmann::json& object, std::string_view name) {
  const auto* member = json_member(object, name);
  if (member == nullptr || !member->is_number_integer()) return std::nullopt;
  return member->get<std::int64_t>();
}

std::optional<double> json_number(const nlohmann::json& object, std::string_view name) {
  const auto* member = json_member(object, name);
  if (member == nullptr || !member->is_number()) return std::nullopt;
  return member->get<double>();
}

std::optional<bool> json_bool(const nlohmann::json& object, std::string_view name) {
  const auto* member = json_member(object, name);
  if (member == nullptr || !member->is_boolean()) return std::nullopt;
  return member->get<bool>();
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char32_t c = take_codepoint(text);
    switch (c) {
      case U'"':
        out += "\\\"";
        break;
      case U'\\':
        out += "\\\\";
        break;
      case U'\n':
        out += "\\n";
        break;
      case U'\r':
        out += "\\r";
        break;
      case U'\t':
        out += "\\t";
        break;
      default:
        // U+2028 and U+2029 end a line for some readers of logs.
        if (c < 0x20 || c == 0x7F || c == 0x2028 || c == 0x2029) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          append_utf8(out, c);
        }
    }
  }
  out += '"';
}

}  // namespace al
