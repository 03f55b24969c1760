#include <algorithm>
#include <iterator>

#include <boost/beast/http/error.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "net/http_exchange_impl.h"
#include "net/ws_frame.h"

namespace al::net {
namespace http = boost::beast::http;

namespace {

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// "/path?query" of a request target in any of its forms; what has none keeps its bytes and matches no route.
std::string_view origin_form(std::string_view target) {
  if (target.starts_with('/')) return target;
  const std::size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;
  const std::size_t path = target.find('/', scheme + 3);
  return path == std::string_view::npos ? std::string_view{"/"} : target.substr(path);
}

HttpResponse refusal(int status, std::string text) {
  HttpResponse response = HttpResponse::text(status, std::move(text));
  response.close = true;
  return response;
}

bool asks_for_websocket(const HttpRequest& request) {
  return header_has_token(request.headers, "Upgrade", "websocket") &&
         header_has_token(request.headers, "Connection", "upgrade");
}

// RFC 6455 4.2.1. nullopt = well formed.
std::optional<HttpResponse> refuse_upgrade(const WsRoute& route, const HttpRequest& request,
                                           const BeastParser& parser) {
  if (!asks_for_websocket(request)) {
    HttpResponse response = HttpResponse::text(426, "This address speaks WebSocket only.\n");
    response.headers.push_back({"Upgrade", "websocket"});
    return response;
  }
  if (request.method != "GET") return refusal(405, "A WebSocket begins with GET.\n");
  if (parser.get().version() != 11) return refusal(400, "A WebSocket needs HTTP/1.1.\n");
  const bool has_body = parser.chunked() || parser.content_length().value_or(0) != 0;
  if (has_body) return refusal(400, "A WebSocket request has no body.\n");
  if (request.header("Origin") && !route.allow_origin) return refusal(403, "This address is not for web pages.\n");
  if (request.header("Sec-WebSocket-Version").value_or("") != "13") {
    HttpResponse response = refusal(426, "WebSocket version 13 is needed.\n");
    response.headers.push_back({"Sec-WebSocket-Version", "13"});
    return response;
  }
  if (!is_valid_websocket_key(request.header("Sec-WebSocket-Key").value_or("")))
    return refusal(400, "Sec-WebSocket-Key is missing or malformed.\n");
  return std::nullopt;
}

}  // namespace

HttpRequest to_request(const BeastRequest& from) {
  HttpRequest request;
  request.method = std::string(view(from.method_string()));
  request.target = std::string(origin_form(view(from.target())));
  request.path_size = std::min(request.target.find('?'), request.target.size());
  for (const auto& field : from) {
    request.headers.push_back({std::string(view(field.name_string())), std::string(view(field.value()))});
  }
  return request;
}

std::string_view HttpRequest::query() const {
  return path_size < target.size() ? std::string_view(target).substr(path_size + 1) : std::string_view{};
}

Plan plan_for(const RouteTable& table, const HttpRequest& request, const BeastParser& parser) {
  Plan plan;
  const auto version = parser.get().version();
  if (version != 10 && version != 11) {
    plan.refuse = refusal(505, "HTTP/1.1 is spoken here.\n");
    return plan;
  }
  if (version == 11 && std::count_if(request.headers.begin(), request.headers.end(), [](const HttpHeader& header) {
                         return equals_ignoring_case(header.name, "Host");
                       }) != 1) {
    plan.refuse = refusal(400, "Exactly one Host header is needed.\n");
    return plan;
  }
  if (const WsRoute* websocket = table.find_websocket(request.path())) {
    plan.refuse = refuse_upgrade(*websocket, request, parser);
    if (!plan.refuse) plan.websocket = websocket;
    return plan;
  }
  RouteTable::Match match = table.find(request.method, request.path());
  const auto length = parser.content_length();
  if (match.route == nullptr) {
    plan.refuse = HttpResponse::text(match.allowed.empty() ? 404 : 405,
                                     match.allowed.empty() ? "There is nothing here.\n" : "Not with this method.\n");
    // A body that nobody will read must not be taken for the next request.
    plan.refuse->close = parser.chunked() || length.value_or(0) != 0;
    if (!match.allowed.empty())
      plan.refuse->headers.push_back({"Allow", fmt::format("{}", fmt::join(match.allowed, ", "))});
    return plan;
  }
  const Route& route = *match.route;
  if (length && *length > route.max_body) {
    plan.refuse = refusal(413, fmt::format("At most {} bytes are taken here.\n", route.max_body));
  } else if (route.needs_body && !length && !parser.chunked()) {
    plan.refuse = refusal(411, "Content-Length is missing.\n");
  } else if ((parser.chunked() || length.value_or(0) != 0) &&
             !RouteTable::accepts_type(route, request.header("Content-Type").value_or(""))) {
    plan.refuse = refusal(415, fmt::format("Content-Type must be {}.\n", fmt::join(route.content_types, " or ")));
  } else {
    plan.route = match.route;
    plan.parameters = std::move(match.parameters);
  }
  return plan;
}

std::optional<HttpResponse> answer_to_error(const boost::system::error_code& error, bool timed_out) {
  if (timed_out) return refusal(408, "The request took too long to arrive.\n");
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return refusal(431, "The request's header is too large.\n");
  if (error == http::error::body_limit) return refusal(413, "The request's body is too large.\n");
  if (error == http::error::bad_version) return refusal(505, "HTTP/1.1 is spoken here.\n");
  if (error.category() == make_error_code(http::error::bad_method).category())
    return refusal(400, "This is not a request that can be read.\n");
  return std::nullopt;
}

void write_response(std::string& out, const HttpResponse& response, const ResponseStyle& style, WallTime now) {
  const bool bodiless = response.status == 204 || response.status == 304 || response.status < 200;
  const std::time_t time = std::chrono::system_clock::to_time_t(now);
  out.clear();
  auto to = std::back_inserter(out);
  fmt::format_to(to, "HTTP/1.{} {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", style.http10 ? 0 : 1, response.status,
                 reason_phrase(response.status), fmt::gmtime(time));
  const auto add = [&](std::string_view name, std::string_view value) {
    out.append(name).append(": ");
    std::transform(value.begin(), value.end(), to,
                   [](char c) { return c == '\r' || c == '\n' || c == '\0' ? ' ' : c; });
    out.append("\r\n");
  };
  if (!response.content_type.empty()) add("Content-Type", response.content_type);
  if (!bodiless) fmt::format_to(to, "Content-Length: {}\r\n", response.body.size());
  for (const HttpHeader& header : response.headers) add(header.name, header.value);
  if (!style.keep_alive) add("Connection", "close");
  if (style.keep_alive && style.http10) add("Connection", "keep-alive");
  out.append("\r\n");
  if (!bodiless && !style.head) out.append(response.body);
}

std::string upgrade_response(const HttpRequest& request, std::string_view subprotocol) {
  std::string out = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  out += "Sec-WebSocket-Accept: " + accept_key(request.header("Sec-WebSocket-Key").value_or("")) + "\r\n";
  if (!subprotocol.empty()) out += "Sec-WebSocket-Protocol: " + std::string(subprotocol) + "\r\n";
  return out + "\r\n";
}

HttpResponse HttpResponse::text(int status, std::string body) {
  return HttpResponse{status, "text/plain; charset=utf-8", std::move(body), {}, false};
}
HttpResponse HttpResponse::json(int status, std::string body) {
  return HttpResponse{status, "application/json; charset=utf-8", std::move(body), {}, false};
}
HttpResponse HttpResponse::empty(int status) {
  return HttpResponse{status, {}, {}, {}, false};
}

}  // namespace al::net
