#include "alctl/call_analysis.h"

#include <algorithm>
#include <cmath>

#include "alctl/caller_script.h"
#include "audio/format.h"

namespace al::alctl {
namespace {

constexpr std::int64_t kFrameMs = audio::kFrameDuration.count();
constexpr std::size_t kFrame = audio::kFrameSamples;

// Audible frames of a track, and questions about them.
class Sound {
 public:
  explicit Sound(const std::vector<std::uint8_t>& track) {
    for (std::size_t at = 0; at + kFrame <= track.size(); at += kFrame)
      audible_.push_back(is_audible(&track[at], kFrame));
  }
  [[nodiscard]] std::uint64_t size() const { return audible_.size(); }
  [[nodiscard]] bool at(std::uint64_t frame) const { return frame < audible_.size() && audible_[frame]; }
  [[nodiscard]] std::uint64_t count(std::uint64_t from, std::uint64_t to) const {
    std::uint64_t sum = 0;
    for (std::uint64_t i = from; i < to; ++i) sum += at(i) ? 1 : 0;
    return sum;
  }
  // The first frame from `from` on that begins a sound (not a click: two of three frames), before `to`.
  [[nodiscard]] std::optional<std::uint64_t> onset(std::uint64_t from, std::uint64_t to) const {
    for (std::uint64_t i = from; i < std::min(to, size()); ++i) {
      if (at(i) && count(i, i + 3) >= 2) return i;
    }
    return std::nullopt;
  }
  // The first frame from `from` on with `quiet` silent frames behind it.
  [[nodiscard]] std::uint64_t silence(std::uint64_t from, std::uint64_t quiet) const {
    std::uint64_t i = from;
    while (i < size() && count(i, i + quiet) > 0) ++i;
    return i;
  }

 private:
  std::vector<bool> audible_;
};

// Does message `i` (not the first) begin a new speech? A sender that ran dry begins a new grid, one that is late does
// not.
bool begins_speech(const std::vector<twilio::MediaArrival>& arrivals, std::size_t i) {
  constexpr Duration kRanDry = milliseconds{60};
  if (arrivals[i].after_mark_or_clear) return true;
  return arrivals[i].buffered_before == 0 && arrivals[i].at - arrivals[i - 1].at > kRanDry;
}

std::int64_t ms_of(std::uint64_t frames) {
  return static_cast<std::int64_t>(frames) * kFrameMs;
}

TurnFigures measure_turn(const Sound& agent, const SpokenSpan& span, std::uint64_t limit) {
  TurnFigures turn;
  turn.line = span.line;
  turn.caller_end_ms = ms_of(span.end);
  std::uint64_t from = span.end;
  // The agent may still be talking over the caller's last word: its answer is the next sound after that.
  constexpr std::uint64_t kPause = 4;
  if (agent.at(from) && agent.at(from - std::min<std::uint64_t>(from, 3))) from = agent.silence(from, kPause);
  const auto onset = agent.onset(from, limit);
  const std::uint64_t until = onset.value_or(std::min(limit, agent.size()));
  turn.silence_ms = ms_of(until > span.end ? until - span.end : 0);
  if (!onset) return turn;
  turn.agent_start_ms = ms_of(*onset);
  turn.latency_ms = turn.silence_ms;
  turn.agent_from = *onset;
  turn.agent_to = std::min(limit, agent.size());
  return turn;
}

// The stop after the caller began to speak over the agent; nullopt when the agent was not speaking then.
std::optional<std::int64_t> measure_barge_in(const Sound& agent, const SpokenSpan& span) {
  constexpr std::uint64_t kBefore = 6;
  constexpr std::uint64_t kQuiet = 15;  // 300 ms: longer than the pauses inside a sentence
  if (span.begin < kBefore || agent.count(span.begin - kBefore, span.begin) < kBefore / 2) return std::nullopt;
  // A sentence that ends by itself at that very moment is no interruption.
  if (agent.count(span.begin, span.begin + 3) == 0) return std::nullopt;
  return ms_of(agent.silence(span.begin, kQuiet) - span.begin);
}

}  // namespace

CallFigures measure_call(const CallTracks& tracks, const std::vector<SpokenSpan>& spans) {
  const Sound agent(tracks.agent);
  CallFigures figures;
  const std::uint64_t first_line = spans.empty() ? agent.size() : spans.front().begin;
  if (tracks.stream_start) {
    if (const auto onset = agent.onset(*tracks.stream_start, agent.size())) {
      figures.first_audio_ms = ms_of(*onset - *tracks.stream_start);
      if (*onset < first_line) {
        figures.greeting_from = *onset;
        figures.greeting_to = std::min(first_line, agent.size());
      }
    }
  }
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const std::uint64_t limit = i + 1 < spans.size() ? spans[i + 1].begin : agent.size();
    figures.turns.push_back(measure_turn(agent, spans[i], limit));
    figures.max_silence_ms = std::max(figures.max_silence_ms, figures.turns.back().silence_ms);
    if (const auto stop = measure_barge_in(agent, spans[i])) figures.barge_in_stop_ms.push_back(*stop);
  }
  return figures;
}

std::vector<double> pacing_deviations_ms(const std::vector<twilio::MediaArrival>& arrivals) {
  constexpr double kUlawBytesPerMs = 8.0;
  constexpr double kTogetherMs = 4.0;  // messages nearer than this at a speech's beginning came together
  std::vector<double> deviations;
  std::size_t begin = 0;
  while (begin < arrivals.size()) {
    std::size_t end = begin + 1;
    while (end < arrivals.size() && !begins_speech(arrivals, end)) ++end;
    // The lead that is sent at once.
    const auto ms_since = [&](std::size_t i) {
      return std::chrono::duration<double, std::milli>(arrivals[i].at - arrivals[begin].at).count();
    };
    std::size_t paced = begin + 1;
    while (paced < end && ms_since(paced) < kTogetherMs) ++paced;
    // Each further message is due when the one before it has been heard: the grid's origin is their median.
    std::vector<double> residuals;
    double due = 0;
    for (std::size_t i = paced; i < end; ++i) {
      due += static_cast<double>(arrivals[i - 1].bytes) / kUlawBytesPerMs;
      residuals.push_back(ms_since(i) - due);
    }
    if (!residuals.empty()) {
      std::vector<double> sorted = residuals;
      std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
      const double origin = sorted[sorted.size() / 2];
      for (const double residual : residuals) deviations.push_back(std::abs(residual - origin));
    }
    begin = end;
  }
  std::sort(deviations.begin(), deviations.end());
  return deviations;
}

double percentile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(sorted.size())));
  return sorted[std::min(sorted.size() - 1, rank == 0 ? 0 : rank - 1)];
}

}  // namespace al::alctl
