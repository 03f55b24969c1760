// What differs between synthesisers over HTTP: request, text limit, how the audio is packed. Pure: the HTTP side is
// http_tts.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/error.h"
#include "net/http_client.h"
#include "providers/http_tts.h"
#include "providers/text_split.h"
#include "providers/wire_wav.h"

namespace al::providers {

class TtsDialect {
 public:
  virtual ~TtsDialect() = default;
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::string origin() const = 0;  // to be kept warm
  [[nodiscard]] virtual std::size_t text_limit() const = 0;
  [[nodiscard]] virtual TextUnit text_unit() const { return TextUnit::kCharacters; }
  // With credentials: not for logs. kUnsupported: a voice is needed and none is given.
  [[nodiscard]] virtual Result<net::ClientRequest> request(const std::string& text,
                                                           const dialog::Voice& voice) const = 0;
  [[nodiscard]] virtual AudioFormat headerless_format() const = 0;
  // True: the body is JSON with base64 audio in `audioContent`. False: the body is the audio.
  [[nodiscard]] virtual bool audio_in_json() const { return false; }
};

// The options must have passed the checks of the make_ functions in http_tts.h.
[[nodiscard]] std::shared_ptr<const TtsDialect> make_google_tts_dialect(const GoogleTtsOptions& options);
[[nodiscard]] std::shared_ptr<const TtsDialect> make_azure_tts_dialect(const AzureTtsOptions& options);
[[nodiscard]] std::shared_ptr<const TtsDialect> make_elevenlabs_tts_dialect(const ElevenLabsOptions& options);
[[nodiscard]] std::shared_ptr<const TtsDialect> make_openai_speech_dialect(const OpenAiSpeechOptions& options);

// `text` for XML content and attributes: the five entities; characters that XML 1.0 forbids are dropped.
[[nodiscard]] std::string xml_escape(std::string_view text);
// "he" of "he-IL".
[[nodiscard]] std::string primary_language(std::string_view bcp47);
// `text` as one path segment or form value (RFC 3986: everything but unreserved characters becomes %XX).
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace al::providers
