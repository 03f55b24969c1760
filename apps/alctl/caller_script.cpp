#include "alctl/caller_script.h"

#include <algorithm>
#include <array>
#include <span>

#include "audio/format.h"
#include "audio/g711.h"
#include "audio/level.h"

namespace al::alctl {
namespace {

// -52 dBFS: below a quiet voice on a telephone line, above line noise and the idle hiss of synthetic voices.
constexpr float kAudibleRms = 80.0F;

std::int64_t frames_of(Duration duration) {
  return duration / Duration{audio::kFrameDuration};
}

}  // namespace

bool is_audible(const std::uint8_t* ulaw, std::size_t size) {
  std::array<std::int16_t, audio::kFrameSamples> pcm{};
  const std::size_t count = std::min(size, pcm.size());
  audio::decode_ulaw(std::span(ulaw, count), std::span(pcm.data(), count));
  return audio::rms(std::span<const std::int16_t>(pcm.data(), count)) >= kAudibleRms;
}

std::vector<std::uint8_t> trim_silence(const std::vector<std::uint8_t>& ulaw) {
  constexpr std::size_t kStep = audio::kFrameSamples;
  const std::size_t frames = (ulaw.size() + kStep - 1) / kStep;
  std::size_t first = frames;
  std::size_t last = 0;
  for (std::size_t i = 0; i < frames; ++i) {
    if (!is_audible(ulaw.data() + i * kStep, ulaw.size() - i * kStep)) continue;
    first = std::min(first, i);
    last = i;
  }
  if (first == frames) return {};
  const std::size_t begin = first == 0 ? 0 : (first - 1) * kStep;
  const std::size_t end = std::min(ulaw.size(), (last + 2) * kStep);
  return {ulaw.begin() + static_cast<std::ptrdiff_t>(begin), ulaw.begin() + static_cast<std::ptrdiff_t>(end)};
}

bool CallerScript::interrupts() const {
  if (!options_.interrupt || next_ >= lines_) return false;
  return next_ > 0 || lines_ == 1;
}

bool CallerScript::agent_finished(const HeardFrame& frame) const {
  if (!agent_spoke_ || !frame.buffer_empty) return false;
  return quiet_frames_ >= frames_of(frame.speech_closed ? options_.settle : options_.settle_open);
}

CallerScript::Act CallerScript::proceed() {
  agent_spoke_ = false;
  quiet_frames_ = 0;
  since_onset_ = 0;
  waited_ = 0;
  if (next_ >= lines_) return Act::kHangUp;
  ++next_;
  return Act::kSay;
}

CallerScript::Act CallerScript::on_frame(const HeardFrame& frame) {
  if (frame.caller_speaking) {
    // What the agent says meanwhile is no answer to this line.
    agent_spoke_ = false;
    since_onset_ = 0;
    waited_ = 0;
    return Act::kWait;
  }
  ++waited_;
  if (frame.audible) {
    agent_spoke_ = true;
    quiet_frames_ = 0;
  } else {
    ++quiet_frames_;
  }
  if (agent_spoke_) ++since_onset_;
  if (interrupts() && frame.audible && since_onset_ >= frames_of(options_.interrupt_at)) return proceed();
  if (agent_finished(frame)) return proceed();
  const Duration limit = next_ == 0 ? options_.greeting_wait : options_.patience;
  if (!agent_spoke_ && waited_ >= frames_of(limit)) {
    if (next_ > 0) unanswered_.push_back(next_ - 1);
    return proceed();
  }
  return Act::kWait;
}

}  // namespace al::alctl
