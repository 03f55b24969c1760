// The wire of ElevenLabs' text-to-dialogue WebSocket. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "providers/elevenlabs_ws.h"

namespace al::providers {

// "wss://api.elevenlabs.io/v1/text-to-dialogue/stream-input?model_id=…&output_format=ulaw_8000"
[[nodiscard]] std::string elevenlabs_dialogue_url(const ElevenLabsWsOptions& options);
// The first message: {"voices":["ID"],"voice_settings":{"stability":0.5}}
[[nodiscard]] std::string elevenlabs_opening(std::string_view voice_id, double stability);
// {"flush":true,"inputs":[{"new_turn":true,"text":"…","voice_id":"ID"}]}: without `flush` the service waits for more.
[[nodiscard]] std::string elevenlabs_input(std::string_view text, std::string_view voice_id);
inline constexpr std::string_view kElevenLabsKeepAlive = R"({"keep_alive":true})";
inline constexpr std::string_view kElevenLabsClose = R"({"close_socket":true})";

struct ElevenLabsMessage {
  std::string audio;       // decoded bytes: µ-law, as asked for in the URL
  bool turn_done = false;  // the last audio of this input has come
  bool final = false;      // the socket is about to close
  std::string error;       // the provider's text; empty = none
  bool rejected = false;   // the error is about credentials, quota or the voice: another try does not help
};
// kMalformed: not a JSON object, audio that is not base64.
[[nodiscard]] Result<ElevenLabsMessage> read_elevenlabs(std::string_view text);

}  // namespace al::providers
