#include "net/http_server.h"

#include <cstdlib>
#include <mutex>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <netinet/tcp.h>
#include <systemd/sd-daemon.h>

#include "core/log.h"
#include "net/connection.h"
#include "net/http_session_impl.h"
#include "net/loop_impl.h"

namespace al::net {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

namespace {

constexpr milliseconds kNoDescriptorsPause{100};
constexpr milliseconds kStopPoll{20};
// Data that nobody acknowledges for this long means that the peer is gone: half-open connections of dead hosts.
constexpr int kUnacknowledgedMs = 5'000;

std::string place(const ListenSpec& spec) {
  if (spec.inherited_fd >= 0) return "inherited socket " + std::to_string(spec.inherited_fd);
  return spec.address + ":" + std::to_string(spec.port);
}

Result<std::shared_ptr<asio::ssl::context>> make_tls(const TlsFiles& files) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code error;
  context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  context->use_certificate_chain_file(files.certificate_chain, error);
  if (error) return fail(Errc::kMalformed, "certificate " + files.certificate_chain + ": " + error.message());
  context->use_private_key_file(files.private_key, asio::ssl::context::pem, error);
  if (error) return fail(Errc::kMalformed, "private key " + files.private_key + ": " + error.message());
  if (SSL_CTX_check_private_key(context->native_handle()) != 1)
    return fail(Errc::kMalformed, "private key " + files.private_key + " does not belong to the certificate");
  return context;
}

void set_socket_options(Tcp::socket& socket) {
  error_code ignored;
  socket.set_option(Tcp::no_delay(true), ignored);
  (void)setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &kUnacknowledgedMs, sizeof kUnacknowledgedMs);
}

}  // namespace

// One listening socket. Lives on the first loop; hands connections to all of them in turn.
struct Listener : std::enable_shared_from_this<Listener> {
  Listener(HttpServer::Impl& server_in, Loop& loop, std::shared_ptr<const ListenerContext> context_in)
      : server(server_in),
        context(std::move(context_in)),
        acceptor(loop.impl().io),
        pause(loop, [this](Timestamp) { accept(); }) {}

  Result<void> open(const ListenSpec& spec);
  void accept();
  void accepted(Tcp::socket socket, ServerLoop& target);

  HttpServer::Impl& server;
  std::shared_ptr<const ListenerContext> context;
  Tcp::acceptor acceptor;
  Timer pause;
  std::uint16_t port = 0;
};

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(std::vector<Loop*> loops_in, ServerLimits limits_in) : limits(limits_in) {
    const std::size_t share = std::max<std::size_t>(limits.max_unauthenticated / loops_in.size(), 1);
    for (Loop* loop : loops_in) loops.push_back(std::make_unique<ServerLoop>(*loop, limits, share, counters));
  }

  ServerLoop& next_loop() { return *loops[next++ % loops.size()]; }
  Loop& first() { return loops.front()->loop; }
  [[nodiscard]] std::uint64_t open_connections() const {
    return counters.open_http.load(std::memory_order_relaxed) +
           counters.open_websockets.load(std::memory_order_relaxed);
  }
  void close_listeners();
  void wait_until_empty(Timestamp give_up, bool dropped, std::function<void()> done);

  const ServerLimits limits;
  ServerCounters counters;
  std::vector<std::unique_ptr<ServerLoop>> loops;
  std::size_t next = 0;  // used on the first loop only
  mutable std::mutex mutex;
  std::vector<std::shared_ptr<Listener>> listeners;  // guarded
  std::unique_ptr<Timer> stop_timer;
};

Result<void> Listener::open(const ListenSpec& spec) {
  error_code error;
  if (spec.inherited_fd >= 0) {
    const bool v6 = sd_is_socket_inet(spec.inherited_fd, AF_INET6, SOCK_STREAM, 1, 0) > 0;
    const bool v4 = sd_is_socket_inet(spec.inherited_fd, AF_INET, SOCK_STREAM, 1, 0) > 0;
    if (!v4 && !v6) return fail(Errc::kMalformed, place(spec) + " is not a listening TCP socket");
    acceptor.assign(v6 ? Tcp::v6() : Tcp::v4(), spec.inherited_fd, error);
  } else {
    const asio::ip::address address = asio::ip::make_address(spec.address, error);
    if (error) return fail(Errc::kMalformed, "'" + spec.address + "' is not an IP address");
    const Tcp::endpoint endpoint(address, spec.port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) return fail(Errc::kRejected, "cannot listen on " + place(spec) + ": " + error.message());
  acceptor.non_blocking(true, error);
  port = acceptor.local_endpoint(error).port();
  return {};
}

void Listener::accept() {
  if (!acceptor.is_open()) return;
  ServerLoop& target = server.next_loop();
  acceptor.async_accept(
      target.loop.impl().io, [self = shared_from_this(), &target](const error_code& error, Tcp::socket socket) {
        if (error == asio::error::operation_aborted) return;
        if (error == asio::error::no_descriptors || error == error_code(ENFILE, asio::error::get_system_category())) {
          // Trying again at once would spin; live calls keep their descriptors meanwhile.
          log::error("ACCEPT_NO_DESCRIPTORS", {{"listener", self->context->name}});
          return self->pause.arm_after(kNoDescriptorsPause);
        }
        if (!error) self->accepted(std::move(socket), target);
        self->accept();
      });
}

void Listener::accepted(Tcp::socket socket, ServerLoop& target) {
  server.counters.accepted.fetch_add(1, std::memory_order_relaxed);
  if (server.open_connections() >= server.limits.max_connections) {
    server.counters.refused.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  set_socket_options(socket);
  if (target.loop.is_current()) return start_http_session(target, context, std::move(socket));
  auto moved = std::make_shared<Tcp::socket>(std::move(socket));
  target.loop.post([&target, listener = context, moved] { start_http_session(target, listener, std::move(*moved)); });
}

void HttpServer::Impl::close_listeners() {
  const std::lock_guard lock(mutex);
  for (const auto& listener : listeners) {
    error_code ignored;
    listener->pause.cancel();
    listener->acceptor.close(ignored);
  }
}

// Runs on the first loop. Asking every 20 ms is enough for something that happens once.
void HttpServer::Impl::wait_until_empty(Timestamp give_up, bool dropped, std::function<void()> done) {
  if (open_connections() == 0) return done();
  const Timestamp now = monotonic_now();
  if (now >= give_up && !dropped) {
    dropped = true;
    for (const auto& loop : loops) loop->loop.post([target = loop.get()] { target->drop_all(); });
  }
  stop_timer = std::make_unique<Timer>(first(), [this, give_up, dropped, done = std::move(done)](Timestamp) {
    // The callback replaces its own timer: the call is made from a turn of its own.
    first().post(
        [self = shared_from_this(), give_up, dropped, done] { self->wait_until_empty(give_up, dropped, done); });
  });
  stop_timer->arm(now + kStopPoll);
}

HttpServer::HttpServer(std::vector<Loop*> loops, ServerLimits limits)
    : impl_(std::make_shared<Impl>(std::move(loops), limits)) {}

HttpServer::~HttpServer() = default;

Result<void> HttpServer::listen(ListenSpec spec) {
  Result<RouteTable> table = RouteTable::build(std::move(spec.routes), std::move(spec.websockets));
  if (!table) return fail(table.error());
  auto context = std::make_shared<ListenerContext>(ListenerContext{spec.name, std::move(*table), nullptr});
  if (spec.tls) {
    Result<std::shared_ptr<asio::ssl::context>> tls = make_tls(*spec.tls);
    if (!tls) return fail(tls.error());
    context->tls = std::move(*tls);
  }
  auto listener = std::make_shared<Listener>(*impl_, impl_->first(), std::move(context));
  if (const Result<void> opened = listener->open(spec); !opened) return opened;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->listeners.push_back(listener);
  }
  impl_->first().post([listener] { listener->accept(); });
  return {};
}

std::uint16_t HttpServer::port_of(std::string_view listener) const {
  const std::lock_guard lock(impl_->mutex);
  for (const auto& candidate : impl_->listeners) {
    if (candidate->context->name == listener) return candidate->port;
  }
  return 0;
}

void HttpServer::stop_accepting() {
  impl_->first().post([impl = impl_] {
    impl->close_listeners();
    for (const auto& loop : impl->loops) {
      loop->loop.post([impl, target = loop.get()] {
        target->stopping = true;
        const auto copy = target->connections;
        for (const auto& [key, connection] : copy) connection->stop_keeping_alive();
      });
    }
  });
}

void HttpServer::stop(std::uint16_t code, milliseconds grace, std::function<void()> done) {
  impl_->first().post([impl = impl_, code, grace, done = std::move(done)] {
    impl->close_listeners();
    for (const auto& loop : impl->loops)
      loop->loop.post([impl, code, target = loop.get()] { target->close_all_websockets(code); });
    impl->wait_until_empty(monotonic_now() + grace, false, done);
  });
}

ServerStats HttpServer::stats() const {
  const ServerCounters& from = impl_->counters;
  ServerStats stats;
  stats.accepted = from.accepted.load();
  stats.refused = from.refused.load();
  stats.evicted = from.evicted.load();
  stats.timeouts = from.timeouts.load();
  stats.open_http = from.open_http.load();
  stats.open_websockets = from.open_websockets.load();
  stats.unauthenticated = from.unauthenticated.load();
  stats.ws_opened = from.ws_opened.load();
  stats.ws_dropped_messages = from.ws_dropped_messages.load();
  for (std::size_t i = 0; i < stats.by_status_class.size(); ++i)
    stats.by_status_class[i] = from.by_status_class[i].load();
  return stats;
}

std::vector<InheritedSocket> inherited_sockets() {
  char** names = nullptr;
  const int count = sd_listen_fds_with_names(0, &names);
  std::vector<InheritedSocket> sockets;
  for (int i = 0; i < count; ++i) {
    sockets.push_back({names != nullptr && names[i] != nullptr ? names[i] : "", SD_LISTEN_FDS_START + i});
    if (names != nullptr) std::free(names[i]);  // NOLINT: allocated by libsystemd with malloc
  }
  std::free(names);  // NOLINT
  return sockets;
}

}  // namespace al::net
