// Twilio's playout buffer for one bidirectional stream: audio and marks in order of arrival, 20 ms played every 20 ms,
// ten minutes at most (31931 beyond). Marks come back when everything before them was played, at once when nothing
// waits, and all together when the buffer is cleared. Pure; not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "twilio/media_message.h"

namespace al::twilio {

class PlayoutBuffer {
 public:
  static constexpr std::size_t kMaxBytes = 10UL * 60 * 8000;  // ten minutes of µ-law

  explicit PlayoutBuffer(std::size_t max_bytes = kMaxBytes) : max_bytes_(max_bytes) {}

  // False when some of it did not fit and was discarded.
  bool add_audio(std::span<const std::uint8_t> ulaw);
  // The names of marks that are due at once (this one, when nothing is buffered).
  [[nodiscard]] std::vector<std::string> add_mark(std::string_view name);
  // Drops all audio; every outstanding mark comes back, in order.
  [[nodiscard]] std::vector<std::string> clear();

  struct Played {
    std::array<std::uint8_t, kFrameBytes> ulaw{};  // silence where nothing was buffered
    std::size_t audio_bytes = 0;                   // how many of them were the agent's
    std::vector<std::string> marks;                // reached by this frame
  };
  // Twenty milliseconds pass.
  [[nodiscard]] Played play_frame();

  [[nodiscard]] std::size_t buffered_bytes() const { return audio_.size() - audio_at_; }
  // Times the buffer ran dry between two pieces of audio of one speech (no mark and no clear in between): heard as a
  // gap.
  [[nodiscard]] std::uint64_t underruns() const { return underruns_; }
  [[nodiscard]] std::uint64_t gap_frames() const { return gap_frames_; }  // 20 ms each, of these gaps

 private:
  struct PendingMark {
    std::string name;
    std::uint64_t after_bytes;  // due when this many bytes were played
  };

  std::size_t max_bytes_;
  std::vector<std::uint8_t> audio_;
  std::size_t audio_at_ = 0;
  std::deque<PendingMark> marks_;
  std::uint64_t added_ = 0;
  std::uint64_t played_ = 0;
  bool speech_open_ = false;      // audio came since the last mark or clear
  std::uint64_t dry_frames_ = 0;  // of the open speech, since it last had audio
  std::uint64_t underruns_ = 0;
  std::uint64_t gap_frames_ = 0;
};

}  // namespace al::twilio
