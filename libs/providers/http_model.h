// A LanguageModel over HTTP in any dialect: request, streaming, retries, cancelling. Sinks are called from the HTTP
// client's thread. A retry happens only before the first byte of an answer: what was spoken cannot be taken back.
#pragma once

#include <memory>

#include "dialog/ports.h"
#include "providers/http_provider.h"
#include "providers/model_dialect.h"

namespace al::providers {

struct HttpModelOptions {
  net::HttpTimeouts timeouts = kProviderTimeouts;
  RetryPolicy retry{};
};

[[nodiscard]] std::unique_ptr<dialog::LanguageModel> make_http_model(std::shared_ptr<const ModelDialect> dialect,
                                                                     HttpModelOptions options, ProviderContext context);

}  // namespace al::providers
