// Moonshine, the embedded English recogniser: encoder and merged decoder with a key-value cache, greedy, through ONNX
// Runtime. One model serves all calls: transcribe() is thread-safe and blocks its thread for about 0.03 s a second of
// speech. It hears best what local_utterance.h has trimmed: a second of leading silence makes it return nothing.
// Only in builds with AL_LOCAL_SPEECH. Source: N. Jeffries et al., "Moonshine", 2024; shapes read from the models.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/error.h"

namespace al::providers {

struct Transcript {
  std::string text;         // UTF-8, trimmed; empty = nothing recognised
  float mean_log_prob = 0;  // per token; speech is about -0.09 (median), -0.5 is poor
  int tokens = 0;
  bool repeated = false;  // it fell into a loop, which was cut off

  // 0..1; 0 for an empty text.
  [[nodiscard]] float confidence() const;
};

class Moonshine {
 public:
  // `folder` holds encoder_model.onnx, decoder_model_merged.onnx and vocab.txt. kNotFound, kMalformed name the file.
  static Result<std::unique_ptr<Moonshine>> load(const std::string& folder);
  ~Moonshine();

  // 16 kHz mono, full scale ±1, at least 0.1 s (less is an empty transcript) and at most 30 s (kUnsupported).
  // `cancelled` (may be null) is looked at between tokens; then the result is kClosed.
  Result<Transcript> transcribe(std::span<const float> pcm_16k, const std::atomic<bool>* cancelled = nullptr) const;

 private:
  struct State;
  explicit Moonshine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace al::providers
