#include "twilio/url_parts.h"

#include <algorithm>

#include "core/text.h"

namespace al::twilio {
namespace {

bool is_scheme(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
           c == '.';
  });
}

}  // namespace

bool UrlParts::scheme_is(std::string_view lower_case) const {
  return equal_ignore_case(scheme, lower_case);
}

UrlParts split_url(std::string_view url) {
  UrlParts parts;
  const std::size_t mark = url.find("://");
  // A "://" further on, in a query say, does not end a scheme (RFC 3986 section 3.1 has these characters only).
  if (mark == std::string_view::npos || !is_scheme(url.substr(0, mark))) {
    parts.rest = url;
    return parts;
  }
  parts.scheme = url.substr(0, mark);
  const std::size_t begin = mark + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  std::string_view authority = url.substr(begin, end - begin);
  parts.rest = url.substr(end);
  const std::size_t at = authority.rfind('@');
  std::size_t host_begin = begin;
  if (at != std::string_view::npos) {
    parts.userinfo = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    host_begin += at + 1;
  }
  parts.scheme_and_userinfo = url.substr(0, host_begin);
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parts.host = authority.substr(0, colon);
  if (colon != std::string_view::npos) parts.port = authority.substr(colon + 1);
  return parts;
}

}  // namespace al::twilio
