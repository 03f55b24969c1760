// Prepares a caller's utterance for an embedded recogniser: finds where the voice is, trims, splits at quiet points.
// Pure. It is no voice detector for turn-taking (libs/audio has those): it sees the whole utterance at once and only
// has to find silence around and inside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/time.h"

namespace al::providers {

// A part of an utterance, in samples.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;  // one past the last
  [[nodiscard]] std::size_t size() const { return end - begin; }
  friend bool operator==(const Range&, const Range&) = default;
};

// What both hold; empty when they do not meet.
[[nodiscard]] Range overlap(Range a, Range b);

struct TrimOptions {
  milliseconds before{200};  // kept before the first voice (500 ms costs words with short digits)
  milliseconds after{300};   // kept after the last
};

// Levels of consecutive 20 ms frames in dBFS, collected as the audio comes. Takes pieces of any size.
class LevelTrack {
 public:
  void reserve(std::size_t frames) { levels_.reserve(frames); }
  void add(std::span<const std::int16_t> pcm_8k);
  // Complete frames so far.
  [[nodiscard]] std::span<const float> levels() const { return levels_; }

 private:
  std::vector<float> levels_;
  double energy_ = 0;  // of the frame that is not complete yet
  std::size_t filled_ = 0;
};

// Where the voice is: from the first to the last 20 ms frame that stands out of the quietest ones, without padding.
// Empty (begin == end) when nothing does. A steady signal, all voice or all noise, is one range over everything.
[[nodiscard]] Range voiced_range(std::span<const float> levels);
[[nodiscard]] Range voiced_range(std::span<const std::int16_t> pcm_8k);

// `voice` with its padding, cut to what is there.
[[nodiscard]] Range padded(Range voice, std::size_t total_samples, const TrimOptions& options = {});

// Cuts a range into pieces of at most `longest`, each cut in the quietest 100 ms of the last third of its piece.
[[nodiscard]] std::vector<Range> split_at_quiet(std::span<const std::int16_t> pcm_8k, Range range,
                                                Duration longest = seconds{12});

}  // namespace al::providers
