// A language model behind the OpenAI chat-completions protocol with streaming: OpenAI itself, llama.cpp, vLLM, Ollama
// and whatever else speaks it. No model name is compiled in. Reads tolerantly (missing usage, missing or doubled ids,
// whole tool calls in one chunk, a connection that closes instead of [DONE]); `reasoning_content` is never passed on.
// Sinks are called from the HTTP client's thread.
#pragma once

#include <memory>
#include <string>

#include "dialog/ports.h"
#include "providers/http_provider.h"

namespace al::providers {

struct OpenAiChatOptions {
  std::string base_url = "https://api.openai.com/v1";  // with the version path, without a trailing slash
  std::string api_key;                                 // empty = no Authorization header (local servers)
  std::string model;                                   // required
  std::string extra_json;         // an object merged into the request (RFC 7396: null removes a member)
  std::string token_limit_field;  // empty = "max_completion_tokens" at api.openai.com, "max_tokens" elsewhere
  net::HttpTimeouts timeouts = kProviderTimeouts;
  RetryPolicy retry{};
};

// kMalformed: no model, an extra_json that is no object, a base_url that is no http(s) URL.
[[nodiscard]] Result<std::unique_ptr<dialog::LanguageModel>> make_openai_chat(OpenAiChatOptions options,
                                                                              ProviderContext context);

}  // namespace al::providers
