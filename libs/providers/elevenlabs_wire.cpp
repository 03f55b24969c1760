#include "providers/elevenlabs_wire.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "providers/http_provider.h"
#include "providers/tts_dialect.h"

namespace al::providers {

std::string elevenlabs_dialogue_url(const ElevenLabsWsOptions& options) {
  return options.base_url + "/v1/text-to-dialogue/stream-input?model_id=" + percent_encode(options.model) +
         "&output_format=ulaw_8000";
}

std::string elevenlabs_opening(std::string_view voice_id, double stability) {
  const double rounded = std::round(std::clamp(stability, 0.0, 1.0) * 100.0) / 100.0;
  return dump_json({{"voices", {std::string(voice_id)}}, {"voice_settings", {{"stability", rounded}}}});
}

std::string elevenlabs_input(std::string_view text, std::string_view voice_id) {
  nlohmann::json input = {{"text", std::string(text)}, {"voice_id", std::string(voice_id)}, {"new_turn", true}};
  return dump_json({{"inputs", nlohmann::json::array({std::move(input)})}, {"flush", true}});
}

Result<ElevenLabsMessage> read_elevenlabs(std::string_view text) {
  constexpr std::size_t kMaxMessage = 1 << 20;
  const auto document = parse_json(text, kMaxMessage);
  if (!document) return fail(Errc::kMalformed, "a message is not JSON: " + document.error().detail);
  if (!document->is_object()) return fail(Errc::kMalformed, "a message is not a JSON object");
  ElevenLabsMessage message;
  message.turn_done = json_bool(*document, "is_final_audio_for_turn").value_or(false);
  message.final = json_bool(*document, "is_final").value_or(false);
  const std::string error = json_string(*document, "error");
  if (!error.empty()) {
    message.error = printable_excerpt(error + ": " + json_string(*document, "message"));
    constexpr std::string_view kHopeless[] = {"auth", "api_key", "quota", "voice", "permission"};
    message.rejected = std::any_of(std::begin(kHopeless), std::end(kHopeless),
                                   [&](std::string_view word) { return error.find(word) != std::string::npos; });
  }
  if (const std::string audio = json_string(*document, "audio"); !audio.empty()) {
    auto bytes = base64_decode(audio);
    if (!bytes) return fail(Errc::kMalformed, "the audio is not base64: " + bytes.error().detail);
    message.audio = std::move(*bytes);
  }
  return message;
}

}  // namespace al::providers
