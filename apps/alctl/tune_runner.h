// Runs many settings over a labelled set on all cores. A network's scores do not depend on the rules around it, so each
// recording goes through the network once per gain and the rules are tried on the recorded scores: decisions are the
// daemon's, frame for frame.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "audio/turn_metrics.h"
#include "audio/turn_set.h"
#include "core/error.h"

namespace al::alctl {

struct FrameCost {  // microseconds of processor time a frame of 20 ms, one thread, the network included
  double mean_us = 0.0;
  double p50_us = 0.0;
  double p99_us = 0.0;
};

class TuneRunner {
 public:
  // `set` and `model` outlive the runner; `model` may be null when no candidate uses silero. `threads` at least 1.
  TuneRunner(const audio::TurnSet& set, std::shared_ptr<const audio::SileroModel> model, int threads);
  ~TuneRunner();
  TuneRunner(const TuneRunner&) = delete;
  TuneRunner& operator=(const TuneRunner&) = delete;

  // Scores of every call for every candidate, in their order. `progress` is called on this thread with the share done,
  // about ten times a second; when it returns false the work stops and kClosed comes back.
  using Progress = std::function<bool(double)>;
  Result<std::vector<std::vector<audio::CallScore>>> run(const std::vector<audio::ListenOptions>& candidates,
                                                         const Progress& progress);

  // Times the ear on at most `seconds` of the set's audio.
  [[nodiscard]] Result<FrameCost> cost(const audio::ListenOptions& options, double seconds = 60.0) const;

 private:
  using Scores = std::vector<std::shared_ptr<const std::vector<float>>>;  // by call

  bool for_all(std::size_t count, const std::function<void(std::size_t)>& work, double from, double to,
               const Progress& progress) const;
  bool record(float gain_db, double from, double to, const Progress& progress);
  [[nodiscard]] Result<audio::TurnListener> listener(const audio::ListenOptions& options, std::size_t call) const;

  const audio::TurnSet& set_;
  std::shared_ptr<const audio::SileroModel> model_;
  int threads_;
  std::map<float, Scores> scores_;  // by gain
};

}  // namespace al::alctl
