#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ws_plain_impl.h"

namespace al::net {

PlainWsSession::PlainWsSession(ServerLoop& server, const WsRoute& route, std::shared_ptr<WsHandler> handler, int fd)
    : WsSession(server, route, std::move(handler)), fd_(fd) {}

PlainWsSession::~PlainWsSession() {
  PlainWsSession::close_transport();
}

bool PlainWsSession::start_transport() {
  return server_.loop.impl().watch(fd_, EPOLLIN, *this);
}

void PlainWsSession::on_ready(std::uint32_t epoll_events, Timestamp now) {
  if (fd_ < 0) return;  // ended earlier in this batch
  if ((epoll_events & EPOLLOUT) != 0) flush();
  if (fd_ < 0 || (epoll_events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return;
  // One read: what does not fit is reported again. Asking once more only to hear EAGAIN would cost a call a frame.
  std::uint8_t* const buffer = server_.loop.impl().read_buffer.get();
  const ssize_t count = ::recv(fd_, buffer, Loop::Impl::kReadBytes, MSG_DONTWAIT);
  if (count > 0) return received({buffer, static_cast<std::size_t>(count)}, now);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  peer_gone(now);
}

std::ptrdiff_t PlainWsSession::write_some(std::span<const std::uint8_t> bytes) {
  while (true) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) return count;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
  }
}

void PlainWsSession::wait_for_room(bool wanted) {
  if (wanted == waits_for_room_ || fd_ < 0) return;
  waits_for_room_ = wanted;
  const auto events = wanted ? static_cast<std::uint32_t>(EPOLLIN | EPOLLOUT) : static_cast<std::uint32_t>(EPOLLIN);
  server_.loop.impl().rewatch(fd_, events, *this);
}

void PlainWsSession::shut_down_writing() {
  (void)::shutdown(fd_, SHUT_WR);
}

void PlainWsSession::close_transport() {
  if (fd_ < 0) return;
  server_.loop.impl().unwatch(fd_);
  ::close(fd_);
  fd_ = -1;
}

}  // namespace al::net
