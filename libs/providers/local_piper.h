// The embedded neural English voice: Piper (VITS) libritts_r with 904 speakers, through ONNX Runtime. One model serves
// all calls: speak() is thread-safe and blocks its thread for about 0.05 s a second of sound. It is not streaming
// inside a sentence, so give it one sentence at a time. Only in builds with AL_LOCAL_SPEECH.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace al::providers {

struct PiperOptions {
  int speaker = 0;           // 0 .. speakers()-1
  double rate = 1.0;         // 0.5 .. 2
  float noise = 0.667F;      // variation of the voice
  float noise_width = 0.8F;  // variation of the rhythm
};

class Piper {
 public:
  // `folder` holds model.onnx and tokens.txt.
  static Result<std::unique_ptr<Piper>> load(const std::string& folder);
  ~Piper();

  // 8 kHz mono of one sentence, silence before and after cut to 40 and 120 ms. Empty text is empty audio. At most 400
  // characters (kUnsupported). kUnsupported names a speaker that the voice does not have.
  Result<std::vector<std::int16_t>> speak(std::string_view text, const PiperOptions& options) const;
  [[nodiscard]] int speakers() const;

 private:
  struct State;
  explicit Piper(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace al::providers
