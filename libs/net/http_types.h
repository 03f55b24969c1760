// The small vocabulary that HTTP client and server share. Plain values; header names compare without regard to case.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace al::net {

struct HttpHeader {
  std::string name;
  std::string value;
  friend bool operator==(const HttpHeader&, const HttpHeader&) = default;
};
using HttpHeaders = std::vector<HttpHeader>;

// ASCII only, as RFC 9110 5.1 compares field names.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);
// The first field of that name.
[[nodiscard]] std::optional<std::string_view> find_header(const HttpHeaders& headers, std::string_view name);
// True where a comma-separated list in any field of that name holds `token` ("Connection: keep-alive, Upgrade").
[[nodiscard]] bool header_has_token(const HttpHeaders& headers, std::string_view name, std::string_view token);
// "OK", "Not Found", …; "Unknown" for a code without a registered name.
[[nodiscard]] std::string_view reason_phrase(int status);

struct Url {
  std::string scheme;  // lower case
  std::string host;    // without the brackets of an IPv6 address
  std::string port;    // never empty: the scheme's default where none was given
  std::string target;  // path and query as given, "/" where empty; no fragment
  [[nodiscard]] bool tls() const { return scheme == "https" || scheme == "wss"; }
  [[nodiscard]] std::string authority() const;  // for the Host header: no default port
};
// Accepts http, https, ws and wss without user information. nullopt for everything else.
[[nodiscard]] std::optional<Url> parse_url(std::string_view text);

}  // namespace al::net
