// An HTTP/1.1 server with WebSocket upgrades, for strangers on the open internet: everything is bounded (header, body,
// time, connections). It knows routes and bytes, nothing about calls. Beast parses HTTP; an accepted WebSocket leaves
// Beast and is framed by net/ws_frame.h, without an allocation, a timer or a copy of its own per message.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "net/http_types.h"
#include "net/loop.h"
#include "net/websocket.h"

namespace al::net {

struct HttpRequest {
  std::string method;  // "GET", as received
  std::string target;  // raw bytes of the request line: path and query, nothing decoded or re-encoded
  std::size_t path_size = 0;
  HttpHeaders headers;
  std::string body;
  std::string peer_address;  // of the TCP connection: the proxy where there is one
  std::uint16_t peer_port = 0;
  bool tls = false;
  std::string listener;                           // ListenSpec::name
  std::map<std::string, std::string> parameters;  // of the route's pattern, raw (not percent-decoded)
  Timestamp received{};                           // when its last byte had arrived

  [[nodiscard]] std::string_view path() const { return std::string_view(target).substr(0, path_size); }
  [[nodiscard]] std::string_view query() const;  // without '?'
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const {
    return find_header(headers, name);
  }
};

struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty = no Content-Type header (204)
  std::string body;
  HttpHeaders headers;  // no Content-Length, Connection or Date: the server writes them
  bool close = false;   // end the connection after this answer

  static HttpResponse text(int status, std::string body);  // text/plain; charset=utf-8
  static HttpResponse json(int status, std::string body);
  static HttpResponse empty(int status);
};

// Completes one request: any thread, at most once (later calls do nothing). Dropping every copy without a call answers
// 500.
class Responder {
 public:
  struct State;
  explicit Responder(std::shared_ptr<State> state) : state_(std::move(state)) {}
  void operator()(HttpResponse response) const;

 private:
  std::shared_ptr<State> state_;
};

using HttpRequestPtr = std::shared_ptr<const HttpRequest>;
// Runs on the loop of its connection: several loops may run handlers at the same time. Must not block.
using HttpHandler = std::function<void(const HttpRequestPtr& request, Responder respond)>;
// A handler that answers at once.
[[nodiscard]] HttpHandler at_once(std::function<HttpResponse(const HttpRequest& request)> handler);

struct Route {
  std::vector<std::string> methods;  // "GET" implies HEAD; OPTIONS only where listed
  std::string pattern;               // "/health", "/api/calls/{sid}" (one segment), "/static/tts/*" (the rest, as "*")
  HttpHandler handler;
  std::vector<std::string> content_types{};  // accepted for a non-empty body, without parameters; empty = any; else 415
  bool needs_body = false;                   // 411 where a request says neither Content-Length nor chunked
  milliseconds deadline{10'000};             // the handler's; then `on_deadline` is sent
  std::function<HttpResponse(const HttpRequest&)> on_deadline{};  // default: 503
  std::size_t max_body = std::size_t{64} << 10;                   // else 413
};

// ---- WebSocket, server side -----------------------------------------------------------------------------------------

// An upgraded connection. On its loop's thread only. Lives until WsHandler::on_closed has returned.
class WsConnection {
 public:
  virtual ~WsConnection() = default;
  // One text message. Written at once where the socket takes it, else queued up to max_queue_bytes. Never allocates
  // while the socket keeps up.
  virtual SendResult send_text(std::string_view text) = 0;
  // Drops messages that are queued and not yet begun: what a Twilio `clear` makes pointless. Returns how many bytes.
  virtual std::size_t drop_queued() = 0;
  virtual void close(std::uint16_t code, std::string_view reason) = 0;  // sends what is queued, then the close frame
  virtual void mark_authenticated() = 0;  // no longer counted against max_unauthenticated, nor closed by its timer
  [[nodiscard]] virtual Loop& loop() = 0;
  [[nodiscard]] virtual WsStats stats() const = 0;
};

// Calls come on the connection's loop, one at a time. `now` was read once for the batch the message came in.
class WsHandler {
 public:
  virtual ~WsHandler() = default;
  virtual void on_open(WsConnection& connection, Timestamp now) = 0;
  virtual void on_text(std::string_view text, Timestamp now) = 0;    // valid UTF-8; the view dies with the call
  virtual void on_closed(const CloseInfo& info, Timestamp now) = 0;  // the last call, exactly once after on_open
};

// The answer to an upgrade request that is well formed.
struct WsDecision {
  std::optional<HttpResponse> refuse;  // set: answered with this, no upgrade
  std::shared_ptr<WsHandler> handler;  // set: accepted
  std::string subprotocol;             // echoed; must be one the client offered
};

struct WsRoute {
  std::string pattern;  // a trailing slash on the request is accepted too
  std::function<WsDecision(const HttpRequest& request)> accept;
  std::size_t max_message = std::size_t{64} << 10;       // 1009
  std::size_t max_queue_bytes = std::size_t{256} << 10;  // outbound
  milliseconds authenticate_within{3'000};               // else 1008
  milliseconds ping_interval{0};                         // 0 = none
  milliseconds silence_timeout{0};                       // nothing received for this long: dropped, 1006; 0 = none
  milliseconds close_timeout{1'000};                     // for the peer's close frame
  bool allow_origin = false;                             // browsers send Origin: refused with 403 unless allowed
};

// ---- the server -----------------------------------------------------------------------------------------------------

struct TlsFiles {
  std::string certificate_chain;  // PEM
  std::string private_key;        // PEM
};

struct ListenSpec {
  std::string name = "public";
  std::string address = "127.0.0.1";  // IPv4 or IPv6
  std::uint16_t port = 0;             // 0 = any free one: ask port_of()
  int inherited_fd = -1;              // >= 0: a listening socket from systemd or a parent; address and port are ignored
  std::optional<TlsFiles> tls;
  std::vector<Route> routes;
  std::vector<WsRoute> websockets;
};

struct ServerLimits {
  std::size_t max_header = std::size_t{16} << 10;  // 431
  milliseconds header_timeout{5'000};              // from the first byte (or the accept) to the end of the header: 408
  milliseconds body_timeout{5'000};
  milliseconds idle_timeout{15'000};    // between requests of a kept-alive connection
  std::size_t min_write_rate = 1'024;   // bytes a second; a reader slower than this is dropped
  std::size_t max_connections = 8'192;  // all listeners; more are closed at accept
  // Connections that are neither being answered nor an authenticated WebSocket: silent, half-way through a request, or
  // idle. Beyond it the one that has waited longest is dropped for the newest.
  std::size_t max_unauthenticated = 256;
  int requests_per_connection = 1'000;  // then Connection: close
};

struct ServerStats {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;   // over max_connections
  std::uint64_t evicted = 0;   // over max_unauthenticated
  std::uint64_t timeouts = 0;  // header, body, idle write
  std::uint64_t open_http = 0;
  std::uint64_t open_websockets = 0;
  std::uint64_t unauthenticated = 0;
  std::uint64_t ws_opened = 0;
  std::uint64_t ws_dropped_messages = 0;           // outbound, refused with kFull
  std::array<std::uint64_t, 6> by_status_class{};  // [2] = 2xx, …; [0] unused
};

class HttpServer {
 public:
  // `loops` must outlive the server; connections are spread over them in turn. Nothing listens before start().
  HttpServer(std::vector<Loop*> loops, ServerLimits limits = {});
  ~HttpServer();  // stop() must have returned, or the loops must have ended
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and listens; before the loops run or while they do. Errors name the address, the file or the clashing route.
  Result<void> listen(ListenSpec spec);
  [[nodiscard]] std::uint16_t port_of(std::string_view listener) const;  // 0 = no such listener

  // No new connections; idle ones are closed, requests under way are answered with Connection: close. WebSockets go on.
  void stop_accepting();  // any thread
  // Closes every WebSocket with `code`, then drops whatever is left after `grace`; `done` runs on a loop when all is
  // gone.
  void stop(std::uint16_t code, milliseconds grace, std::function<void()> done);  // any thread

  [[nodiscard]] ServerStats stats() const;  // any thread

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

// Sockets handed over by systemd (sd_listen_fds(3)): name (FileDescriptorName=) and descriptor. Empty where not
// activated.
struct InheritedSocket {
  std::string name;
  int fd = -1;
};
[[nodiscard]] std::vector<InheritedSocket> inherited_sockets();

}  // namespace al::net
