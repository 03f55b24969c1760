#include "alctl/tune_command.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "alctl/commands.h"
#include "alctl/settings_arguments.h"
#include "alctl/terminal.h"
#include "audio/audio_settings.h"

namespace al::alctl {
namespace {

struct Plan {
  std::vector<audio::Changes> changes;
  std::vector<Settings> settings;
  std::vector<audio::ListenOptions> options;
};

Result<Plan> make_plan(const Arguments& arguments, const Settings& base, bool have_silero) {
  std::vector<audio::Sweep> sweeps;
  for (const std::string& text : arguments.all("sweep")) {
    auto sweep = audio::parse_sweep(text);
    if (!sweep) return fail(sweep.error());
    sweeps.push_back(std::move(*sweep));
  }
  auto all = audio::combinations(sweeps);
  if (!all) return fail(all.error());
  Plan plan;
  plan.changes = std::move(*all);
  for (const audio::Changes& changes : plan.changes) {
    Settings settings = base;
    for (const auto& [key, value] : changes) {
      if (auto set = settings.set(key, value, "--sweep"); !set) return fail(set.error());
    }
    plan.options.push_back(audio::listen_options(settings, have_silero));
    plan.settings.push_back(std::move(settings));
  }
  return plan;
}

audio::Changes changed_settings(const Settings& settings) {
  audio::Changes changes;
  for (const std::string_view key : settings.differences(Settings())) {
    changes.emplace_back(std::string(key), settings.shown(key));
  }
  return changes;
}

void describe_set(const audio::TurnSet& set, TuneReport& report) {
  report.set_name = set.name;
  report.manifest_sha256 = set.manifest_sha256;
  report.calls = set.calls.size();
  constexpr double kMsPerMinute = 60'000.0;
  for (const audio::LabelledCall& call : set.calls) {
    report.turns += call.turns.size();
    report.minutes += static_cast<double>(call.duration_ms) / kMsPerMinute;
  }
}

std::size_t lowest_j(const std::vector<TuneCandidate>& candidates) {
  const auto j = [](const TuneCandidate& c) { return audio::figure(c.figures, "j"); };
  return static_cast<std::size_t>(std::min_element(candidates.begin(), candidates.end(),
                                                   [&](const auto& a, const auto& b) { return j(a) < j(b); }) -
                                  candidates.begin());
}

Result<void> write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) return fail(Errc::kRejected, fmt::format("cannot write {}", path));
  return {};
}

ExitCode run_tune(const Arguments& arguments, Io& io) {
  const auto settings = settings_from(arguments);
  if (!settings) return io.fail(ExitCode::kUsage, settings.error().detail);
  const auto model = silero_from(arguments, *settings);
  if (!model) return io.fail(model.error());
  const auto plan = make_plan(arguments, *settings, *model != nullptr);
  if (!plan) return io.fail(ExitCode::kUsage, plan.error().detail);
  const auto set = audio::TurnSet::load(arguments.text("DIR"), arguments.all("only"));
  if (!set) return io.fail(set.error());

  TuneRunner runner(*set, *model, static_cast<int>(arguments.integer("threads", 2)));
  ProgressBar bar(io, "tune", 1.0);
  auto scores = runner.run(plan->options, [&](double done) {
    bar.update(done, fmt::format("{} settings", plan->options.size()));
    return !interrupted();
  });
  bar.finish();
  if (!scores) return interrupted() ? ExitCode::kInterrupted : io.fail(scores.error());

  TuneReport report;
  describe_set(*set, report);
  for (std::size_t i = 0; i < plan->changes.size(); ++i) {
    report.candidates.push_back({plan->changes[i], audio::summarise((*scores)[i])});
  }
  report.winner = lowest_j(report.candidates);
  report.scores = std::move((*scores)[report.winner]);
  report.figures = audio::summarise_with_intervals(report.scores, static_cast<int>(arguments.integer("draws", 1000)));
  report.engine = std::string(to_string(plan->options[report.winner].voice.engine));
  report.settings = changed_settings(plan->settings[report.winner]);
  const auto cost = runner.cost(plan->options[report.winner]);
  if (!cost) return io.fail(cost.error());
  report.cost = *cost;

  if (arguments.given("write")) {
    const auto written = write_file(arguments.text("write"), tune_settings_file(report, plan->settings[report.winner]));
    if (!written) return io.fail(written.error());
    io.err << "alctl: settings written to " << arguments.text("write") << "\n";
  }
  if (io.json) {
    io.out << tune_report_json(report);
  } else {
    print_tune_report(report, io);
  }
  return ExitCode::kOk;
}

}  // namespace

CommandSpec tune_command() {
  CommandSpec spec;
  spec.name = "tune";
  spec.summary = "score settings of the ear against labelled recordings";
  spec.description =
      "Plays every call of a labelled set (a folder with manifest.json; format: testdata/turns/README.md) through the "
      "same ear as "
      "the daemon and says how well it follows the turns: speech found, turns missed, split or merged, how long the "
      "answer waits, "
      "what echo and interruptions do. Every figure comes with a 95 % interval over calls.\n\n"
      "With --sweep it tries every combination, prints those that no other one beats in people cut off and people kept "
      "waiting, "
      "and takes the one with the lowest J for the report and for --write: J = split + 2 missed + merged + 2 lost + 3 "
      "ghosts a "
      "minute + (p50 - 200) / 25 + 100 for all prompts falsely killed + 100 for all interruptions missed.\n\n"
      "Tune on one set and believe the figures of another one.";
  spec.arguments = {{"DIR", "folder with manifest.json", true, false, ValueKind::kDirectory, {}}};
  spec.options = {
      {"sweep",
       ValueKind::kText,
       "KEY=FIRST:LAST:STEP",
       "try all these values, or KEY=ONE,TWO; several make a grid",
       "",
       true,
       {},
       {},
       {}},
      {"write", ValueKind::kFile, "FILE", "save the chosen settings for the daemon", "", false, {}, {}, {}},
      {"only", ValueKind::kText, "ID", "only this call of the set", "", true, {}, {}, {}},
      {"threads",
       ValueKind::kInteger,
       "N",
       "calls at once",
       std::to_string(std::max(1U, std::thread::hardware_concurrency())),
       false,
       {},
       1.0,
       256.0},
      {"draws", ValueKind::kInteger, "N", "resamplings for the intervals", "1000", false, {}, 0.0, 100000.0},
  };
  for (OptionSpec& option : settings_options({"energy", "silero", "webrtc", "spec"})) {
    spec.options.push_back(std::move(option));
  }
  spec.examples = {
      {"alctl tune testdata/turns", "how well the defaults do on the set that comes with the source"},
      {"alctl tune calls --vad energy", "the same without a network"},
      {"alctl tune calls --sweep min_silence=300:600:20 --write best.toml", "find and save a better silence"},
  };
  spec.run = run_tune;
  return spec;
}

}  // namespace al::alctl
