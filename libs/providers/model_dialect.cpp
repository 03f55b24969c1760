#include "providers/model_dialect.h"

#include <nlohmann/json.hpp>

#include "core/json.h"

namespace al::providers {

Result<void> check_extra_json(std::string_view text, std::string_view option) {
  if (text.empty()) return {};
  const auto document = parse_json(text);
  if (!document) return fail(Errc::kMalformed, std::string(option) + ": " + document.error().detail);
  if (!document->is_object()) {
    return fail(Errc::kMalformed,
                std::string(option) + R"(: not a JSON object (expected something like {"top_p":0.9}))");
  }
  return {};
}

Result<void> check_base_url(std::string_view url, std::string_view option) {
  const auto parsed = net::parse_url(url);
  if (!parsed || (parsed->scheme != "https" && parsed->scheme != "http")) {
    return fail(Errc::kMalformed, std::string(option) + ": '" + std::string(url) + "' is not an http or https URL");
  }
  if (url.ends_with('/')) return fail(Errc::kMalformed, std::string(option) + ": must not end in '/'");
  return {};
}

}  // namespace al::providers
