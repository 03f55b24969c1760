// Between Twilio's messages and the engine's values, both ways. No policy: what a message says becomes an input, what
// the engine says becomes a message. Shared by agentd, alctl and the whole-call tests. Pure; one object a stream.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "audio/format.h"
#include "core/ids.h"
#include "dialog/engine_io.h"
#include "twilio/media_message.h"

namespace al::bridge {

// Inbound audio of any message size, cut into the 20 ms frames the engine listens to. Twilio sends exactly one frame a
// message; simulators and relays may not. Frames that got lost are replaced by silence, so that media time keeps its
// pace. Allocates nothing.
class FrameCutter {
 public:
  // `missing_frames` is StreamVerdict's; `deliver` gets each complete frame in order.
  template <typename Deliver>
  void push(const twilio::msg::Media& media, std::uint32_t missing_frames, Deliver&& deliver) {
    for (std::uint32_t i = 0; i < missing_frames; ++i) {
      frame_.ulaw.fill(audio::kUlawSilence);
      filled_ = audio::kFrameSamples;
      deliver(next(media.sequence));
    }
    std::span<const std::uint8_t> rest = media.audio.bytes();
    while (!rest.empty()) {
      const std::size_t part = std::min(rest.size(), audio::kFrameSamples - filled_);
      std::copy_n(rest.begin(), part, frame_.ulaw.begin() + static_cast<std::ptrdiff_t>(filled_));
      filled_ += part;
      rest = rest.subspan(part);
      if (filled_ == audio::kFrameSamples) deliver(next(media.sequence));
    }
  }

 private:
  const dialog::in::Media& next(std::uint64_t sequence);

  dialog::in::Media frame_;
  std::size_t filled_ = 0;
  MediaTime next_time_;
};

// Every inbound message but media and start. nullopt: nothing that the engine needs to know.
[[nodiscard]] std::optional<dialog::Input> to_input(const twilio::MediaMessage& message);

}  // namespace al::bridge
