#include "twilio/form.h"

#include <algorithm>

namespace al::twilio {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void append_hex(std::string& out, char c) {
  constexpr char kHex[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

void append_encoded(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_letter_or_digit(c) || c == '*' || c == '-' || c == '.' || c == '_') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      append_hex(out, c);
    }
  }
}

}  // namespace

FormParams::FormParams(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  for (const auto& [key, value] : pairs) add(key, value);
}

void FormParams::add(std::string_view key, std::string_view value) {
  entries_.push_back({std::string(key), std::string(value)});
}

std::optional<std::string_view> FormParams::find(std::string_view key) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const FormParam& entry) { return entry.key == key; });
  if (found == entries_.end()) return std::nullopt;
  return std::string_view(found->value);
}

std::string_view FormParams::get(std::string_view key) const {
  return find(key).value_or(std::string_view{});
}

Result<FormParams> parse_form(std::string_view body, FormLimits limits) {
  if (body.size() > limits.max_bytes) {
    return fail(Errc::kMalformed, "form body of " + std::to_string(body.size()) + " bytes, at most " +
                                      std::to_string(limits.max_bytes) + " are read");
  }
  FormParams params;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('&'), body.size());
    const std::string_view pair = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (pair.empty()) continue;
    if (params.size() == limits.max_params) {
      return fail(Errc::kMalformed, "form body with more than " + std::to_string(limits.max_params) + " parameters");
    }
    const std::size_t equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    params.add(decode(pair.substr(0, equals)), decode(value));
  }
  return params;
}

std::string encode_form(const FormParams& params) {
  std::string out;
  for (const FormParam& entry : params.entries()) {
    if (!out.empty()) out += '&';
    append_encoded(out, entry.key);
    out += '=';
    append_encoded(out, entry.value);
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      append_hex(out, c);
    }
  }
  return out;
}

}  // namespace al::twilio
