// A WebSocket session on a plain TCP socket: the media path. The descriptor sits in the loop's own epoll set; a frame
// costs one recv, and one send goes out in one call.
#pragma once

#include <memory>

#include "net/loop_impl.h"
#include "net/ws_session.h"

namespace al::net {

class PlainWsSession final : public WsSession, private ReadyTarget {
 public:
  // Takes over `fd`, which must be connected and non-blocking.
  PlainWsSession(ServerLoop& server, const WsRoute& route, std::shared_ptr<WsHandler> handler, int fd);
  ~PlainWsSession() override;

 private:
  bool start_transport() override;
  std::ptrdiff_t write_some(std::span<const std::uint8_t> bytes) override;
  void wait_for_room(bool wanted) override;
  void shut_down_writing() override;
  void close_transport() override;
  void on_ready(std::uint32_t epoll_events, Timestamp now) override;

  int fd_;
  bool waits_for_room_ = false;
};

}  // namespace al::net
