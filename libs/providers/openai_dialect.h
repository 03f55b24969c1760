// The wire of OpenAI's chat completions: request body and stream reader. Pure. See openai_chat.h for the adapter.
#pragma once

#include <memory>
#include <string>

#include "providers/model_dialect.h"
#include "providers/openai_chat.h"

namespace al::providers {

// The options must have passed make_openai_chat's checks.
[[nodiscard]] std::shared_ptr<const ModelDialect> make_openai_dialect(const OpenAiChatOptions& options);

}  // namespace al::providers
