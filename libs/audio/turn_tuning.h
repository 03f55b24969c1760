// Trying many settings on a labelled set: sweeps, the list of those that no other one beats (M6 of turn_metrics.h),
// operating points. Pure functions; who runs the trials, on how many threads, is the caller's affair.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace al::audio {

// One setting and the values to try.
struct Sweep {
  std::string key;
  std::vector<std::string> values;
};

// "min_silence=300:500:20" (first, last and step; the last is included when a step hits it) or
// "vad_engine=energy,silero". kMalformed says what is wrong; at most 1000 values.
Result<Sweep> parse_sweep(std::string_view text);

using Changes = std::vector<std::pair<std::string, std::string>>;  // key and value

// Every combination, the last sweep turning fastest. No sweeps give one empty combination; more than `limit` are
// kUnsupported.
Result<std::vector<Changes>> combinations(std::span<const Sweep> sweeps, std::size_t limit = 20'000);

// Where one candidate stands in the trade that matters most: people cut off against people kept waiting.
struct TradePoint {
  double split_pct = 0.0;
  double mean_latency_ms = 0.0;
};

// Indices of the points that no other point beats in both, by rising latency. Of equal points the first stays. NaN
// never counts.
[[nodiscard]] std::vector<std::size_t> pareto(std::span<const TradePoint> points);

// The questions of eot-bench, answered by index.
struct OperatingPoints {
  std::optional<std::size_t> fewest_splits_within_300ms;
  std::optional<std::size_t> fewest_splits_within_600ms;
  std::optional<std::size_t> fastest_within_5pct;
  std::optional<std::size_t> fastest_within_10pct;
};
[[nodiscard]] OperatingPoints operating_points(std::span<const TradePoint> points);

}  // namespace al::audio
