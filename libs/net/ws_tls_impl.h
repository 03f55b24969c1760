// A WebSocket session inside TLS: the same framing, moved by Asio's asynchronous reads and writes.
#pragma once

#include <array>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "net/ws_session.h"

namespace al::net {

using TlsStream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

class TlsWsSession final : public WsSession {
 public:
  TlsWsSession(ServerLoop& server, const WsRoute& route, std::shared_ptr<WsHandler> handler,
               std::unique_ptr<TlsStream> stream);
  ~TlsWsSession() override;

 private:
  bool start_transport() override;
  std::ptrdiff_t write_some(std::span<const std::uint8_t> bytes) override;
  void wait_for_room(bool wanted) override { wants_room_ = wanted; }
  void shut_down_writing() override;
  void close_transport() override;

  void read();
  void written(bool failed);
  std::shared_ptr<TlsWsSession> self() { return std::static_pointer_cast<TlsWsSession>(shared_from_this()); }

  std::unique_ptr<TlsStream> stream_;
  std::array<std::uint8_t, 4'096> in_{};
  std::string out_;  // what is being written
  bool writing_ = false;
  bool wants_room_ = false;
  bool shut_down_ = false;
  bool closed_ = false;
};

}  // namespace al::net
