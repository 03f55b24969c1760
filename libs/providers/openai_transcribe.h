// Speech to text by upload: `/audio/transcriptions` of OpenAI or any compatible server (whisper.cpp, speaches, vLLM).
// A turn is collected, then sent as a 16 kHz WAV when it ends; there are no partials. Sinks are called from the HTTP
// client's thread.
#pragma once

#include <memory>
#include <string>

#include "dialog/ports.h"
#include "providers/http_provider.h"

namespace al::providers {

struct OpenAiTranscribeOptions {
  std::string name = "whisper";
  std::string base_url = "https://api.openai.com/v1";
  std::string api_key;
  std::string model;                // required
  bool hints_as_prompt = true;      // the persona's words go into `prompt`
  Duration max_turn = seconds{30};  // audio beyond it is dropped (the end of utterance comes long before)
  net::HttpTimeouts timeouts = kProviderTimeouts;
  RetryPolicy retry{};
};

// kMalformed: no model, or a base_url that is no http(s) URL.
[[nodiscard]] Result<std::unique_ptr<dialog::SpeechToText>> make_openai_transcribe(OpenAiTranscribeOptions options,
                                                                                   ProviderContext context);

}  // namespace al::providers
