// The audio of the turns of one call, kept until a recogniser has answered: for uploads and for replay after a
// reconnect. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/time.h"

namespace al::providers {

class TurnAudio {
 public:
  // Keeps at most `longest`; what comes after it is dropped (a turn is ended long before, so this is a bound only).
  explicit TurnAudio(Duration longest)
      : max_samples_(static_cast<std::size_t>(to_ms(longest)) * static_cast<std::size_t>(MediaTime::kSamplesPerMs)) {}

  void append(std::span<const std::int16_t> pcm_8k) {
    const std::size_t room = max_samples_ - std::min(max_samples_, samples_.size());
    samples_.insert(samples_.end(), pcm_8k.begin(),
                    pcm_8k.begin() + static_cast<std::ptrdiff_t>(std::min(room, pcm_8k.size())));
  }
  [[nodiscard]] std::span<const std::int16_t> samples() const { return samples_; }
  [[nodiscard]] bool empty() const { return samples_.empty(); }

 private:
  std::size_t max_samples_;
  std::vector<std::int16_t> samples_;
};

// The latest audio of a turn by position, for sending it again to a new stream. Not thread-safe.
class ReplayAudio {
 public:
  explicit ReplayAudio(Duration longest)
      : max_samples_(static_cast<std::size_t>(to_ms(longest)) * static_cast<std::size_t>(MediaTime::kSamplesPerMs)) {}

  void append(std::span<const std::int16_t> pcm_8k) {
    samples_.insert(samples_.end(), pcm_8k.begin(), pcm_8k.end());
    // Old audio goes in blocks, so that a frame does not move the whole buffer.
    if (samples_.size() < max_samples_ + max_samples_ / 4 + 1) return;
    const std::size_t excess = samples_.size() - max_samples_;
    samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(excess));
    begin_ += excess;
  }
  // Positions count samples since the start of the turn.
  [[nodiscard]] std::size_t end() const { return begin_ + samples_.size(); }
  // From `position`, or from the oldest sample that is still there.
  [[nodiscard]] std::span<const std::int16_t> from(std::size_t position) const {
    const std::size_t skip = position > begin_ ? std::min(position - begin_, samples_.size()) : 0;
    return std::span<const std::int16_t>(samples_).subspan(skip);
  }

 private:
  std::size_t max_samples_;
  std::size_t begin_ = 0;
  std::vector<std::int16_t> samples_;
};

// The samples as bytes, little-endian.
[[nodiscard]] inline std::string to_le_bytes(std::span<const std::int16_t> samples) {
  std::string bytes(samples.size() * 2, '\0');
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto value = static_cast<std::uint16_t>(samples[i]);
    bytes[2 * i] = static_cast<char>(value & 0xFF);
    bytes[2 * i + 1] = static_cast<char>(value >> 8);
  }
  return bytes;
}

}  // namespace al::providers
