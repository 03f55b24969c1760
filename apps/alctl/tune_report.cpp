#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/tune_command.h"

#ifndef AL_VERSION
#error "AL_VERSION comes from the project's CMakeLists.txt"
#endif

namespace al::alctl {
namespace {

using nlohmann::ordered_json;

struct Row {
  const char* name;  // of the figure
  const char* says;
  int digits;
};

constexpr Row kRows[] = {
    {"f1", "frames: F1", 3},
    {"precision", "  precision", 3},
    {"recall", "  recall", 3},
    {"fpr", "  false positives", 3},
    {"auc", "  area under the curve", 3},
    {"false_triggers_200ms_per_min", "false triggers >= 200 ms a minute", 2},
    {"missed_pct", "turns missed %", 1},
    {"lost_pct", "speech lost %", 1},
    {"split_pct", "turns split %", 1},
    {"max_pct", "turns cut by the length limit %", 1},
    {"merged_pct", "turns merged %", 1},
    {"ghost_per_min", "ghost turns a minute", 2},
    {"eou_p50_ms", "end of utterance, half within ms", 0},
    {"eou_p90_ms", "  nine of ten within ms", 0},
    {"eou_mean_ms", "  mean ms", 0},
    {"eou_one_word_p50_ms", "  one-word answers, half within ms", 0},
    {"holds_le_350ms_cut_pct", "pauses up to 350 ms cut %", 1},
    {"prompts_falsely_killed", "prompts falsely killed", 0},
    {"barge_ins_taken", "interruptions taken", 0},
    {"barge_in_p50_ms", "  half within ms", 0},
    {"replies_lost", "quick replies lost", 0},
    {"j", "J (lower is better)", 1},
};

std::string number(double value, int digits) {
  return std::isnan(value) ? "-" : fmt::format("{:.{}f}", value, digits);
}

std::string joined(const audio::Changes& changes) {
  if (changes.empty()) return "defaults";
  std::string out;
  for (const auto& [key, value] : changes) out += (out.empty() ? "" : " ") + key + "=" + value;
  return out;
}

std::vector<audio::TradePoint> trade_points(const TuneReport& report) {
  std::vector<audio::TradePoint> points;
  for (const TuneCandidate& c : report.candidates) {
    points.push_back({audio::figure(c.figures, "split_pct"), audio::figure(c.figures, "eou_mean_ms")});
  }
  return points;
}

std::map<std::string, std::vector<audio::CallScore>> by_scenario(const TuneReport& report) {
  std::map<std::string, std::vector<audio::CallScore>> groups;
  for (const audio::CallScore& score : report.scores) groups[score.scenario].push_back(score);
  return groups;
}

void print_figures(const TuneReport& report, Io& io) {
  io.out << io.bold(fmt::format("  {:<36} {:>8}   {}", "figure", "value", "95 % interval over calls")) << "\n";
  for (const Row& row : kRows) {
    const auto it =
        std::find_if(report.figures.begin(), report.figures.end(), [&](const auto& f) { return f.name == row.name; });
    if (it == report.figures.end() || std::isnan(it->value)) continue;
    std::string of;
    if (it->name == "prompts_falsely_killed") of = fmt::format(" of {:.0f}", audio::figure(report.figures, "prompts"));
    if (it->name == "barge_ins_taken") of = fmt::format(" of {:.0f}", audio::figure(report.figures, "barge_ins"));
    if (it->name == "replies_lost") of = fmt::format(" of {:.0f}", audio::figure(report.figures, "replies"));
    // The interval of a count over resampled calls says nothing: the calls hold different numbers of prompts.
    const std::string interval =
        of.empty() ? fmt::format("{} … {}", number(it->low, row.digits), number(it->high, row.digits)) : "";
    io.out << fmt::format("  {:<36} {:>8}{:<7} {}\n", row.says, number(it->value, row.digits), of, interval);
  }
  io.out << fmt::format("  {:<36} {:>8}         99 % within {}\n", "cost of 20 ms, microseconds",
                        number(report.cost.mean_us, 1), number(report.cost.p99_us, 1));
}

void print_scenarios(const TuneReport& report, Io& io) {
  io.out << "\n"
         << io.bold(fmt::format("  {:<16} {:>6} {:>7} {:>7} {:>7} {:>8} {:>8}", "scenario", "F1", "recall", "split %",
                                "missed %", "merged %", "p50 ms"))
         << "\n";
  for (const auto& [name, scores] : by_scenario(report)) {
    const auto f = audio::summarise(scores);
    if (std::isnan(audio::figure(f, "f1"))) continue;
    io.out << fmt::format("  {:<16} {:>6} {:>7} {:>7} {:>7} {:>8} {:>8}\n", name, number(audio::figure(f, "f1"), 3),
                          number(audio::figure(f, "recall"), 3), number(audio::figure(f, "split_pct"), 1),
                          number(audio::figure(f, "missed_pct"), 1), number(audio::figure(f, "merged_pct"), 1),
                          number(audio::figure(f, "eou_p50_ms"), 0));
  }
}

void print_trade(const TuneReport& report, Io& io) {
  io.out << "\n"
         << io.bold(fmt::format("  cut-offs against latency: {} settings tried, these are beaten by none",
                                report.candidates.size()))
         << "\n";
  io.out << io.bold(fmt::format("  {:>8} {:>8} {:>8} {:>8} {:>7} {:>7}   {}", "split %", "mean ms", "p50 ms", "p90 ms",
                                "F1", "J", "settings"))
         << "\n";
  for (const std::size_t i : audio::pareto(trade_points(report))) {
    const auto& f = report.candidates[i].figures;
    const std::string line =
        fmt::format("  {:>8} {:>8} {:>8} {:>8} {:>7} {:>7}   {}", number(audio::figure(f, "split_pct"), 1),
                    number(audio::figure(f, "eou_mean_ms"), 0), number(audio::figure(f, "eou_p50_ms"), 0),
                    number(audio::figure(f, "eou_p90_ms"), 0), number(audio::figure(f, "f1"), 3),
                    number(audio::figure(f, "j"), 1), joined(report.candidates[i].changes));
    io.out << (i == report.winner ? io.green(line + "  <- lowest J") : line) << "\n";
  }
  io.out << "  lowest J: " << joined(report.candidates[report.winner].changes) << "\n";
}

ordered_json rounded(double value) {
  if (std::isnan(value)) return nullptr;
  return std::round(value * 10'000.0) / 10'000.0;
}

ordered_json changes_json(const audio::Changes& changes) {
  ordered_json out = ordered_json::object();
  for (const auto& [key, value] : changes) out[key] = value;
  return out;
}

ordered_json point_json(const TuneReport& report, std::size_t i) {
  const TuneCandidate& c = report.candidates[i];
  ordered_json out;
  for (const char* name :
       {"split_pct", "eou_mean_ms", "eou_p50_ms", "eou_p90_ms", "f1", "missed_pct", "merged_pct", "j"}) {
    out[name] = rounded(audio::figure(c.figures, name));
  }
  out["settings"] = changes_json(c.changes);
  return out;
}

ordered_json operating_json(const TuneReport& report) {
  const auto found = audio::operating_points(trade_points(report));
  const auto show = [&](const std::optional<std::size_t>& i) {
    return i ? point_json(report, *i) : ordered_json(nullptr);
  };
  return {{"fewest_splits_within_300ms", show(found.fewest_splits_within_300ms)},
          {"fewest_splits_within_600ms", show(found.fewest_splits_within_600ms)},
          {"fastest_within_5pct", show(found.fastest_within_5pct)},
          {"fastest_within_10pct", show(found.fastest_within_10pct)}};
}

// The metrics that scripts rely on; names are stable.
constexpr const char* kMetricNames[] = {"f1",
                                        "precision",
                                        "recall",
                                        "fpr",
                                        "missed_pct",
                                        "lost_pct",
                                        "split_pct",
                                        "merged_pct",
                                        "ghost_per_min",
                                        "false_triggers_200ms_per_min",
                                        "eou_p50_ms",
                                        "eou_p90_ms",
                                        "eou_one_word_p50_ms",
                                        "holds_le_350ms_cut_pct",
                                        "prompts",
                                        "prompts_falsely_killed",
                                        "barge_ins",
                                        "barge_ins_taken",
                                        "barge_in_p50_ms",
                                        "replies",
                                        "replies_lost"};

bool is_metric(const std::string& name) {
  return std::any_of(std::begin(kMetricNames), std::end(kMetricNames), [&](const char* m) { return name == m; });
}

bool is_count(std::string_view name) {
  constexpr std::string_view kCounts[] = {
      "prompts", "prompts_falsely_killed", "barge_ins", "barge_ins_taken", "replies", "replies_lost"};
  return std::find(std::begin(kCounts), std::end(kCounts), name) != std::end(kCounts);
}

ordered_json scenarios_json(const TuneReport& report) {
  ordered_json out = ordered_json::object();
  for (const auto& [name, scores] : by_scenario(report)) {
    const auto f = audio::summarise(scores);
    for (const char* key : {"f1", "recall", "fpr", "missed_pct", "split_pct", "merged_pct", "eou_p50_ms"}) {
      out[name][key] = rounded(audio::figure(f, key));
    }
  }
  return out;
}

}  // namespace

void print_tune_report(const TuneReport& report, Io& io) {
  io.out << fmt::format("{}: {} calls, {:.1f} min, {} turns; manifest sha256 {}\n", report.set_name, report.calls,
                        report.minutes, report.turns, report.manifest_sha256.substr(0, 12));
  io.out << fmt::format("engine {}, settings: {}\n\n", report.engine, joined(report.settings));
  print_figures(report, io);
  print_scenarios(report, io);
  if (report.candidates.size() > 1) print_trade(report, io);
}

std::string tune_report_json(const TuneReport& report) {
  ordered_json metrics;
  ordered_json intervals;
  ordered_json more;
  for (const char* name : kMetricNames) {
    const double value = audio::figure(report.figures, name);
    if (is_count(name)) {
      metrics[name] = std::llround(value);
    } else {
      metrics[name] = rounded(value);
    }
  }
  metrics["us_per_frame"] = rounded(report.cost.mean_us);
  for (const audio::Figure& f : report.figures) {
    intervals[f.name] = {rounded(f.low), rounded(f.high)};
    if (!is_metric(f.name)) more[f.name] = rounded(f.value);
  }
  more["us_per_frame_p50"] = rounded(report.cost.p50_us);
  more["us_per_frame_p99"] = rounded(report.cost.p99_us);
  ordered_json front = ordered_json::array();
  for (const std::size_t i : audio::pareto(trade_points(report))) front.push_back(point_json(report, i));
  const ordered_json out = {{"set",
                             {{"name", report.set_name},
                              {"manifest_sha256", report.manifest_sha256},
                              {"calls", report.calls},
                              {"turns", report.turns},
                              {"minutes", rounded(report.minutes)}}},
                            {"version", AL_VERSION},
                            {"engine", report.engine},
                            {"settings", changes_json(report.settings)},
                            {"metrics", metrics},
                            {"confidence_intervals", intervals},
                            {"more", more},
                            {"scenarios", scenarios_json(report)},
                            {"tried", report.candidates.size()},
                            {"winner", point_json(report, report.winner)},
                            {"pareto", front},
                            {"operating_points", operating_json(report)}};
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string tune_settings_file(const TuneReport& report, const Settings& settings) {
  std::string out = fmt::format(
      "# Chosen by alctl {} tune on {} (manifest sha256 {}):\n# J {}, F1 {}, split {} %, end of utterance "
      "p50 {} ms, p90 {} ms\n",
      AL_VERSION, report.set_name, report.manifest_sha256.substr(0, 16), number(audio::figure(report.figures, "j"), 1),
      number(audio::figure(report.figures, "f1"), 3), number(audio::figure(report.figures, "split_pct"), 1),
      number(audio::figure(report.figures, "eou_p50_ms"), 0), number(audio::figure(report.figures, "eou_p90_ms"), 0));
  for (const auto& [key, value] : report.settings) {
    const SettingSpec* spec = find_setting(key);
    const bool bare = spec != nullptr && (spec->type == SettingType::kInt || spec->type == SettingType::kDouble ||
                                          spec->type == SettingType::kBool);
    const std::string shown = settings.shown(key).empty() ? value : settings.shown(key);
    out += fmt::format("{} = {}\n", key, bare ? shown : '"' + shown + '"');
  }
  return out;
}

}  // namespace al::alctl
