#include "audio/turn_trial.h"

#include <algorithm>

#include "audio/scored_detector.h"

namespace al::audio {
namespace {

constexpr std::int64_t kFrameMs = kFrameDuration.count();

std::size_t frame_count(const LabelledCall& call) {
  return (call.caller.size() + kFrameSamples - 1) / kFrameSamples;
}

PcmFrame frame_of(const std::vector<std::int16_t>& pcm, std::size_t index) {
  PcmFrame frame{};
  const std::size_t from = std::min(index * kFrameSamples, pcm.size());
  const std::size_t count = std::min(kFrameSamples, pcm.size() - from);
  std::copy_n(pcm.begin() + static_cast<std::ptrdiff_t>(from), count, frame.begin());
  return frame;
}

class Recorder {
 public:
  explicit Recorder(const LabelledCall& call) : call_(call) {
    const std::size_t frames = frame_count(call);
    trial.voice.reserve(frames);
    trial.score.reserve(frames);
  }

  // The prompt that is being spoken in the frame that begins at `ms`, or none.
  [[nodiscard]] std::optional<std::size_t> prompt_at(std::int64_t ms) const {
    for (std::size_t p = 0; p < call_.prompts.size(); ++p) {
      if (ms + kFrameMs > call_.prompts[p].start && ms < call_.prompts[p].end) return p;
    }
    return std::nullopt;
  }

  void take(const Heard& heard, std::int64_t at_ms) {
    trial.voice.push_back(heard.voice);
    trial.score.push_back(heard.detector.score);
    if (heard.ended && open_) {
      open_->end_ms = heard.ended->decided.ms();
      open_->reason = heard.ended->reason;
      if (!heard.ended->dropped) trial.utterances.push_back(*open_);
      open_.reset();
    }
    if (heard.started) open_ = {heard.started->ms(), at_ms + kFrameMs, 0, EndReason::kSilence, false};
    if (heard.barge_in != BargeIn::kNone) take_barge_in(heard.barge_in, at_ms);
  }

  void finish() {
    if (!open_) return;
    open_->end_ms = call_.duration_ms;
    open_->reason = EndReason::kForced;
    open_->at_file_end = true;
    trial.utterances.push_back(*open_);
  }

  Trial trial;

 private:
  void take_barge_in(BargeIn what, std::int64_t at_ms) {
    const auto prompt = prompt_at(at_ms);
    if (!prompt) return;
    auto& list = trial.barge_ins;
    if (list.empty() || list.back().prompt != *prompt) list.push_back({*prompt, -1, -1});
    if (what == BargeIn::kSuspected) list.back().suspected_ms = at_ms + kFrameMs;
    if (what == BargeIn::kConfirmed) list.back().confirmed_ms = at_ms + kFrameMs;
  }

  const LabelledCall& call_;
  std::optional<TrialUtterance> open_;
};

}  // namespace

Trial run_trial(const LabelledCall& call, TurnListener listener) {
  Recorder recorder(call);
  const std::size_t frames = frame_count(call);
  for (std::size_t i = 0; i < frames; ++i) {
    const PcmFrame caller = frame_of(call.caller, i);
    const PcmFrame agent = frame_of(call.agent, i);
    const std::int64_t at_ms = static_cast<std::int64_t>(i) * kFrameMs;
    ListenInput input{caller, MediaTime::from_ms(at_ms), {}, recorder.prompt_at(at_ms).has_value()};
    if (!call.agent.empty()) input.played = agent;
    recorder.take(listener.hear(input), at_ms);
  }
  recorder.finish();
  return std::move(recorder.trial);
}

std::shared_ptr<const std::vector<float>> record_scores(const LabelledCall& call,
                                                        const std::shared_ptr<const SileroModel>& model,
                                                        float gain_db) {
  const auto scorer = make_silero_scorer(model, gain_db);
  auto scores = std::make_shared<std::vector<float>>();
  const std::size_t frames = frame_count(call);
  scores->reserve(frames);
  for (std::size_t i = 0; i < frames; ++i) scores->push_back(scorer->score(frame_of(call.caller, i)));
  return scores;
}

}  // namespace al::audio
