#include "audio/turn_listener.h"

#include <algorithm>

#include "audio/plain_rule.h"

namespace al::audio {
namespace {

constexpr MediaTime kFrame = MediaTime::from(kFrameDuration);

}  // namespace

Result<TurnListener> TurnListener::create(const ListenOptions& options,
                                          const std::shared_ptr<const SileroModel>& silero) {
  if (options.voice.engine == VadEngine::kSpec) return TurnListener(options, nullptr);
  auto detector = make_voice_detector(options.voice, silero);
  if (!detector) return fail(detector.error());
  return TurnListener(options, std::move(*detector));
}

TurnListener::TurnListener(const ListenOptions& options, std::unique_ptr<VoiceDetector> detector)
    : options_(options),
      detector_(std::move(detector)),
      conditioner_(options.conditioner),
      echo_gate_(options.echo_gate),
      endpointer_(options.endpoint) {
  if (options.voice.engine == VadEngine::kSpec) plain_ = std::make_unique<PlainRule>(options.voice.energy);
}

TurnListener::~TurnListener() = default;
TurnListener::TurnListener(TurnListener&&) noexcept = default;
TurnListener& TurnListener::operator=(TurnListener&&) noexcept = default;

Heard TurnListener::hear(const ListenInput& input) {
  Heard heard;
  if (plain_) {
    decide_plainly(input, heard);
  } else {
    decide(input, heard);
  }
  remember(conditioned_);
  conditioner_.process(input.caller, heard.voice, conditioned_);
  size_preroll(heard, input.at);
  return heard;
}

void TurnListener::decide(const ListenInput& input, Heard& heard) {
  heard.detector = detector_->process(input.caller);
  heard.echo = echo_gate_.process(input.caller, input.played, heard.detector.voice);
  heard.voice = heard.detector.voice && heard.echo.passed;

  if (input.agent_speaking && !agent_was_speaking_) {
    agent_since_ = input.at;
    barge_suspected_ = barge_confirmed_ = false;
    barge_voice_ = {};
  }
  if (!input.agent_speaking && agent_was_speaking_) agent_until_ = input.at;
  agent_was_speaking_ = input.agent_speaking;

  const bool just_after = agent_until_ && input.at < *agent_until_ + MediaTime::from(options_.refractory);
  const milliseconds extra = input.agent_speaking || just_after ? options_.refractory_onset : milliseconds{0};
  const bool sounding =
      heard.echo.passed && heard.detector.level_dbfs > heard.detector.noise_floor_dbfs + options_.sounding_db;
  const Endpointer::Step step = endpointer_.process(input.at, heard.voice, sounding, heard.detector.level_dbfs, extra);
  heard.speaking = step.speaking;
  heard.started = step.started;
  heard.ended = step.ended;
  if (input.agent_speaking && options_.barge_in.enabled) track_barge_in(input, heard);
}

void TurnListener::decide_plainly(const ListenInput& input, Heard& heard) {
  const PlainRule::Step step = plain_->process(input.caller, input.at, input.agent_speaking);
  heard.detector = step.frame;
  heard.voice = step.frame.voice;
  heard.speaking = step.speaking;
  heard.started = step.started;
  heard.ended = step.ended;
  if (step.barge_in) {
    heard.barge_in = BargeIn::kConfirmed;
    heard.barge_in_onset = step.started;
  }
}

void TurnListener::track_barge_in(const ListenInput& input, Heard& heard) {
  const BargeInOptions& rule = options_.barge_in;
  const MediaTime now = input.at + kFrame;
  if (barge_confirmed_) return;
  if (now - agent_since_ <= MediaTime::from(rule.grace)) return;
  if (last_barge_in_ && now < *last_barge_in_ + MediaTime::from(rule.repeat_refractory)) return;

  if (heard.voice) {
    if (barge_voice_ == MediaTime{}) barge_onset_ = input.at;
    barge_voice_ += kFrame;
    barge_last_voice_ = now;
  } else if (barge_voice_ > MediaTime{} && now - barge_last_voice_ > MediaTime::from(rule.gap)) {
    barge_voice_ = {};
    if (barge_suspected_) heard.barge_in = BargeIn::kWithdrawn;
    barge_suspected_ = false;
    return;
  }
  if (!heard.voice) return;
  if (barge_voice_ >= MediaTime::from(rule.confirm)) {
    barge_confirmed_ = true;
    last_barge_in_ = now;
    heard.barge_in = BargeIn::kConfirmed;
    heard.barge_in_onset = barge_onset_;
  } else if (!barge_suspected_ && barge_voice_ >= MediaTime::from(rule.suspect)) {
    barge_suspected_ = true;
    heard.barge_in = BargeIn::kSuspected;
    heard.barge_in_onset = barge_onset_;
  }
}

void TurnListener::remember(const PcmFrame& frame) {
  ring_[ring_count_ % kRing] = frame;
  ++ring_count_;
}

void TurnListener::size_preroll(const Heard& heard, MediaTime at) {
  // The slot written first holds the zeros from before the call; it counts as history that is not there.
  const std::size_t history = std::min(ring_count_ - 1, kRing - 1);
  std::size_t wanted = static_cast<std::size_t>(options_.preroll / kFrameDuration);
  if (heard.started) {
    const MediaTime since = at - *heard.started;
    wanted += static_cast<std::size_t>(std::max<std::int64_t>(0, since.samples) / kFrame.samples);
  }
  preroll_size_ = std::min(wanted, history);
}

const PcmFrame& TurnListener::preroll(std::size_t index) const {
  return ring_[(ring_count_ - preroll_size_ + index) % kRing];
}

std::optional<EndOfUtterance> TurnListener::force_end(MediaTime at) {
  return endpointer_.force_end(at);
}

}  // namespace al::audio
