// Surgery on the scheme and the authority of a URL; path, query and fragment are never read. Views into the given text.
// Pure and thread-safe.
#pragma once

#include <string_view>

namespace al::twilio {

struct UrlParts {
  std::string_view scheme_and_userinfo;  // "https://user:pass@", "https://", or empty where there is no "://"
  std::string_view scheme;               // "https"
  std::string_view userinfo;             // "user:pass"
  std::string_view host;                 // "example.com", "[2001:db8::1]"
  std::string_view port;                 // "8443"; empty = none
  std::string_view rest;                 // from the first of "/?#" on

  [[nodiscard]] bool scheme_is(std::string_view lower_case) const;  // ASCII case ignored
};

// The last '@' of the authority ends the user information; a ':' inside brackets is IPv6.
[[nodiscard]] UrlParts split_url(std::string_view url);

}  // namespace al::twilio
