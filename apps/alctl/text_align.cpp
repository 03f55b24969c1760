#include "alctl/text_align.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "core/text.h"

namespace al::alctl {
namespace {

constexpr double kLeast = 0.2;      // less in common is another sentence
constexpr double kRecording = 0.3;  // a line whose words are not known

std::multiset<std::string> words_of(std::string_view text) {
  std::multiset<std::string> words;
  std::string word;
  const std::string lower = to_lower_ascii(text);
  for (const char c : lower + " ") {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    if (letter) {
      word += c;
    } else if (!word.empty()) {
      words.insert(std::exchange(word, {}));
    }
  }
  return words;
}

}  // namespace

double word_overlap(std::string_view a, std::string_view b) {
  const auto left = words_of(a);
  const auto right = words_of(b);
  if (left.empty() || right.empty()) return 0;
  std::vector<std::string> common;
  std::set_intersection(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(common));
  return 2.0 * static_cast<double>(common.size()) / static_cast<double>(left.size() + right.size());
}

std::vector<std::optional<std::size_t>> align_texts(const std::vector<std::string>& lines,
                                                    const std::vector<std::string>& heard) {
  const std::size_t rows = lines.size();
  const std::size_t columns = heard.size();
  const auto fit = [&](std::size_t row, std::size_t column) {
    const double overlap = lines[row].empty() ? kRecording : word_overlap(lines[row], heard[column]);
    return overlap < kLeast ? 0.0 : overlap;
  };
  // best[r][c]: the best sum for the first r lines and the first c heard texts.
  std::vector<std::vector<double>> best(rows + 1, std::vector<double>(columns + 1, 0.0));
  for (std::size_t r = 1; r <= rows; ++r) {
    for (std::size_t c = 1; c <= columns; ++c) {
      best[r][c] = std::max({best[r - 1][c], best[r][c - 1], best[r - 1][c - 1] + fit(r - 1, c - 1)});
    }
  }
  std::vector<std::optional<std::size_t>> matches(rows);
  std::size_t r = rows;
  std::size_t c = columns;
  while (r > 0 && c > 0) {
    const double score = fit(r - 1, c - 1);
    if (score > 0 && best[r][c] == best[r - 1][c - 1] + score) {
      matches[--r] = --c;
    } else if (best[r][c] == best[r - 1][c]) {
      --r;
    } else {
      --c;
    }
  }
  return matches;
}

}  // namespace al::alctl
