// The wire of `/audio/transcriptions`: the multipart upload and the reply. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

namespace al::providers {

struct TranscriptionTurn {
  std::span<const std::int16_t> pcm_8k;
  std::string_view model;
  std::string_view language;           // BCP 47; its primary tag is sent ("he"), as the protocol wants ISO 639-1
  std::span<const std::string> hints;  // joined into `prompt`
  std::string boundary;                // of the multipart body
};
struct TranscriptionUpload {
  std::string content_type;
  std::string body;
};
// Fields in this order: model, language, temperature=0, response_format=json, prompt (if there are hints), then the
// audio as 16 kHz 16-bit mono WAV, "turn.wav".
[[nodiscard]] TranscriptionUpload write_transcription(TranscriptionTurn turn);

// The text of a reply: {"text":…} or plain text. Blanks at the ends are dropped. kMalformed: HTML, JSON without text.
[[nodiscard]] Result<std::string> read_transcription(std::string_view body);

}  // namespace al::providers
