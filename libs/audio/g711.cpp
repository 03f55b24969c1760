#include "audio/g711.h"

#include <array>
#include <cassert>

namespace al::audio {
namespace {

constexpr int kBias = 33;      // of the 14-bit scale
constexpr int kClip14 = 8158;  // largest 14-bit magnitude that keeps the biased value in 13 bits

constexpr std::int16_t expand(std::uint8_t code) {
  const unsigned inverted = static_cast<unsigned>(~code) & 0xFFU;
  const int mantissa = static_cast<int>(inverted & 0x0FU);
  const int exponent = static_cast<int>((inverted >> 4U) & 0x07U);
  const int magnitude14 = ((2 * mantissa + kBias) << exponent) - kBias;
  const int magnitude16 = magnitude14 * 4;
  return static_cast<std::int16_t>((inverted & 0x80U) != 0 ? -magnitude16 : magnitude16);
}

// `sample14`: on the 14-bit uniform scale of the standard.
constexpr std::uint8_t compress(int sample14) {
  const unsigned sign_mask = sample14 < 0 ? 0x7FU : 0xFFU;
  int magnitude = sample14 < 0 ? -sample14 : sample14;
  magnitude = (magnitude > kClip14 ? kClip14 : magnitude) + kBias;
  int exponent = 0;
  while (exponent < 7 && (magnitude >> (exponent + 6)) != 0) ++exponent;
  const unsigned mantissa = static_cast<unsigned>(magnitude >> (exponent + 1)) & 0x0FU;
  return static_cast<std::uint8_t>(((static_cast<unsigned>(exponent) << 4U) | mantissa) ^ sign_mask);
}

constexpr auto kDecode = [] {
  std::array<std::int16_t, 256> table{};
  for (unsigned code = 0; code < table.size(); ++code) table[code] = expand(static_cast<std::uint8_t>(code));
  return table;
}();

// Indexed by the sample rounded to 14 bits, offset so that the most negative comes first: 16 KiB, stays in the cache.
// Rounding may reach +8192, one beyond 14 bits; it is clipped like everything above 8158.
constexpr std::size_t kHalf = 1U << 13U;
constexpr std::size_t kEncodeSize = 2 * kHalf + 1;
constexpr auto kEncode = [] {
  std::array<std::uint8_t, kEncodeSize> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = compress(static_cast<int>(i) - static_cast<int>(kHalf));
  }
  return table;
}();

std::uint8_t encode(std::int16_t sample) {
  return kEncode[static_cast<std::size_t>(((sample + 2) >> 2) + static_cast<int>(kHalf))];
}

}  // namespace

std::int16_t decode_ulaw(std::uint8_t code) {
  return kDecode[code];
}
std::uint8_t encode_ulaw(std::int16_t sample) {
  return encode(sample);
}

void decode_ulaw(std::span<const std::uint8_t> from, std::span<std::int16_t> to) {
  assert(from.size() == to.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = kDecode[from[i]];
}

void encode_ulaw(std::span<const std::int16_t> from, std::span<std::uint8_t> to) {
  assert(from.size() == to.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = encode(from[i]);
}

PcmFrame decode_frame(const UlawFrame& frame) {
  PcmFrame out;
  decode_ulaw(frame, out);
  return out;
}

UlawFrame encode_frame(PcmFrameView frame) {
  UlawFrame out;
  encode_ulaw(frame, out);
  return out;
}

}  // namespace al::audio
