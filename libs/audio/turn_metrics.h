// How well a listener follows turns, against labels. Frame = 20 ms; the decision of frame i is usable at (i + 1) x 20
// ms.
//   M1  frames: precision, recall, F1, false-positive rate, AUC; 40 ms around label edges are not counted
//   M2  false triggers a minute: runs of voice without labelled speech near, of at least 60, 200, 400 ms
//   M3  turns: missed, speech lost, split, cut by the length limit, merged, ghosts a minute
//   M4  latency of the end of utterance after the turn's end
//   M5  pauses inside turns that were taken for the end, by length
//   M7  barge-in: prompts falsely killed, interruptions taken, latency
//   M8  replies after a prompt: lost, clipped
// M1 to M5 leave out calls in which the agent speaks, but for the speech lost, which counts everywhere; M6 (operating
// points) is turn_tuning.h, M9 (cost) the caller's clock. Pure functions, thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "audio/turn_set.h"
#include "audio/turn_trial.h"

namespace al::audio {

// Everything counted in one call; sums over calls give every rate.
struct CallScore {
  std::string id;
  std::string scenario;
  // M1
  std::int64_t true_voice = 0;
  std::int64_t false_voice = 0;
  std::int64_t missed_voice = 0;
  std::int64_t true_silence = 0;
  std::array<std::int64_t, 101> voice_scores{};  // frames labelled speech, by score in hundredths
  std::array<std::int64_t, 101> silence_scores{};
  // M2
  std::int64_t unlabelled_ms = 0;
  std::array<std::int64_t, 3> false_triggers{};  // >= 60, 200, 400 ms
  // M3
  std::int64_t turns = 0;
  std::int64_t missed = 0;
  std::int64_t split = 0;
  std::int64_t cut_by_limit = 0;
  std::int64_t merged = 0;
  std::int64_t ghosts = 0;
  std::int64_t speech_ms = 0;
  std::int64_t lost_ms = 0;
  // M4
  std::vector<std::int64_t> latencies_ms;
  std::vector<std::int64_t> one_word_latencies_ms;  // scenario "oneword"
  // M5: pauses of 100-175, -350, -500, -700, -900, -1200 ms
  static constexpr std::size_t kPauseBins = 6;
  std::array<std::int64_t, kPauseBins> pauses{};
  std::array<std::int64_t, kPauseBins> pauses_cut{};
  // M7
  std::int64_t prompts = 0;
  std::int64_t prompts_killed = 0;
  std::int64_t barge_ins = 0;
  std::int64_t barge_ins_taken = 0;
  std::vector<std::int64_t> barge_in_latencies_ms;
  // M8
  std::int64_t replies = 0;
  std::int64_t replies_lost = 0;
  std::int64_t reply_speech_ms = 0;
  std::int64_t reply_clipped_ms = 0;
};

[[nodiscard]] CallScore score_call(const LabelledCall& call, const Trial& trial);

// One figure with the 95 % interval of a bootstrap over calls. Undefined figures (nothing to count) are NaN.
struct Figure {
  std::string name;
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
};

// The figures, always in the same order. Names with a unit at the end; `j` is the scalar used for choosing among
// settings (lower is better): split + 2 missed + merged + 2 lost + 3 ghosts/min + (EOU p50 - 200) / 25 + 100 false
// kills/prompts
// + 100 missed barge-ins/barge-ins.
[[nodiscard]] std::vector<Figure> summarise(std::span<const CallScore> calls);
// The same with intervals: `draws` resamplings of whole calls, from `seed`.
[[nodiscard]] std::vector<Figure> summarise_with_intervals(std::span<const CallScore> calls, int draws = 1000,
                                                           std::uint64_t seed = 1);
// Value by name; NaN when there is none of that name.
[[nodiscard]] double figure(std::span<const Figure> figures, std::string_view name);

}  // namespace al::audio
