// URL surgery on anything: our own signature of the URL as given is always accepted, another token's never, and path
// and query bytes are in every candidate. Input: URL, line feed, form body.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "twilio/signature.h"
#include "twilio/url_parts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace al::twilio;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view url = input.substr(0, input.find('\n'));
  const std::string_view body = url.size() < input.size() ? input.substr(url.size() + 1) : std::string_view{};
  const auto form = parse_form(body);
  if (!form) return 0;
  for (const RequestKind kind : {RequestKind::kWebhook, RequestKind::kWebSocket}) {
    SignedRequest request;
    request.url = url;
    request.kind = kind;
    request.form = &*form;
    const std::string sent(url.substr(0, url.find('#')));
    const std::string header = compute_signature("right", sent, &*form);
    const std::vector<std::string> right{"right"};
    const std::vector<std::string> wrong{"wrong"};
    if (!verify_signature(request, header, right).ok) std::abort();
    if (verify_signature(request, header, wrong).ok) std::abort();
    const UrlParts parts = split_url(sent);
    const std::string path(parts.rest.substr(0, parts.rest.find('?')));
    for (const UrlCandidate& candidate : signature_candidates(url, kind, {})) {
      if (candidate.url.find(path) == std::string::npos) std::abort();
    }
    if (explain_signature(request, header, right).trials.empty()) std::abort();
  }
  if (!first_difference(url, body).empty() && url == body) std::abort();
  const auto effective = effective_url({"", true, url, body, url, false}, body, RequestKind::kWebhook);
  static_cast<void>(effective);
  return 0;
}
