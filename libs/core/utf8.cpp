#include "core/utf8.h"

#include <cstdint>

namespace al {
namespace {

struct Decoded {
  char32_t codepoint = kReplacementCharacter;
  std::size_t bytes = 1;
  bool valid = false;
};

// RFC 3629 section 4. Shortest form and surrogates are checked on the value.
Decoded decode_first(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  std::size_t length = 0;
  char32_t value = 0;
  char32_t smallest = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2, value = lead & 0x1Fu, smallest = 0x80;
  } else if ((lead & 0xF0u) == 0xE0) {
    length = 3, value = lead & 0x0Fu, smallest = 0x800;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4, value = lead & 0x07u, smallest = 0x10000;
  }
  if (length == 0 || text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0u) != 0x80) return {};
    value = (value << 6) | (next & 0x3Fu);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest || value > 0x10FFFF || surrogate) return {};
  return {value, length, true};
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const Decoded first = decode_first(text);
    if (!first.valid) return false;
    text.remove_prefix(first.bytes);
  }
  return true;
}

char32_t take_codepoint(std::string_view& text) {
  const Decoded first = decode_first(text);
  text.remove_prefix(first.bytes);
  return first.codepoint;
}

std::size_t count_codepoints(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) take_codepoint(text);
  return count;
}

std::string_view truncate_utf8(std::string_view text, std::size_t max_bytes) {
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view after = rest;
    take_codepoint(after);
    if (text.size() - after.size() > max_bytes) break;
    rest = after;
  }
  return text.substr(0, text.size() - rest.size());
}

std::string_view truncate_codepoints(std::string_view text, std::size_t max_codepoints) {
  std::string_view rest = text;
  for (std::size_t i = 0; i < max_codepoints && !rest.empty(); ++i) take_codepoint(rest);
  return text.substr(0, text.size() - rest.size());
}

std::string repair_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) append_utf8(out, take_codepoint(text));
  return out;
}

std::vector<char32_t> decode_utf8(std::string_view text) {
  std::vector<char32_t> out;
  out.reserve(text.size());
  while (!text.empty()) out.push_back(take_codepoint(text));
  return out;
}

void append_utf8(std::string& out, char32_t codepoint) {
  if (codepoint > 0x10FFFF || (codepoint >= 0xD800 && codepoint <= 0xDFFF)) codepoint = kReplacementCharacter;
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (codepoint < 0x80) {
    put(codepoint);
  } else if (codepoint < 0x800) {
    put(0xC0u | (codepoint >> 6));
    put(0x80u | (codepoint & 0x3Fu));
  } else if (codepoint < 0x10000) {
    put(0xE0u | (codepoint >> 12));
    put(0x80u | ((codepoint >> 6) & 0x3Fu));
    put(0x80u | (codepoint & 0x3Fu));
  } else {
    put(0xF0u | (codepoint >> 18));
    put(0x80u | ((codepoint >> 12) & 0x3Fu));
    put(0x80u | ((codepoint >> 6) & 0x3Fu));
    put(0x80u | (codepoint & 0x3Fu));
  }
}

std::string encode_utf8(const std::vector<char32_t>& codepoints) {
  std::string out;
  out.reserve(codepoints.size());
  for (const char32_t c : codepoints) append_utf8(out, c);
  return out;
}

}  // namespace al
