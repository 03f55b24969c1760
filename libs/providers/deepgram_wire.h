// The wire of Deepgram's live transcription: URL, control messages, results. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "dialog/ports.h"
#include "providers/deepgram_stt.h"

namespace al::providers {

// "wss://api.deepgram.com/v1/listen?model=nova-3&language=he&encoding=mulaw&sample_rate=8000&…"; hints become keyterms
// (at most 50).
[[nodiscard]] std::string deepgram_url(const DeepgramOptions& options, const dialog::SttOptions& call);

inline constexpr std::string_view kDeepgramKeepAlive = R"({"type":"KeepAlive"})";
inline constexpr std::string_view kDeepgramFinalize = R"({"type":"Finalize"})";
inline constexpr std::string_view kDeepgramClose = R"({"type":"CloseStream"})";

struct DeepgramResult {
  enum class Kind { kResults, kError, kOther };
  Kind kind = Kind::kOther;  // kOther: SpeechStarted, UtteranceEnd, Metadata and whatever comes later
  std::string transcript;
  float confidence = 0;
  Duration start{};  // in the audio sent on this socket
  Duration end{};
  bool is_final = false;       // this portion will not change
  bool speech_final = false;   // and the speaker paused
  bool from_finalize = false;  // the answer to Finalize
  std::string error;           // kError: the provider's text
};
// kMalformed: not JSON, not an object, or times that are no numbers.
[[nodiscard]] Result<DeepgramResult> read_deepgram(std::string_view text);

}  // namespace al::providers
