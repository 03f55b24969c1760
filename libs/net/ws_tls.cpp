#include <boost/asio/write.hpp>

#include "net/ws_tls_impl.h"

namespace al::net {

using boost::system::error_code;

TlsWsSession::TlsWsSession(ServerLoop& server, const WsRoute& route, std::shared_ptr<WsHandler> handler,
                           std::unique_ptr<TlsStream> stream)
    : WsSession(server, route, std::move(handler)), stream_(std::move(stream)) {}

TlsWsSession::~TlsWsSession() = default;

bool TlsWsSession::start_transport() {
  read();
  return true;
}

void TlsWsSession::read() {
  stream_->async_read_some(boost::asio::buffer(in_), [self = self()](const error_code& error, std::size_t count) {
    if (self->closed_) return;
    const Timestamp now = monotonic_now();
    if (error) return self->peer_gone(now);
    self->received(std::span(self->in_).first(count), now);
    if (!self->closed_) self->read();
  });
}

// Takes everything when nothing is being written: one write in flight, the rest waits in the session's bounded queue.
std::ptrdiff_t TlsWsSession::write_some(std::span<const std::uint8_t> bytes) {
  if (closed_) return -1;
  if (writing_) return 0;
  writing_ = true;
  out_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  boost::asio::async_write(*stream_, boost::asio::buffer(out_), [self = self()](const error_code& error, std::size_t) {
    self->written(static_cast<bool>(error));
  });
  return static_cast<std::ptrdiff_t>(bytes.size());
}

void TlsWsSession::written(bool failed) {
  writing_ = false;
  if (closed_) return;
  if (failed) return peer_gone(monotonic_now());
  if (shut_down_) return shut_down_writing();
  if (wants_room_) flush();
}

void TlsWsSession::shut_down_writing() {
  shut_down_ = true;
  if (writing_ || closed_) return;  // when the write is done
  error_code ignored;
  stream_->next_layer().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
}

void TlsWsSession::close_transport() {
  if (closed_) return;
  closed_ = true;
  error_code ignored;
  if (!writing_) {
    stream_->next_layer().close(ignored);
    return;
  }
  // The close frame is still in the TLS layer: give it to the kernel first. The write's own operation holds us.
  stream_->next_layer().shutdown(boost::asio::ip::tcp::socket::shutdown_receive, ignored);
}

}  // namespace al::net
