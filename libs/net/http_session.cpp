#include <exception>
#include <optional>

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>

#include "core/log.h"
#include "net/http_exchange_impl.h"
#include "net/http_session_impl.h"
#include "net/ws_plain_impl.h"
#include "net/ws_tls_impl.h"

namespace al::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Tcp = asio::ip::tcp;

constexpr std::size_t kReadChunk = 4'096;
constexpr milliseconds kLinger{1'000};  // for a client that is still sending what we refused
constexpr std::size_t kLingerBytes = std::size_t{256} << 10;

class ResponseTarget {
 public:
  virtual ~ResponseTarget() = default;
  virtual void complete(std::uint64_t exchange, HttpResponse response) = 0;
};

}  // namespace

struct Responder::State {
  State(Loop& loop_in, std::weak_ptr<ResponseTarget> target_in, std::uint64_t exchange_in)
      : loop(loop_in), target(std::move(target_in)), exchange(exchange_in) {}
  ~State() { deliver(HttpResponse::text(500, "Something went wrong here.\n")); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void deliver(HttpResponse response) {
    // A responder may outlive connection, server and loop: without the connection, none of them is touched.
    if (done.exchange(true) || target.expired()) return;
    if (loop.is_current()) {
      if (const auto alive = target.lock()) alive->complete(exchange, std::move(response));
      return;
    }
    loop.post([weak = target, id = exchange, answer = std::move(response)] {
      if (const auto alive = weak.lock()) alive->complete(id, answer);
    });
  }

  Loop& loop;
  std::weak_ptr<ResponseTarget> target;
  std::uint64_t exchange;
  std::atomic<bool> done{false};
};

void Responder::operator()(HttpResponse response) const {
  state_->deliver(std::move(response));
}

HttpHandler at_once(std::function<HttpResponse(const HttpRequest&)> handler) {
  return [handler = std::move(handler)](const HttpRequestPtr& request, const Responder& respond) {
    respond(handler(*request));
  };
}

namespace {

template <typename Stream>
class HttpSession final : public Connection, public ResponseTarget {
 public:
  HttpSession(ServerLoop& server, std::shared_ptr<const ListenerContext> listener, std::unique_ptr<Stream> stream)
      : Connection(server),
        listener_(std::move(listener)),
        stream_(std::move(stream)),
        buffer_(server.limits.max_header + kReadChunk),
        timer_(server.loop, [this](Timestamp) { on_timer(); }) {
    server_.counters.open_http.fetch_add(1, std::memory_order_relaxed);
    error_code ignored;
    const auto peer = socket().remote_endpoint(ignored);
    if (!ignored) peer_address_ = peer.address().to_string(), peer_port_ = peer.port();
  }
  ~HttpSession() override { server_.counters.open_http.fetch_sub(1, std::memory_order_relaxed); }

  void start() {
    enter_waiting_list();
    timer_.arm_after(server_.limits.header_timeout);
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      stream_->async_handshake(asio::ssl::stream_base::server, [self = self()](const error_code& error) {
        if (error) return self->drop();
        self->read_header();
      });
    } else {
      read_header();
    }
  }

  void drop() override {
    if (phase_ == Phase::kGone) return;
    phase_ = Phase::kGone;
    timer_.cancel();
    error_code ignored;
    if (stream_) socket().close(ignored);
    forget();
  }
  void finish(std::uint16_t) override { stop_keeping_alive(); }
  void stop_keeping_alive() override {
    if (phase_ == Phase::kIdle) drop();
  }
  void complete(std::uint64_t exchange, HttpResponse response) override {
    if (phase_ != Phase::kHandling || exchange != exchange_) return;
    answer(std::move(response));
  }

 private:
  enum class Phase { kIdle, kHeader, kBody, kHandling, kWriting, kLingering, kGone };

  std::shared_ptr<HttpSession> self() { return std::static_pointer_cast<HttpSession>(shared_from_this()); }
  Tcp::socket& socket() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      return stream_->next_layer();
    } else {
      return *stream_;
    }
  }

  // Between two requests: whoever has nothing to say gets the longer, idle limit; the header's limit starts with it.
  void wait_for_next() {
    enter_waiting_list();
    server_.evict();
    if (phase_ == Phase::kGone) return;
    if (buffer_.size() > 0) {
      timer_.arm_after(server_.limits.header_timeout);
      return read_header();
    }
    if (server_.stopping) return drop();
    phase_ = Phase::kIdle;
    timer_.arm_after(server_.limits.idle_timeout);
    stream_->async_read_some(buffer_.prepare(kReadChunk), [self = self()](const error_code& error, std::size_t count) {
      if (error) return self->drop();
      self->buffer_.commit(count);
      self->timer_.arm_after(self->server_.limits.header_timeout);
      self->read_header();
    });
  }

  void read_header() {
    if (phase_ == Phase::kGone) return;
    phase_ = Phase::kHeader;
    timed_out_ = false;
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(server_.limits.max_header));
    parser_->body_limit(boost::none);  // the route's limit, once the route is known
    http::async_read_header(*stream_, buffer_, *parser_,
                            [self = self()](const error_code& error, std::size_t) { self->header_read(error); });
  }

  void header_read(const error_code& error) {
    if (phase_ == Phase::kGone) return;
    style_ = {};
    if (error) return refuse(answer_to_error(error, timed_out_ && parser_->got_some()));
    request_ = std::make_shared<HttpRequest>(to_request(parser_->get()));
    request_->peer_address = peer_address_;
    request_->peer_port = peer_port_;
    request_->tls = std::is_same_v<Stream, TlsStream>;
    request_->listener = listener_->name;
    style_.http10 = parser_->get().version() == 10;
    style_.head = request_->method == "HEAD";
    style_.keep_alive = parser_->keep_alive() && ++requests_ < server_.limits.requests_per_connection;
    plan_ = plan_for(listener_->routes, *request_, *parser_);
    if (plan_.refuse) return refuse(std::move(plan_.refuse));
    request_->parameters = std::move(plan_.parameters);
    if (plan_.websocket != nullptr) return upgrade();
    parser_->body_limit(plan_.route->max_body);
    phase_ = Phase::kBody;
    timer_.arm_after(server_.limits.body_timeout);
    if (equals_ignoring_case(request_->header("Expect").value_or(""), "100-continue")) {
      out_ = "HTTP/1.1 100 Continue\r\n\r\n";
      asio::async_write(*stream_, asio::buffer(out_), [self = self()](const error_code& failed, std::size_t) {
        if (failed) return self->drop();
        self->read_body();
      });
      return;
    }
    read_body();
  }

  void read_body() {
    if (parser_->is_done()) return body_read({});
    http::async_read(*stream_, buffer_, *parser_,
                     [self = self()](const error_code& error, std::size_t) { self->body_read(error); });
  }

  void body_read(const error_code& error) {
    if (phase_ == Phase::kGone) return;
    if (error) return refuse(answer_to_error(error, timed_out_));
    request_->body = std::move(parser_->get().body());
    request_->received = monotonic_now();
    leave_waiting_list();
    phase_ = Phase::kHandling;
    ++exchange_;
    timer_.arm(request_->received + plan_.route->deadline);
    const std::weak_ptr<ResponseTarget> target = std::static_pointer_cast<ResponseTarget>(self());
    const Responder respond(std::make_shared<Responder::State>(server_.loop, target, exchange_));
    try {
      plan_.route->handler(request_, respond);
    } catch (const std::exception& thrown) {
      log::error("HTTP_HANDLER_EXCEPTION", {{"path", request_->path()}, {"what", thrown.what()}});
      respond(HttpResponse::text(500, "Something went wrong here.\n"));
    }
  }

  void refuse(std::optional<HttpResponse> response) {
    if (!response) return drop();
    answer(std::move(*response));
  }

  void answer(HttpResponse response) {
    phase_ = Phase::kWriting;
    if (response.close || server_.stopping) style_.keep_alive = false;
    const auto status_class = static_cast<std::size_t>(response.status / 100);
    if (status_class < server_.counters.by_status_class.size())
      server_.counters.by_status_class[status_class].fetch_add(1, std::memory_order_relaxed);
    write_response(out_, response, style_, wall_now());
    const auto patience = static_cast<std::int64_t>(out_.size() / server_.limits.min_write_rate);
    timer_.arm_after(server_.limits.body_timeout + seconds{patience});
    asio::async_write(*stream_, asio::buffer(out_),
                      [self = self()](const error_code& error, std::size_t) { self->written(error); });
  }

  void written(const error_code& error) {
    if (phase_ == Phase::kGone) return;
    if (error) return drop();
    if (out_.capacity() > kLingerBytes) out_ = {};
    request_.reset();
    if (style_.keep_alive) return wait_for_next();
    // Closing with unread bytes would reset the connection and could destroy the answer on its way.
    phase_ = Phase::kLingering;
    enter_waiting_list();
    timer_.arm_after(kLinger);
    error_code ignored;
    socket().shutdown(Tcp::socket::shutdown_send, ignored);
    discard(0);
  }

  void discard(std::size_t total) {
    if (total > kLingerBytes) return drop();
    buffer_.clear();
    socket().async_read_some(buffer_.prepare(kReadChunk),
                             [self = self(), total](const error_code& error, std::size_t n) {
                               if (error) return self->drop();
                               self->discard(total + n);
                             });
  }

  void on_timer() {
    switch (phase_) {
      case Phase::kHandling:
        log::warn("HTTP_DEADLINE", {{"path", request_->path()}});
        ++exchange_;
        return answer(plan_.route->on_deadline ? plan_.route->on_deadline(*request_)
                                               : HttpResponse::text(503, "This takes too long at the moment.\n"));
      case Phase::kHeader:
      case Phase::kBody: {
        // The read ends with an error and answers 408.
        server_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
        if (timed_out_) return drop();
        timed_out_ = true;
        timer_.arm_after(kLinger);
        error_code ignored;
        socket().cancel(ignored);
        return;
      }
      default:
        if (phase_ == Phase::kWriting) server_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
        return drop();
    }
  }

  // ---- WebSocket ----

  void upgrade() {
    WsDecision decision;
    try {
      decision = plan_.websocket->accept(*request_);
    } catch (const std::exception& thrown) {
      log::error("HTTP_HANDLER_EXCEPTION", {{"path", request_->path()}, {"what", thrown.what()}});
    }
    if (decision.refuse) return refuse(std::move(decision.refuse));
    if (!decision.handler) return refuse(HttpResponse::text(500, "Something went wrong here.\n"));
    if (!decision.subprotocol.empty() &&
        !header_has_token(request_->headers, "Sec-WebSocket-Protocol", decision.subprotocol)) {
      log::error("WS_SUBPROTOCOL_NOT_OFFERED", {{"subprotocol", decision.subprotocol}});
      decision.subprotocol.clear();
    }
    phase_ = Phase::kWriting;
    out_ = upgrade_response(*request_, decision.subprotocol);
    timer_.arm_after(server_.limits.header_timeout);
    asio::async_write(*stream_, asio::buffer(out_),
                      [self = self(), handler = std::move(decision.handler)](const error_code& error, std::size_t) {
                        self->upgraded(error, handler);
                      });
  }

  void upgraded(const error_code& error, const std::shared_ptr<WsHandler>& handler) {
    if (phase_ == Phase::kGone) return;
    if (error) return drop();
    timer_.cancel();
    server_.counters.by_status_class[1].fetch_add(1, std::memory_order_relaxed);
    std::shared_ptr<WsSession> session;
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      session = std::make_shared<TlsWsSession>(server_, *plan_.websocket, handler, std::move(stream_));
    } else {
      error_code failed;
      stream_->native_non_blocking(true, failed);
      const int fd = stream_->release(failed);
      if (failed) return drop();
      session = std::make_shared<PlainWsSession>(server_, *plan_.websocket, handler, fd);
    }
    phase_ = Phase::kGone;
    const auto early = buffer_.cdata();
    server_.add(session);
    session->keep(listener_);
    if (!session->open({static_cast<const char*>(early.data()), early.size()})) session->drop();
    if (server_.closing_code) session->finish(*server_.closing_code);  // stop() came while the 101 was on its way
    forget();
  }

  std::shared_ptr<const ListenerContext> listener_;
  std::unique_ptr<Stream> stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<BeastParser> parser_;
  Plan plan_;
  std::shared_ptr<HttpRequest> request_;
  ResponseStyle style_;
  std::string out_;
  std::string peer_address_;
  std::uint16_t peer_port_ = 0;
  std::uint64_t exchange_ = 0;
  int requests_ = 0;
  Phase phase_ = Phase::kHeader;
  bool timed_out_ = false;
  Timer timer_;
};

}  // namespace

void start_http_session(ServerLoop& server, std::shared_ptr<const ListenerContext> listener, Tcp::socket socket) {
  if (listener->tls) {
    auto stream = std::make_unique<TlsStream>(std::move(socket), *listener->tls);
    auto session = std::make_shared<HttpSession<TlsStream>>(server, std::move(listener), std::move(stream));
    server.add(session);
    session->start();
  } else {
    auto stream = std::make_unique<Tcp::socket>(std::move(socket));
    auto session = std::make_shared<HttpSession<Tcp::socket>>(server, std::move(listener), std::move(stream));
    server.add(session);
    session->start();
  }
}

}  // namespace al::net
