// What `alctl tune` prints and writes; apart from the command so that tests can look at it without running a trial.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alctl/io.h"
#include "alctl/tune_runner.h"
#include "audio/turn_tuning.h"
#include "core/settings.h"

namespace al::alctl {

struct TuneCandidate {
  audio::Changes changes;  // of the sweep
  std::vector<audio::Figure> figures;
};

struct TuneReport {
  std::string set_name;
  std::string manifest_sha256;
  std::size_t calls = 0;
  std::size_t turns = 0;
  double minutes = 0.0;
  std::string engine;
  audio::Changes settings;             // everything that differs from the defaults, the winner's sweep values included
  std::vector<audio::Figure> figures;  // of the winner, with intervals
  std::vector<audio::CallScore> scores;  // of the winner, by call
  FrameCost cost;
  std::vector<TuneCandidate> candidates;  // of the sweep, in order; one without a sweep
  std::size_t winner = 0;
};

void print_tune_report(const TuneReport& report, Io& io);
[[nodiscard]] std::string tune_report_json(const TuneReport& report);
// The chosen settings in the daemon's file format (TOML), with a comment that says where they come from.
[[nodiscard]] std::string tune_settings_file(const TuneReport& report, const Settings& settings);

}  // namespace al::alctl
