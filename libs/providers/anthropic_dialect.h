// The wire of Anthropic's Messages: request body and stream reader. Pure. See anthropic_messages.h for the adapter.
#pragma once

#include <memory>
#include <string>

#include "providers/anthropic_messages.h"
#include "providers/model_dialect.h"

namespace al::providers {

// The options must have passed make_anthropic_messages's checks.
[[nodiscard]] std::shared_ptr<const ModelDialect> make_anthropic_dialect(const AnthropicOptions& options);

}  // namespace al::providers
