// The persona's fixed sentences as sound, synthesised ahead: what is in the book is said without a provider, at once,
// and can be served to Twilio as a file. Filled in the background, one sentence after the other. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/call_options.h"
#include "dialog/ports.h"

namespace al::agentd {

class ClipBook {
 public:
  // `folder` is where WAV files for /static/tts go; empty = none are written. `voice` must outlive the book.
  ClipBook(dialog::TextToSpeech& voice, dialog::Voice settings, std::string folder);
  ~ClipBook();
  ClipBook(const ClipBook&) = delete;
  ClipBook& operator=(const ClipBook&) = delete;

  // Speaks these, in this order; what is there already is left out. Call once.
  void fill(std::vector<std::string> sentences);

  [[nodiscard]] dialog::Clips clips() const;
  // "/static/tts/<name>.wav", or empty while there is no such file.
  [[nodiscard]] std::string path_of(std::string_view text) const;
  [[nodiscard]] const std::string& folder() const;
  [[nodiscard]] std::size_t missing() const;  // still to be spoken

 private:
  class Speaker;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace al::agentd
