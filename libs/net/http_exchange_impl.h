// The parts of answering a request that need no socket: what to say to a header, what an upgrade must look like, how a
// response is written. Beast's types stay on this side.
#pragma once

#include <optional>
#include <string>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/http_server.h"
#include "net/routes.h"

namespace al::net {

using BeastParser = boost::beast::http::request_parser<boost::beast::http::string_body>;
using BeastRequest = boost::beast::http::request<boost::beast::http::string_body>;

// Everything but the body. Absolute-form targets ("GET http://host/path") lose scheme and host (RFC 9112 3.2.2).
[[nodiscard]] HttpRequest to_request(const BeastRequest& from);

// What follows from a header that has arrived. Exactly one of `refuse`, `route` and `websocket` is set.
struct Plan {
  std::optional<HttpResponse> refuse;
  const Route* route = nullptr;
  const WsRoute* websocket = nullptr;
  std::map<std::string, std::string> parameters;
};
[[nodiscard]] Plan plan_for(const RouteTable& table, const HttpRequest& request, const BeastParser& parser);

// The answer to a read that failed; nullopt = none is due, the peer is gone.
[[nodiscard]] std::optional<HttpResponse> answer_to_error(const boost::system::error_code& error, bool timed_out);

struct ResponseStyle {
  bool keep_alive = true;
  bool head = false;  // no body
  bool http10 = false;
};
// Status line, header and body. CR, LF and NUL in header values become blanks.
void write_response(std::string& out, const HttpResponse& response, const ResponseStyle& style, WallTime now);
// The 101 response.
[[nodiscard]] std::string upgrade_response(const HttpRequest& request, std::string_view subprotocol);

}  // namespace al::net
