// When does the simulated caller speak? Decides once per 20 ms frame from what the caller hears: a line is said when
// the agent has finished, or over it. Pure; knows nothing of sockets or clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"

namespace al::alctl {

// One thing the caller says: µ-law, without silence at its ends.
struct CallerLine {
  std::string text;    // what is said; empty where only a recording is given
  std::string source;  // "text" or the file's name
  std::vector<std::uint8_t> ulaw;
};

// True when 20 ms of µ-law hold a voice (or any sound) that a person would hear.
[[nodiscard]] bool is_audible(const std::uint8_t* ulaw, std::size_t size);
// Cuts silence off both ends, keeps 20 ms of it.
[[nodiscard]] std::vector<std::uint8_t> trim_silence(const std::vector<std::uint8_t>& ulaw);

struct CallerScriptOptions {
  bool interrupt = false;                      // say lines over the agent's answer (a single line: over the greeting)
  Duration interrupt_at = milliseconds{1000};  // after the agent began to speak
  // Quiet this long after a mark: the agent has finished. Longer than a voice needs for its next sentence.
  Duration settle = milliseconds{900};
  Duration settle_open = milliseconds{1500};  // the same where the agent sent no mark
  Duration greeting_wait = seconds{5};        // for the agent's first words
  Duration patience = seconds{8};             // for an answer; then the next line is said
};

struct HeardFrame {
  bool audible = false;        // the agent, in this frame
  bool speech_closed = false;  // the agent sent a mark after its last audio
  bool buffer_empty = true;    // nothing of it waits to be played
  bool caller_speaking = false;
};

class CallerScript {
 public:
  enum class Act { kWait, kSay, kHangUp };

  CallerScript(std::size_t lines, CallerScriptOptions options) : lines_(lines), options_(options) {}

  // One frame has passed. kSay: say line next() - 1 now.
  Act on_frame(const HeardFrame& frame);
  [[nodiscard]] std::size_t next() const { return next_; }
  // Lines after which the agent said nothing within the patience.
  [[nodiscard]] const std::vector<std::size_t>& unanswered() const { return unanswered_; }

 private:
  [[nodiscard]] bool agent_finished(const HeardFrame& frame) const;
  [[nodiscard]] bool interrupts() const;
  Act proceed();

  std::size_t lines_;
  CallerScriptOptions options_;
  std::size_t next_ = 0;
  bool agent_spoke_ = false;       // since the caller's last line
  std::int64_t quiet_frames_ = 0;  // since the agent was last heard
  std::int64_t since_onset_ = 0;   // since the agent began to speak
  std::int64_t waited_ = 0;        // since the caller's last line
  std::vector<std::size_t> unanswered_;
};

}  // namespace al::alctl
