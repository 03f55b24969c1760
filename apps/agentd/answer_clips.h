// Answers of the agent as sound that Twilio fetches (PLAYBACK=redirect): kept in memory, a bounded number of bytes,
// each for as long as its call may ask for it. Names cannot be guessed: the name is the right to listen. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "core/time.h"

namespace al::agentd {

struct AnswerClipLimits {
  std::size_t bytes = std::size_t{64} << 20;  // 140 minutes of speech
  std::size_t clips = 4'000;
};

class AnswerClips {
 public:
  explicit AnswerClips(AnswerClipLimits limits = {}) : limits_(limits) {}

  // Keeps µ-law sound as a WAV file until `until`. Its name below /static/tts/, or empty: there is no room, or no
  // sound.
  [[nodiscard]] std::string put(std::span<const std::uint8_t> ulaw, Timestamp now, Timestamp until);
  // The WAV file; nullptr: there is none of this name, or no longer.
  [[nodiscard]] std::shared_ptr<const std::string> find(std::string_view name, Timestamp now) const;

  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Clip {
    std::shared_ptr<const std::string> wav;
    Timestamp until;
  };
  void expire(Timestamp now);

  const AnswerClipLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, Clip, std::less<>> clips_;
  std::size_t bytes_ = 0;
};

}  // namespace al::agentd
