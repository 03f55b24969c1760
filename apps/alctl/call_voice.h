// The caller's voice and ears: lines from sound files or from text by the embedded voice, and what the agent said as
// text by the embedded recogniser. Loading takes about a second; blocking: before and after a call, never during it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "alctl/caller_script.h"
#include "core/error.h"

namespace al::alctl {

// A line from a sound file of any kind that libsndfile reads; the left channel of a stereo file is not special.
[[nodiscard]] Result<CallerLine> line_from_file(const std::string& path);

class CallVoice {
 public:
  // `speech_folder` empty = the usual places. Engines that are not there are missed only when they are needed.
  static Result<std::unique_ptr<CallVoice>> load(const std::string& speech_folder, bool voice, bool recognition);
  ~CallVoice();

  // Texts with Hebrew letters are spoken by espeak-ng, others by the embedded English voice. kUnsupported: no voice.
  [[nodiscard]] Result<CallerLine> line_from_text(const std::string& text, const std::string& language);
  [[nodiscard]] bool can_listen() const;
  // English only; empty text = nothing was recognised.
  [[nodiscard]] Result<std::string> transcribe(const std::vector<std::uint8_t>& ulaw);

 private:
  struct State;
  explicit CallVoice(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace al::alctl
