// Which of the texts somebody heard belongs to which of the lines that were said? Recognisers drop, split and misread,
// so neither the number nor the words need to agree; the order does. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace al::alctl {

// Share of common words of two texts, 0..1; case and punctuation do not count.
[[nodiscard]] double word_overlap(std::string_view a, std::string_view b);

// For each line the index of the heard text that fits best, in order, each at most once; none where nothing fits. Lines
// without a text (recordings) fit anything a little.
[[nodiscard]] std::vector<std::optional<std::size_t>> align_texts(const std::vector<std::string>& lines,
                                                                  const std::vector<std::string>& heard);

}  // namespace al::alctl
