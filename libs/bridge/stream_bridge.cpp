#include "bridge/stream_bridge.h"

#include <variant>

namespace al::bridge {

const dialog::in::Media& FrameCutter::next(std::uint64_t sequence) {
  frame_.sequence = sequence;
  frame_.media_time = next_time_;
  next_time_ += MediaTime{static_cast<std::int64_t>(audio::kFrameSamples)};
  filled_ = 0;
  return frame_;
}

std::optional<dialog::Input> to_input(const twilio::MediaMessage& message) {
  if (const auto* mark = std::get_if<twilio::msg::Mark>(&message)) return dialog::in::MarkPlayed{mark->name};
  if (const auto* dtmf = std::get_if<twilio::msg::Dtmf>(&message)) return dialog::in::Dtmf{dtmf->digit};
  if (std::holds_alternative<twilio::msg::Stop>(message)) return dialog::in::Hangup{"stop"};
  return std::nullopt;
}

}  // namespace al::bridge
