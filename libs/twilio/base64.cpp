#include "twilio/base64.h"

#include <array>
#include <cstring>

namespace al::twilio {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint32_t kBad = 0x01000000;  // above the 24 bits that four characters carry

struct DecodeTables {
  // What a character contributes at each of the four places, as 24 bits in the order of the output bytes.
  std::array<std::array<std::uint32_t, 256>, 4> at{};
  constexpr DecodeTables() {
    for (auto& table : at) table.fill(kBad);
    for (std::uint32_t value = 0; value < 64; ++value) {
      const auto c = static_cast<std::uint8_t>(kAlphabet[value]);
      for (std::uint32_t place = 0; place < 4; ++place) at[place][c] = value << (18 - 6 * place);
    }
  }
};
constexpr DecodeTables kDecode;

// Twelve bits to two characters: half the look-ups of the six-bit table.
struct EncodeTable {
  std::array<std::array<char, 2>, 4096> pair{};
  constexpr EncodeTable() {
    for (std::size_t i = 0; i < pair.size(); ++i) pair[i] = {kAlphabet[i >> 6], kAlphabet[i & 63]};
  }
};
constexpr EncodeTable kEncode;

constexpr std::uint32_t quad(const char* text) {
  return kDecode.at[0][static_cast<std::uint8_t>(text[0])] | kDecode.at[1][static_cast<std::uint8_t>(text[1])] |
         kDecode.at[2][static_cast<std::uint8_t>(text[2])] | kDecode.at[3][static_cast<std::uint8_t>(text[3])];
}

}  // namespace

void base64_encode(std::span<const std::uint8_t> bytes, char* out) {
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3, out += 4) {
    const std::uint32_t bits = static_cast<std::uint32_t>(bytes[i]) << 16 |
                               static_cast<std::uint32_t>(bytes[i + 1]) << 8 | static_cast<std::uint32_t>(bytes[i + 2]);
    std::memcpy(out, kEncode.pair[bits >> 12].data(), 2);
    std::memcpy(out + 2, kEncode.pair[bits & 4095].data(), 2);
  }
  const std::size_t rest = bytes.size() - i;
  if (rest == 0) return;
  const std::uint32_t bits =
      static_cast<std::uint32_t>(bytes[i]) << 16 | (rest == 2 ? static_cast<std::uint32_t>(bytes[i + 1]) << 8 : 0U);
  std::memcpy(out, kEncode.pair[bits >> 12].data(), 2);
  out[2] = rest == 2 ? kAlphabet[(bits >> 6) & 63] : '=';
  out[3] = '=';
}

std::optional<std::size_t> base64_decode(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  if (!text.empty() && text.back() == '=') padding = text[text.size() - 2] == '=' ? 2 : 1;
  const std::size_t size = text.size() / 4 * 3 - padding;
  if (size > out.size()) return std::nullopt;
  const std::size_t whole = padding == 0 ? text.size() : text.size() - 4;
  std::uint32_t bad = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < whole; i += 4, at += 3) {
    const std::uint32_t bits = quad(text.data() + i);
    bad |= bits;
    out[at] = static_cast<std::uint8_t>(bits >> 16);
    out[at + 1] = static_cast<std::uint8_t>(bits >> 8);
    out[at + 2] = static_cast<std::uint8_t>(bits);
  }
  if (padding != 0) {
    const char last[4] = {text[whole], text[whole + 1], padding == 1 ? text[whole + 2] : 'A', 'A'};
    const std::uint32_t bits = quad(last);
    bad |= bits;
    out[at] = static_cast<std::uint8_t>(bits >> 16);
    if (padding == 1) out[at + 1] = static_cast<std::uint8_t>(bits >> 8);
  }
  if ((bad & kBad) != 0) return std::nullopt;
  return size;
}

}  // namespace al::twilio
