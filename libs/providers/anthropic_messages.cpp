#include "providers/anthropic_messages.h"

#include "providers/anthropic_dialect.h"
#include "providers/http_model.h"

namespace al::providers {

Result<std::unique_ptr<dialog::LanguageModel>> make_anthropic_messages(AnthropicOptions options,
                                                                       ProviderContext context) {
  if (options.model.empty()) return fail(Errc::kMalformed, "anthropic: no model is set");
  if (options.api_key.empty()) return fail(Errc::kMalformed, "anthropic: no API key is set");
  if (auto checked = check_base_url(options.base_url, "anthropic base URL"); !checked) return fail(checked.error());
  if (auto checked = check_extra_json(options.extra_json, "anthropic extra JSON"); !checked)
    return fail(checked.error());
  return make_http_model(make_anthropic_dialect(options), {.timeouts = options.timeouts, .retry = options.retry},
                         context);
}

}  // namespace al::providers
