// A language model behind the Anthropic Messages protocol with streaming: the second dialect. Thinking is never passed
// on. Sinks are called from the HTTP client's thread.
#pragma once

#include <memory>
#include <string>

#include "dialog/ports.h"
#include "providers/http_provider.h"

namespace al::providers {

struct AnthropicOptions {
  std::string base_url = "https://api.anthropic.com/v1";
  std::string api_key;
  std::string version = "2023-06-01";  // the anthropic-version header; later ones refuse sampling parameters
  std::string model;                   // required
  std::string extra_json;              // merged into the request (RFC 7396)
  net::HttpTimeouts timeouts = kProviderTimeouts;
  RetryPolicy retry{};
};

// Errors as make_openai_chat.
[[nodiscard]] Result<std::unique_ptr<dialog::LanguageModel>> make_anthropic_messages(AnthropicOptions options,
                                                                                     ProviderContext context);

}  // namespace al::providers
