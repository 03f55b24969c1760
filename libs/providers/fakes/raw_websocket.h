// The server's side of a WebSocket over a RawConnection, one message at a time. For fakes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/ws_frame.h"
#include "providers/fakes/raw_server.h"

namespace al::providers {

class RawWebSocket {
 public:
  RawWebSocket(const RawRequest& request, RawConnection& connection);

  // Answers the upgrade; false if the request is none.
  bool accept();

  struct Message {
    net::WsOpcode opcode = net::WsOpcode::kText;  // kText or kBinary
    std::string payload;
  };
  enum class Wait { kMessage, kTimeout, kOver };
  // The next message within `delay`. Pings are answered; a close frame is answered and ends it.
  Wait next(Duration delay, Message& message);

  bool send_text(std::string_view text);
  bool send_text_in_bytes(std::string_view text);  // one TCP segment a byte
  bool send_raw(std::string_view bytes) { return connection_.send(bytes); }
  void close(std::uint16_t code, std::string_view reason);
  RawConnection& connection() { return connection_; }

 private:
  bool send_frame(net::WsOpcode opcode, std::string_view payload);
  const RawRequest& request_;
  RawConnection& connection_;
  net::WsDecoder decoder_;
  std::string buffer_;
};

}  // namespace al::providers
