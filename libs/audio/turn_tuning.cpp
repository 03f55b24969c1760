#include "audio/turn_tuning.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

#include <fmt/format.h>

namespace al::audio {
namespace {

constexpr std::size_t kMostValues = 1000;

std::optional<double> parse_number(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

Result<std::vector<std::string>> parse_range(std::string_view text) {
  const auto parts = split(text, ':');
  std::vector<double> numbers;
  for (const std::string_view part : parts) {
    const auto number = parse_number(part);
    if (!number) return fail(Errc::kMalformed, fmt::format("'{}' is no number", part));
    numbers.push_back(*number);
  }
  if (numbers.size() != 3) return fail(Errc::kMalformed, fmt::format("'{}' is not first:last:step", text));
  const double first = numbers[0];
  const double last = numbers[1];
  const double step = numbers[2];
  if (step <= 0.0 || last < first)
    return fail(Errc::kMalformed, fmt::format("'{}' does not rise from first to last", text));
  const double count = std::floor((last - first) / step + 1e-9) + 1.0;
  if (count > static_cast<double>(kMostValues)) {
    return fail(Errc::kMalformed, fmt::format("'{}' has more than {} values", text, kMostValues));
  }
  std::vector<std::string> values;
  // Six digits are enough for any setting and hide the dust of the multiplication.
  for (int i = 0; i < static_cast<int>(count); ++i) values.push_back(fmt::format("{:.6g}", first + i * step));
  return values;
}

}  // namespace

Result<Sweep> parse_sweep(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    return fail(Errc::kMalformed, fmt::format("sweep '{}': key=first:last:step or key=one,two is expected", text));
  }
  Sweep sweep{std::string(text.substr(0, equals)), {}};
  const std::string_view values = text.substr(equals + 1);
  if (values.find(':') != std::string_view::npos) {
    auto range = parse_range(values);
    if (!range) return fail(range.error().code, fmt::format("sweep '{}': {}", text, range.error().detail));
    sweep.values = std::move(*range);
  } else {
    for (const std::string_view value : split(values, ',')) sweep.values.emplace_back(value);
  }
  return sweep;
}

Result<std::vector<Changes>> combinations(std::span<const Sweep> sweeps, std::size_t limit) {
  std::vector<Changes> all{{}};
  for (const Sweep& sweep : sweeps) {
    if (sweep.values.size() > limit / all.size()) {
      return fail(Errc::kUnsupported, fmt::format("the sweeps make more than {} combinations", limit));
    }
    std::vector<Changes> next;
    for (const Changes& known : all) {
      for (const std::string& value : sweep.values) {
        next.push_back(known);
        next.back().emplace_back(sweep.key, value);
      }
    }
    all = std::move(next);
  }
  return all;
}

std::vector<std::size_t> pareto(std::span<const TradePoint> points) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!std::isnan(points[i].split_pct) && !std::isnan(points[i].mean_latency_ms)) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(points[a].mean_latency_ms, points[a].split_pct) <
           std::pair(points[b].mean_latency_ms, points[b].split_pct);
  });
  std::vector<std::size_t> best;
  for (const std::size_t i : order) {
    if (best.empty() || points[i].split_pct < points[best.back()].split_pct) best.push_back(i);
  }
  return best;
}

OperatingPoints operating_points(std::span<const TradePoint> points) {
  // All four answers lie on the Pareto list.
  OperatingPoints found;
  for (const std::size_t i : pareto(points)) {
    const TradePoint& p = points[i];
    if (p.mean_latency_ms <= 300.0) found.fewest_splits_within_300ms = i;
    if (p.mean_latency_ms <= 600.0) found.fewest_splits_within_600ms = i;
    if (p.split_pct <= 10.0 && !found.fastest_within_10pct) found.fastest_within_10pct = i;
    if (p.split_pct <= 5.0 && !found.fastest_within_5pct) found.fastest_within_5pct = i;
  }
  return found;
}

}  // namespace al::audio
