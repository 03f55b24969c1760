#include "audio/turn_metrics.h"

#include <algorithm>
#include <cmath>

namespace al::audio {
namespace {

constexpr std::int64_t kFrameMs = kFrameDuration.count();
constexpr std::int64_t kCollarMs = 40;
constexpr std::int64_t kMergedLatencyMs = 1500;
constexpr std::int64_t kLargestLatencyMs = 3000;
constexpr std::int64_t kPrerollMs = 100;
constexpr std::int64_t kBargeEarliestMs = 40;
constexpr std::int64_t kBargeLatestMs = 1500;

std::int64_t overlap(Span a, Span b) {
  return std::max<std::int64_t>(0, std::min(a.end, b.end) - std::max(a.start, b.start));
}

std::vector<Span> all_speech(const LabelledCall& call) {
  std::vector<Span> speech;
  for (const LabelledTurn& turn : call.turns) speech.insert(speech.end(), turn.speech.begin(), turn.speech.end());
  return speech;
}

std::int64_t overlap(Span a, const std::vector<Span>& list) {
  std::int64_t sum = 0;
  for (const Span& s : list) sum += overlap(a, s);
  return sum;
}

bool near_edge(Span frame, const std::vector<Span>& speech) {
  const Span wide{frame.start - kCollarMs, frame.end + kCollarMs};
  return std::any_of(speech.begin(), speech.end(), [&](const Span& s) {
    return (s.start > wide.start && s.start < wide.end) || (s.end > wide.start && s.end < wide.end);
  });
}

void score_frames(const std::vector<Span>& speech, const Trial& trial, CallScore& out) {
  for (std::size_t i = 0; i < trial.voice.size(); ++i) {
    const Span frame{static_cast<std::int64_t>(i) * kFrameMs, static_cast<std::int64_t>(i + 1) * kFrameMs};
    if (near_edge(frame, speech)) continue;
    const bool label = overlap(frame, speech) * 2 >= kFrameMs;
    const bool voice = trial.voice[i];
    ++(label ? (voice ? out.true_voice : out.missed_voice) : (voice ? out.false_voice : out.true_silence));
    const auto bin = static_cast<std::size_t>(std::clamp(std::lround(trial.score[i] * 100.0F), 0L, 100L));
    ++(label ? out.voice_scores : out.silence_scores)[bin];
  }
}

// Runs of voice after 60 ms on / 60 ms off.
std::vector<Span> voice_runs(const std::vector<bool>& voice) {
  constexpr int kNeeded = 3;
  std::vector<Span> runs;
  bool on = false;
  int same = 0;
  Span run;
  for (std::size_t i = 0; i < voice.size(); ++i) {
    const std::int64_t at = static_cast<std::int64_t>(i) * kFrameMs;
    same = voice[i] != on ? same + 1 : 0;
    if (on && voice[i]) run.end = at + kFrameMs;
    if (same < kNeeded) continue;
    on = !on;
    same = 0;
    if (on) {
      run = {at - (kNeeded - 1) * kFrameMs, at + kFrameMs};
    } else {
      runs.push_back(run);
    }
  }
  if (on) runs.push_back(run);
  return runs;
}

void score_false_triggers(const LabelledCall& call, const std::vector<Span>& speech, const Trial& trial,
                          CallScore& out) {
  constexpr std::int64_t kBeforeMs = 160;
  constexpr std::int64_t kAfterMs = 100;
  constexpr std::array<std::int64_t, 3> kLengths{60, 200, 400};
  std::int64_t labelled = 0;
  for (const Span& s : speech) labelled += s.length();
  out.unlabelled_ms = call.duration_ms - labelled;
  for (const Span& run : voice_runs(trial.voice)) {
    if (overlap({run.start - kBeforeMs, run.end + kAfterMs}, speech) > 0) continue;
    for (std::size_t k = 0; k < kLengths.size(); ++k) {
      if (run.length() >= kLengths[k]) ++out.false_triggers[k];
    }
  }
}

bool belongs(const TrialUtterance& u, const LabelledTurn& turn) {
  constexpr std::int64_t kLeastMs = 40;
  return overlap({u.onset_ms, u.end_ms}, turn.whole) >= std::min(kLeastMs, turn.whole.length());
}

// Labelled speech of a turn that no utterance covers.
std::int64_t uncovered(const LabelledTurn& turn, const std::vector<TrialUtterance>& utterances) {
  std::int64_t lost = 0;
  for (const Span& s : turn.speech) {
    std::int64_t at = s.start;
    for (const TrialUtterance& u : utterances) {
      const std::int64_t from = u.onset_ms - kPrerollMs;
      if (u.end_ms <= at || from >= s.end) continue;
      lost += std::max<std::int64_t>(0, from - at);
      at = std::max(at, u.end_ms);
    }
    lost += std::max<std::int64_t>(0, s.end - at);
  }
  return lost;
}

void score_pauses(const LabelledTurn& turn, const Trial& trial, CallScore& out) {
  constexpr std::int64_t kGraceMs = 60;
  constexpr std::array<std::int64_t, CallScore::kPauseBins> kUpTo{175, 350, 500, 700, 900, 1200};
  for (const Span& pause : turn.pauses) {
    const auto bin = static_cast<std::size_t>(
        std::find_if(kUpTo.begin(), kUpTo.end(), [&](std::int64_t limit) { return pause.length() <= limit; }) -
        kUpTo.begin());
    if (bin >= kUpTo.size()) continue;
    ++out.pauses[bin];
    const bool cut = std::any_of(trial.utterances.begin(), trial.utterances.end(), [&](const TrialUtterance& u) {
      return !u.at_file_end && u.reason != EndReason::kMaxLength && u.end_ms >= pause.start &&
             u.end_ms <= pause.end + kGraceMs;
    });
    if (cut) ++out.pauses_cut[bin];
  }
}

void score_turn(const LabelledCall& call, std::size_t index, const Trial& trial, CallScore& out) {
  constexpr std::int64_t kEarlyMs = 20;
  const LabelledTurn& turn = call.turns[index];
  const std::int64_t next = index + 1 < call.turns.size() ? call.turns[index + 1].whole.start : call.duration_ms;
  ++out.turns;
  const TrialUtterance* last = nullptr;
  bool split = false;
  bool cut = false;
  for (const TrialUtterance& u : trial.utterances) {
    if (!belongs(u, turn)) continue;
    last = &u;
    if (u.at_file_end || u.end_ms >= turn.whole.end - kEarlyMs) continue;
    (u.reason == EndReason::kMaxLength ? cut : split) = true;
  }
  out.split += split ? 1 : 0;
  out.cut_by_limit += cut ? 1 : 0;
  score_pauses(turn, trial, out);
  if (last == nullptr) {
    ++out.missed;
    return;
  }
  std::int64_t latency = last->end_ms - turn.whole.end;
  if (last->at_file_end || last->end_ms >= next) {
    ++out.merged;
    latency = std::max(next - turn.whole.end, kMergedLatencyMs);
  }
  latency = std::min(latency, kLargestLatencyMs);
  out.latencies_ms.push_back(latency);
  if (call.scenario == "oneword") out.one_word_latencies_ms.push_back(latency);
}

void score_prompts(const LabelledCall& call, const Trial& trial, CallScore& out) {
  for (std::size_t p = 0; p < call.prompts.size(); ++p) {
    const Span prompt = call.prompts[p];
    ++out.prompts;
    const LabelledTurn* barge = nullptr;
    for (const LabelledTurn& turn : call.turns) {
      if (turn.kind == "barge" && turn.whole.start >= prompt.start && turn.whole.start < prompt.end) barge = &turn;
    }
    out.barge_ins += barge != nullptr ? 1 : 0;
    const auto found = std::find_if(trial.barge_ins.begin(), trial.barge_ins.end(),
                                    [p](const TrialBargeIn& b) { return b.prompt == p && b.confirmed_ms >= 0; });
    if (found == trial.barge_ins.end()) continue;
    const std::int64_t after = barge != nullptr ? found->confirmed_ms - barge->whole.start : -1;
    if (after < kBargeEarliestMs) {
      ++out.prompts_killed;
    } else if (after <= kBargeLatestMs) {
      ++out.barge_ins_taken;
      out.barge_in_latencies_ms.push_back(after);
    }
  }
  for (const LabelledTurn& turn : call.turns) {
    if (turn.kind != "answer") continue;
    ++out.replies;
    const bool heard = std::any_of(trial.utterances.begin(), trial.utterances.end(),
                                   [&](const TrialUtterance& u) { return belongs(u, turn); });
    out.replies_lost += heard ? 0 : 1;
    for (const Span& s : turn.speech) out.reply_speech_ms += s.length();
    out.reply_clipped_ms += uncovered(turn, trial.utterances);
  }
}

}  // namespace

CallScore score_call(const LabelledCall& call, const Trial& trial) {
  CallScore out;
  out.id = call.id;
  out.scenario = call.scenario;
  for (const LabelledTurn& turn : call.turns) {
    for (const Span& s : turn.speech) out.speech_ms += s.length();
    out.lost_ms += uncovered(turn, trial.utterances);
  }
  if (!call.prompts.empty()) {
    score_prompts(call, trial, out);
    return out;
  }
  const std::vector<Span> speech = all_speech(call);
  score_frames(speech, trial, out);
  score_false_triggers(call, speech, trial, out);
  for (std::size_t t = 0; t < call.turns.size(); ++t) score_turn(call, t, trial, out);
  for (const TrialUtterance& u : trial.utterances) {
    const bool real =
        std::any_of(call.turns.begin(), call.turns.end(), [&](const LabelledTurn& t) { return belongs(u, t); });
    out.ghosts += real ? 0 : 1;
  }
  return out;
}

}  // namespace al::audio
