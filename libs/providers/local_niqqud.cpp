#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/utf8.h"
#include "providers/local_espeak.h"

namespace al::providers {
namespace {

constexpr char32_t kAlef = 0x05D0;
constexpr char32_t kTav = 0x05EA;
constexpr char32_t kVav = 0x05D5;
constexpr char32_t kShin = 0x05E9;
constexpr char32_t kSamekh = 0x05E1;
constexpr char32_t kHatafSegol = 0x05B1;
constexpr char32_t kSegol = 0x05B6;
constexpr char32_t kHolam = 0x05B9;
constexpr char32_t kHolamHaser = 0x05BA;
constexpr char32_t kDagesh = 0x05BC;
constexpr char32_t kShinDot = 0x05C1;
constexpr char32_t kSinDot = 0x05C2;
constexpr char32_t kQamatsQatan = 0x05C7;

bool is_letter(char32_t c) {
  return c >= kAlef && c <= kTav;
}
bool is_vowel(char32_t c) {
  return (c >= 0x05B0 && c <= 0x05BB) || c == kQamatsQatan;
}
// Vowels, dagesh, dots, accents, meteg, rafe: all that stands on a letter. Maqaf (05BE) and the like are punctuation.
bool is_mark(char32_t c) {
  return (c >= 0x0591 && c <= 0x05BD) || c == 0x05BF || c == kShinDot || c == kSinDot || c == 0x05C4 || c == 0x05C5 ||
         c == kQamatsQatan;
}

struct Composed {
  char32_t whole;
  char32_t letter;
  std::array<char32_t, 2> marks;
};
// Alphabetic presentation forms (Unicode chapter "FB00"): one code point for a letter and its marks.
constexpr std::array kComposed = std::to_array<Composed>({
    {0xFB1D, 0x05D9, {0x05B4, 0}},
    {0xFB2A, kShin, {kShinDot, 0}},
    {0xFB2B, kShin, {kSinDot, 0}},
    {0xFB2C, kShin, {kDagesh, kShinDot}},
    {0xFB2D, kShin, {kDagesh, kSinDot}},
    {0xFB2E, kAlef, {0x05B7, 0}},
    {0xFB2F, kAlef, {0x05B8, 0}},
    {0xFB4B, kVav, {kHolam, 0}},
    {0xFB4C, 0x05D1, {0x05BF, 0}},
    {0xFB4D, 0x05DB, {0x05BF, 0}},
    {0xFB4E, 0x05E4, {0x05BF, 0}},
});
constexpr char32_t kFirstWithDagesh = 0xFB30;  // alef with dagesh … tav with dagesh, in the order of the letters
constexpr char32_t kLastWithDagesh = 0xFB4A;

std::vector<char32_t> decomposed(std::string_view utf8) {
  std::vector<char32_t> out;
  for (const char32_t c : decode_utf8(utf8)) {
    if (c >= kFirstWithDagesh && c <= kLastWithDagesh) {
      out.push_back(kAlef + (c - kFirstWithDagesh));
      out.push_back(kDagesh);
      continue;
    }
    const Composed* found = nullptr;
    for (const auto& form : kComposed) {
      if (form.whole == c) found = &form;
    }
    if (found == nullptr) {
      out.push_back(c);
      continue;
    }
    out.push_back(found->letter);
    for (const char32_t mark : found->marks) {
      if (mark != 0) out.push_back(mark);
    }
  }
  return out;
}

bool dagesh_is_heard(char32_t letter) {
  constexpr char32_t kBet = 0x05D1, kFinalKaf = 0x05DA, kKaf = 0x05DB, kPe = 0x05E4;
  return letter == kBet || letter == kKaf || letter == kFinalKaf || letter == kPe || letter == kVav;
}

// One letter with the marks that follow it.
struct Cluster {
  char32_t letter = 0;
  bool dagesh = false;
  bool sin = false;
  char32_t vowel = 0;
};

void append(const Cluster& cluster, std::string& out) {
  append_utf8(out, cluster.sin ? kSamekh : cluster.letter);
  if (cluster.dagesh && dagesh_is_heard(cluster.letter)) append_utf8(out, kDagesh);
  switch (cluster.vowel) {
    case 0:
      return;
    case kHatafSegol:
      return append_utf8(out, kSegol);
    case kHolam:
    case kHolamHaser:
      if (cluster.letter != kVav) append_utf8(out, kVav);
      return append_utf8(out, kHolam);
    default:
      return append_utf8(out, cluster.vowel);
  }
}

}  // namespace

std::string simplify_niqqud(std::string_view utf8) {
  const std::vector<char32_t> text = decomposed(utf8);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    Cluster cluster{.letter = text[at++]};
    if (!is_letter(cluster.letter)) {
      if (!is_mark(cluster.letter)) append_utf8(out, cluster.letter);  // a mark without a letter says nothing
      continue;
    }
    for (; at < text.size() && is_mark(text[at]); ++at) {
      const char32_t mark = text[at];
      if (mark == kDagesh) cluster.dagesh = true;
      if (mark == kSinDot) cluster.sin = cluster.letter == kShin;
      if (is_vowel(mark) && cluster.vowel == 0) cluster.vowel = mark;
    }
    // A holam may be written on the letter before its vav as well as on the vav.
    const bool vav_follows = at < text.size() && text[at] == kVav && (at + 1 == text.size() || !is_mark(text[at + 1]));
    if (cluster.vowel == kHolam && cluster.letter != kVav && vav_follows) ++at;
    append(cluster, out);
  }
  return out;
}

bool is_pointed_hebrew(std::string_view utf8) {
  std::size_t words = 0;
  std::size_t pointed = 0;
  bool in_word = false;
  bool has_vowel = false;
  auto text = decomposed(utf8);
  text.push_back(' ');
  for (const char32_t c : text) {
    const bool part = is_letter(c) || is_mark(c);
    if (!part && in_word) {
      ++words;
      pointed += has_vowel ? 1 : 0;
    }
    if (!part) has_vowel = false;
    in_word = part;
    has_vowel |= is_vowel(c) || c == kDagesh;
  }
  return words > 0 && 2 * pointed >= words;
}

}  // namespace al::providers
