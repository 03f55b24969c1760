#include "net/http_types.h"

#include <algorithm>
#include <array>

namespace al::net {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view default_port(std::string_view scheme) {
  return scheme == "https" || scheme == "wss" ? "443" : "80";
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  return value >= 1 && value <= 65'535;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string_view> find_header(const HttpHeaders& headers, std::string_view name) {
  for (const HttpHeader& header : headers) {
    if (equals_ignoring_case(header.name, name)) return header.value;
  }
  return std::nullopt;
}

bool header_has_token(const HttpHeaders& headers, std::string_view name, std::string_view token) {
  for (const HttpHeader& header : headers) {
    if (!equals_ignoring_case(header.name, name)) continue;
    std::string_view rest = header.value;
    while (true) {
      const std::size_t comma = rest.find(',');
      if (equals_ignoring_case(trim(rest.substr(0, comma)), token)) return true;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

std::string_view reason_phrase(int status) {
  struct Phrase {
    int status;
    std::string_view text;
  };
  static constexpr std::array<Phrase, 30> kPhrases{{{101, "Switching Protocols"},
                                                    {200, "OK"},
                                                    {201, "Created"},
                                                    {202, "Accepted"},
                                                    {204, "No Content"},
                                                    {301, "Moved Permanently"},
                                                    {302, "Found"},
                                                    {304, "Not Modified"},
                                                    {307, "Temporary Redirect"},
                                                    {308, "Permanent Redirect"},
                                                    {400, "Bad Request"},
                                                    {401, "Unauthorized"},
                                                    {403, "Forbidden"},
                                                    {404, "Not Found"},
                                                    {405, "Method Not Allowed"},
                                                    {408, "Request Timeout"},
                                                    {409, "Conflict"},
                                                    {410, "Gone"},
                                                    {411, "Length Required"},
                                                    {413, "Content Too Large"},
                                                    {415, "Unsupported Media Type"},
                                                    {422, "Unprocessable Content"},
                                                    {426, "Upgrade Required"},
                                                    {429, "Too Many Requests"},
                                                    {431, "Request Header Fields Too Large"},
                                                    {500, "Internal Server Error"},
                                                    {501, "Not Implemented"},
                                                    {503, "Service Unavailable"},
                                                    {504, "Gateway Timeout"},
                                                    {505, "HTTP Version Not Supported"}}};
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Unknown";
}

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != default_port(scheme)) text += ":" + port;
  return text;
}

std::optional<Url> parse_url(std::string_view text) {
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) return std::nullopt;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Url url;
  for (const char c : text.substr(0, colon)) url.scheme += lower(c);
  if (url.scheme != "http" && url.scheme != "https" && url.scheme != "ws" && url.scheme != "wss") return std::nullopt;
  text.remove_prefix(colon + 3);
  text = text.substr(0, text.find('#'));
  const std::size_t end = text.find_first_of("/?");
  std::string_view authority = text.substr(0, end);
  std::string_view target = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  if (authority.find('@') != std::string_view::npos) return std::nullopt;
  std::size_t port_colon = authority.rfind(':');
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    url.host = authority.substr(1, bracket - 1);
    authority.remove_prefix(bracket + 1);
    if (!authority.empty() && !authority.starts_with(':')) return std::nullopt;
    port_colon = authority.empty() ? std::string_view::npos : 0;
  } else {
    url.host = authority.substr(0, port_colon);
    if (url.host.find(':') != std::string::npos) return std::nullopt;
  }
  if (url.host.empty()) return std::nullopt;
  url.port = port_colon == std::string_view::npos ? default_port(url.scheme) : authority.substr(port_colon + 1);
  if (!is_port(url.port)) return std::nullopt;
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

}  // namespace al::net
