// Text to speech over HTTP: Google, Azure, ElevenLabs and the OpenAI protocol. Headers inside the audio are stripped
// wherever they appear, any announced rate becomes 8 kHz, long text goes out in parts and comes back in order. Audio is
// passed on as it arrives. An answer without sound is a failure (kMalformed). Sinks are called from the HTTP client's
// thread.
#pragma once

#include <memory>
#include <string>

#include "dialog/ports.h"
#include "providers/http_provider.h"

namespace al::providers {

class TokenSource;

struct GoogleTtsOptions {
  std::string base_url = "https://texttospeech.googleapis.com";
  std::string api_key;                  // used when there is no token source: x-goog-api-key
  std::shared_ptr<TokenSource> tokens;  // a service account
  std::string audio_encoding = "PCM";   // PCM, LINEAR16 or MULAW; all are understood, with and without a header
  std::string effects_profile = "telephony-class-application";  // empty = none
  net::HttpTimeouts timeouts = kProviderTimeouts;
  RetryPolicy retry{};
};

struct AzureTtsOptions {
  std::string region;    // "westeurope"; required unless base_url is given
  std::string base_url;  // empty = https://{region}.tts.speech.microsoft.com
  std::string api_key;   // Ocp-Apim-Subscription-Key; required
  net::HttpTimeouts timeouts = kProviderTimeouts;
  RetryPolicy retry{};
};

struct ElevenLabsOptions {
  std::string base_url = "https://api.elevenlabs.io";
  std::string api_key;   // required
  std::string model;     // required: only v3 and v4 models speak Hebrew
  std::string voice_id;  // used when the request's voice has no name
  double stability = 0.5;
  net::HttpTimeouts timeouts = kProviderTimeouts;
  RetryPolicy retry{};
};

struct OpenAiSpeechOptions {
  std::string base_url = "https://api.openai.com/v1";
  std::string api_key;
  std::string model;            // required
  std::string voice = "alloy";  // used when the request's voice has no name
  std::string instructions;     // empty = none
  int pcm_rate_hz = 24000;      // of headerless answers
  net::HttpTimeouts timeouts = kProviderTimeouts;
  RetryPolicy retry{};
};

// kMalformed names the option that is missing or wrong.
[[nodiscard]] Result<std::unique_ptr<dialog::TextToSpeech>> make_google_tts(GoogleTtsOptions options,
                                                                            ProviderContext context);
[[nodiscard]] Result<std::unique_ptr<dialog::TextToSpeech>> make_azure_tts(AzureTtsOptions options,
                                                                           ProviderContext context);
[[nodiscard]] Result<std::unique_ptr<dialog::TextToSpeech>> make_elevenlabs_tts(ElevenLabsOptions options,
                                                                                ProviderContext context);
[[nodiscard]] Result<std::unique_ptr<dialog::TextToSpeech>> make_openai_speech(OpenAiSpeechOptions options,
                                                                               ProviderContext context);

}  // namespace al::providers
