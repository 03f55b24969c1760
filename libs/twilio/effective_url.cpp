// How a request reached us, as Twilio saw it.
#include <algorithm>

#include "core/text.h"
#include "twilio/signature.h"
#include "twilio/url_parts.h"

namespace al::twilio {
namespace {

// The first element of a list header ("https, http": the proxy nearest to the client wrote it first).
std::string_view first_element(std::string_view list) {
  return trim(list.substr(0, list.find(',')));
}

bool is_host(std::string_view host) {
  if (host.empty() || host.size() > 255) return false;
  return std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == ':' || c == '[' || c == ']';
  });
}

std::string scheme_for(bool secure, RequestKind kind) {
  if (kind == RequestKind::kWebSocket) return secure ? "wss://" : "ws://";
  return secure ? "https://" : "http://";
}

Result<std::string> base_from_setting(std::string_view base, RequestKind kind) {
  const UrlParts parts = split_url(base);
  const bool secure = parts.scheme_is("https") || parts.scheme_is("wss");
  if (!secure && !parts.scheme_is("http") && !parts.scheme_is("ws")) {
    return fail(Errc::kMalformed, "PUBLIC_BASE_URL '" + std::string(base) + "' is not an http(s) URL");
  }
  if (!is_host(parts.host)) return fail(Errc::kMalformed, "PUBLIC_BASE_URL '" + std::string(base) + "' names no host");
  std::string out = scheme_for(secure, kind) + std::string(parts.host);
  if (!parts.port.empty()) out += ":" + std::string(parts.port);
  std::string_view prefix = parts.rest.substr(0, parts.rest.find_first_of("?#"));
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return out + std::string(prefix);
}

Result<std::string> base_from_request(const RequestOrigin& origin, RequestKind kind) {
  std::string_view host = trim(origin.host);
  bool secure = origin.tls;
  if (origin.from_trusted_proxy) {
    const std::string_view proto = first_element(origin.forwarded_proto);
    if (!proto.empty()) secure = equal_ignore_case(proto, "https") || equal_ignore_case(proto, "wss");
    const std::string_view forwarded = first_element(origin.forwarded_host);
    if (!forwarded.empty()) host = forwarded;
  }
  if (!is_host(host)) return fail(Errc::kMalformed, "the request names no usable host");
  return scheme_for(secure, kind) + std::string(host);
}

}  // namespace

Result<std::string> effective_url(const RequestOrigin& origin, std::string_view raw_target, RequestKind kind) {
  if (!raw_target.starts_with('/')) return fail(Errc::kMalformed, "the request target does not begin with '/'");
  auto base = origin.public_base_url.empty() ? base_from_request(origin, kind)
                                             : base_from_setting(origin.public_base_url, kind);
  if (!base) return base;
  return *base + std::string(raw_target.substr(0, raw_target.find('#')));
}

}  // namespace al::twilio
