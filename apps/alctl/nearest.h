// "Did you mean …?"
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace al::alctl {

// The candidate with the smallest edit distance, when it is close enough to be a slip (a third of the length, at least
// two letters); the first one of equals.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace al::alctl
