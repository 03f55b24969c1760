// The rates of turn_metrics.h out of its counters, and their intervals.
#include <algorithm>
#include <cmath>
#include <limits>

#include "audio/turn_metrics.h"
#include "core/random.h"

namespace al::audio {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double ratio(std::int64_t part, std::int64_t whole, double scale = 1.0) {
  return whole == 0 ? kNone : scale * static_cast<double>(part) / static_cast<double>(whole);
}

// Linear interpolation between the two nearest ranks.
double percentile(std::vector<std::int64_t>& values, double p) {
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  const double at = p * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  const double part = at - static_cast<double>(low);
  return static_cast<double>(values[low]) * (1.0 - part) + static_cast<double>(values[high]) * part;
}

double mean(const std::vector<std::int64_t>& values) {
  if (values.empty()) return kNone;
  double sum = 0.0;
  for (const std::int64_t v : values) sum += static_cast<double>(v);
  return sum / static_cast<double>(values.size());
}

template <typename Array>
void add_up(Array& to, const Array& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

void append(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void add(CallScore& sum, const CallScore& call) {
  constexpr std::int64_t CallScore::*kCounters[] = {
      &CallScore::true_voice,      &CallScore::false_voice, &CallScore::missed_voice,   &CallScore::true_silence,
      &CallScore::unlabelled_ms,   &CallScore::turns,       &CallScore::missed,         &CallScore::split,
      &CallScore::cut_by_limit,    &CallScore::merged,      &CallScore::ghosts,         &CallScore::speech_ms,
      &CallScore::lost_ms,         &CallScore::prompts,     &CallScore::prompts_killed, &CallScore::barge_ins,
      &CallScore::barge_ins_taken, &CallScore::replies,     &CallScore::replies_lost,   &CallScore::reply_speech_ms,
      &CallScore::reply_clipped_ms};
  for (const auto counter : kCounters) sum.*counter += call.*counter;
  add_up(sum.voice_scores, call.voice_scores);
  add_up(sum.silence_scores, call.silence_scores);
  add_up(sum.false_triggers, call.false_triggers);
  add_up(sum.pauses, call.pauses);
  add_up(sum.pauses_cut, call.pauses_cut);
  append(sum.latencies_ms, call.latencies_ms);
  append(sum.one_word_latencies_ms, call.one_word_latencies_ms);
  append(sum.barge_in_latencies_ms, call.barge_in_latencies_ms);
}

// Area under the receiver operating curve, and the false-positive rate at 95 % recall, from the score histograms.
struct Curve {
  double auc = kNone;
  double fpr_at_95 = kNone;
};

Curve curve(const CallScore& s) {
  std::int64_t voice = 0;
  std::int64_t silence = 0;
  for (std::size_t i = 0; i < s.voice_scores.size(); ++i) {
    voice += s.voice_scores[i];
    silence += s.silence_scores[i];
  }
  Curve out;
  if (voice == 0 || silence == 0) return out;
  double area = 0.0;
  std::int64_t hits = 0;
  std::int64_t alarms = 0;
  for (std::size_t i = s.voice_scores.size(); i-- > 0;) {
    const double before = static_cast<double>(hits);
    hits += s.voice_scores[i];
    alarms += s.silence_scores[i];
    area += static_cast<double>(s.silence_scores[i]) * (before + static_cast<double>(hits)) / 2.0;
    if (std::isnan(out.fpr_at_95) && hits * 100 >= voice * 95) out.fpr_at_95 = ratio(alarms, silence, 100.0);
  }
  out.auc = area / (static_cast<double>(voice) * static_cast<double>(silence));
  return out;
}

double or_zero(double x) {
  return std::isnan(x) ? 0.0 : x;
}

std::vector<Figure> figures_of(CallScore s) {
  std::vector<Figure> out;
  const auto put = [&](std::string name, double value) { out.push_back({std::move(name), value, value, value}); };
  const double precision = ratio(s.true_voice, s.true_voice + s.false_voice);
  const double recall = ratio(s.true_voice, s.true_voice + s.missed_voice);
  const Curve roc = curve(s);
  put("f1", ratio(2 * s.true_voice, 2 * s.true_voice + s.false_voice + s.missed_voice));
  put("precision", precision);
  put("recall", recall);
  put("fpr", ratio(s.false_voice, s.false_voice + s.true_silence));
  put("auc", roc.auc);
  put("fpr_at_95_recall_pct", roc.fpr_at_95);
  constexpr double kMsPerMinute = 60'000.0;
  put("false_triggers_60ms_per_min", ratio(s.false_triggers[0], s.unlabelled_ms, kMsPerMinute));
  put("false_triggers_200ms_per_min", ratio(s.false_triggers[1], s.unlabelled_ms, kMsPerMinute));
  put("false_triggers_400ms_per_min", ratio(s.false_triggers[2], s.unlabelled_ms, kMsPerMinute));
  put("missed_pct", ratio(s.missed, s.turns, 100.0));
  put("lost_pct", ratio(s.lost_ms, s.speech_ms, 100.0));
  put("split_pct", ratio(s.split, s.turns, 100.0));
  put("max_pct", ratio(s.cut_by_limit, s.turns, 100.0));
  put("merged_pct", ratio(s.merged, s.turns, 100.0));
  put("ghost_per_min", ratio(s.ghosts, s.unlabelled_ms, kMsPerMinute));
  put("eou_p50_ms", percentile(s.latencies_ms, 0.5));
  put("eou_p90_ms", percentile(s.latencies_ms, 0.9));
  put("eou_mean_ms", mean(s.latencies_ms));
  put("eou_one_word_p50_ms", percentile(s.one_word_latencies_ms, 0.5));
  put("holds_le_350ms_cut_pct", ratio(s.pauses_cut[0] + s.pauses_cut[1], s.pauses[0] + s.pauses[1], 100.0));
  constexpr std::array<const char*, CallScore::kPauseBins> kBinNames{
      "holds_100_175ms_cut_pct", "holds_175_350ms_cut_pct", "holds_350_500ms_cut_pct",
      "holds_500_700ms_cut_pct", "holds_700_900ms_cut_pct", "holds_900_1200ms_cut_pct"};
  for (std::size_t b = 0; b < kBinNames.size(); ++b) put(kBinNames[b], ratio(s.pauses_cut[b], s.pauses[b], 100.0));
  put("prompts", static_cast<double>(s.prompts));
  put("prompts_falsely_killed", static_cast<double>(s.prompts_killed));
  put("barge_ins", static_cast<double>(s.barge_ins));
  put("barge_ins_taken", static_cast<double>(s.barge_ins_taken));
  put("barge_in_p50_ms", percentile(s.barge_in_latencies_ms, 0.5));
  put("barge_in_p90_ms", percentile(s.barge_in_latencies_ms, 0.9));
  put("replies", static_cast<double>(s.replies));
  put("replies_lost", static_cast<double>(s.replies_lost));
  put("replies_clipped_pct", ratio(s.reply_clipped_ms, s.reply_speech_ms, 100.0));
  const auto at = [&](std::string_view name) { return or_zero(figure(out, name)); };
  const double j = at("split_pct") + 2.0 * at("missed_pct") + at("merged_pct") + 2.0 * at("lost_pct") +
                   3.0 * at("ghost_per_min") + (at("eou_p50_ms") - 200.0) / 25.0 +
                   or_zero(ratio(s.prompts_killed, s.prompts, 100.0)) +
                   or_zero(ratio(s.barge_ins - s.barge_ins_taken, s.barge_ins, 100.0));
  put("j", j);
  return out;
}

}  // namespace

std::vector<Figure> summarise(std::span<const CallScore> calls) {
  CallScore sum;
  for (const CallScore& call : calls) add(sum, call);
  return figures_of(std::move(sum));
}

std::vector<Figure> summarise_with_intervals(std::span<const CallScore> calls, int draws, std::uint64_t seed) {
  std::vector<Figure> result = summarise(calls);
  if (calls.empty() || draws < 1) return result;
  std::vector<std::vector<double>> samples(result.size());
  Random random(seed);
  for (int draw = 0; draw < draws; ++draw) {
    CallScore sum;
    for (std::size_t i = 0; i < calls.size(); ++i) add(sum, calls[random.below(calls.size())]);
    const std::vector<Figure> drawn = figures_of(std::move(sum));
    for (std::size_t f = 0; f < drawn.size(); ++f) {
      if (!std::isnan(drawn[f].value)) samples[f].push_back(drawn[f].value);
    }
  }
  for (std::size_t f = 0; f < result.size(); ++f) {
    auto& values = samples[f];
    if (values.empty()) continue;
    std::sort(values.begin(), values.end());
    const double last = static_cast<double>(values.size() - 1);
    result[f].low = values[static_cast<std::size_t>(std::lround(0.025 * last))];
    result[f].high = values[static_cast<std::size_t>(std::lround(0.975 * last))];
  }
  return result;
}

double figure(std::span<const Figure> figures, std::string_view name) {
  for (const Figure& f : figures) {
    if (f.name == name) return f.value;
  }
  return kNone;
}

}  // namespace al::audio
