#include "providers/local_utterance.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "audio/format.h"

namespace al::providers {
namespace {

using audio::kFrameSamples;
constexpr std::size_t kSamplesPerMs = audio::kSampleRateHz / 1000;

// Voice is what lies this far above the quietest tenth, on the way to the loudest; below the lower bound nothing stands
// out, above the upper one a soft consonant would be lost.
constexpr double kLeastRiseDb = 6.0;
constexpr double kMostRiseDb = 14.0;
constexpr double kRiseShare = 0.3;
constexpr double kSilenceDb = -60.0;     // dBFS: digital silence and codec noise
constexpr std::size_t kShortestRun = 3;  // frames: a click is no voice

double energy_of(std::span<const std::int16_t> samples) {
  double sum = 0;
  for (const std::int16_t sample : samples) sum += static_cast<double>(sample) * sample;
  return sum;
}

double to_dbfs(double energy, std::size_t samples) {
  const double mean = energy / static_cast<double>(std::max<std::size_t>(samples, 1));
  return 10.0 * std::log10(mean / (32768.0 * 32768.0) + 1e-9);
}

float percentile(std::vector<float> values, double share) {
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

// First or last frame of a run of at least kShortestRun frames above the threshold.
template <typename Iterator>
std::optional<std::ptrdiff_t> first_run(Iterator begin, Iterator end, double threshold) {
  std::size_t run = 0;
  for (Iterator it = begin; it != end; ++it) {
    run = *it > threshold ? run + 1 : 0;
    if (run == kShortestRun) return (it - begin) - static_cast<std::ptrdiff_t>(kShortestRun - 1);
  }
  return std::nullopt;
}

}  // namespace

Range overlap(Range a, Range b) {
  const std::size_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

void LevelTrack::add(std::span<const std::int16_t> pcm_8k) {
  while (!pcm_8k.empty()) {
    const std::size_t count = std::min(kFrameSamples - filled_, pcm_8k.size());
    energy_ += energy_of(pcm_8k.first(count));
    filled_ += count;
    pcm_8k = pcm_8k.subspan(count);
    if (filled_ < kFrameSamples) return;
    levels_.push_back(static_cast<float>(to_dbfs(energy_, kFrameSamples)));
    energy_ = 0;
    filled_ = 0;
  }
}

Range voiced_range(std::span<const float> levels) {
  if (levels.empty()) return {};
  const std::vector<float> all(levels.begin(), levels.end());
  const double floor = percentile(all, 0.10);
  const double loud = percentile(all, 0.95);
  if (loud < kSilenceDb) return {};
  if (loud - floor < kLeastRiseDb) return {0, levels.size() * kFrameSamples};
  const double rise = std::clamp(kRiseShare * (loud - floor), kLeastRiseDb / 2, kMostRiseDb);
  const double threshold = std::max(floor + rise, kSilenceDb);

  const auto first = first_run(levels.begin(), levels.end(), threshold);
  if (!first) return {};
  const auto last = first_run(levels.rbegin(), levels.rend(), threshold);
  return {static_cast<std::size_t>(*first) * kFrameSamples,
          (levels.size() - static_cast<std::size_t>(*last)) * kFrameSamples};
}

Range voiced_range(std::span<const std::int16_t> pcm_8k) {
  LevelTrack track;
  track.add(pcm_8k);
  return voiced_range(track.levels());
}

Range padded(Range voice, std::size_t total_samples, const TrimOptions& options) {
  const auto before = static_cast<std::size_t>(options.before.count()) * kSamplesPerMs;
  const auto after = static_cast<std::size_t>(options.after.count()) * kSamplesPerMs;
  return {voice.begin > before ? voice.begin - before : 0, std::min(voice.end + after, total_samples)};
}

std::vector<Range> split_at_quiet(std::span<const std::int16_t> pcm_8k, Range range, Duration longest) {
  constexpr std::size_t kWindow = 5 * kFrameSamples;
  const auto most = std::max<std::size_t>(static_cast<std::size_t>(to_ms(longest)) * kSamplesPerMs, 4 * kWindow);
  std::vector<Range> pieces;
  while (range.size() > most) {
    std::size_t cut = range.begin + most;
    double quietest = 1.0;
    for (std::size_t at = range.begin + most * 2 / 3; at + kWindow <= range.begin + most; at += kFrameSamples) {
      const double level = to_dbfs(energy_of(pcm_8k.subspan(at, kWindow)), kWindow);
      if (level < quietest) {
        quietest = level;
        cut = at + kWindow / 2;
      }
    }
    pieces.push_back({range.begin, cut});
    range.begin = cut;
  }
  if (range.size() > 0) pieces.push_back(range);
  return pieces;
}

}  // namespace al::providers
