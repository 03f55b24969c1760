#include "providers/text_split.h"

#include <cassert>

#include "core/utf8.h"

namespace al::providers {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// How good a cut after position `at` (a blank, or the end) is: 3 sentence, 2 clause, 1 word.
int cut_quality(std::string_view text, std::size_t at) {
  if (at == 0) return 0;
  switch (text[at - 1]) {
    case '.':
    case '!':
    case '?':
    case '\n':
      return 3;
    case ',':
    case ';':
    case ':':
      return 2;
    default:
      return 1;
  }
}

// Where to cut so that the first part fits into `window`, a prefix of text: the best kind of cut, and of those the
// last; a good cut in the first quarter is not worth a tiny part.
std::size_t find_cut(std::string_view text, std::size_t window) {
  std::size_t best_at = 0;
  int best = 0;
  for (std::size_t at = window / 4; at <= window && at < text.size(); ++at) {
    if (kBlanks.find(text[at]) == std::string_view::npos) continue;
    if (const int quality = cut_quality(text, at); quality >= best) {
      best = quality;
      best_at = at;
    }
  }
  return best > 0 ? best_at : window;
}

}  // namespace

std::vector<std::string> split_text(std::string_view text, std::size_t limit, TextUnit unit) {
  assert(limit >= 8);
  std::vector<std::string> parts;
  text = trim(text);
  while (!text.empty()) {
    const std::string_view fits =
        unit == TextUnit::kBytes ? truncate_utf8(text, limit) : truncate_codepoints(text, limit);
    std::size_t cut = fits.size();
    if (cut < text.size()) cut = find_cut(text, cut);
    if (cut == 0) break;  // no character fits; cannot be with the required limit
    if (const std::string_view part = trim(text.substr(0, cut)); !part.empty()) parts.emplace_back(part);
    text = trim(text.substr(cut));
  }
  return parts;
}

}  // namespace al::providers
