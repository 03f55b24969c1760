#include "providers/openai_chat.h"

#include "providers/http_model.h"
#include "providers/openai_dialect.h"

namespace al::providers {

Result<std::unique_ptr<dialog::LanguageModel>> make_openai_chat(OpenAiChatOptions options, ProviderContext context) {
  if (options.model.empty()) return fail(Errc::kMalformed, "openai: no model is set");
  if (auto checked = check_base_url(options.base_url, "openai base URL"); !checked) return fail(checked.error());
  if (auto checked = check_extra_json(options.extra_json, "openai extra JSON"); !checked) return fail(checked.error());
  return make_http_model(make_openai_dialect(options), {.timeouts = options.timeouts, .retry = options.retry}, context);
}

}  // namespace al::providers
