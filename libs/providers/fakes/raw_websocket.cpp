#include "providers/fakes/raw_websocket.h"

#include <array>
#include <span>

namespace al::providers {

RawWebSocket::RawWebSocket(const RawRequest& request, RawConnection& connection)
    : request_(request),
      connection_(connection),
      decoder_({.max_message = std::size_t{1} << 20, .allow_binary = true}) {}

bool RawWebSocket::accept() {
  connection_.end();  // nothing but frames from here on
  const auto key = net::find_header(request_.headers, "sec-websocket-key");
  if (!net::header_has_token(request_.headers, "upgrade", "websocket") || !key) {
    send_response(connection_, 426, {}, "");
    return false;
  }
  return connection_.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
      net::accept_key(*key) + "\r\n\r\n");
}

RawWebSocket::Wait RawWebSocket::next(Duration delay, Message& message) {
  const Timestamp deadline = monotonic_now() + delay;
  while (true) {
    std::size_t consumed = 0;
    const std::span<std::uint8_t> data(reinterpret_cast<std::uint8_t*>(buffer_.data()), buffer_.size());
    const auto event = decoder_.next(data, consumed);
    if (decoder_.violation()) {
      close(decoder_.violation()->close_code, decoder_.violation()->reason);
      return Wait::kOver;
    }
    if (event) {
      const net::WsOpcode opcode = event->opcode;
      std::string payload(event->payload);
      const std::uint16_t code = event->close_code;
      buffer_.erase(0, consumed);
      if (opcode == net::WsOpcode::kClose) {
        close(code == net::ws_close::kNoStatus ? net::ws_close::kNormal : code, "");
        return Wait::kOver;
      }
      if (opcode == net::WsOpcode::kPing) send_frame(net::WsOpcode::kPong, payload);
      if (opcode != net::WsOpcode::kText && opcode != net::WsOpcode::kBinary) continue;
      message = {.opcode = opcode, .payload = std::move(payload)};
      return Wait::kMessage;
    }
    buffer_.erase(0, consumed);
    const Duration left = deadline - monotonic_now();
    if (left <= Duration::zero()) return Wait::kTimeout;
    if (!connection_.receive_for(buffer_, left)) return Wait::kOver;
  }
}

bool RawWebSocket::send_frame(net::WsOpcode opcode, std::string_view payload) {
  std::array<std::uint8_t, net::kMaxServerHeader> header{};
  const std::size_t size = net::write_frame_header(header, opcode, payload.size());
  std::string bytes(reinterpret_cast<const char*>(header.data()), size);
  return connection_.send(bytes.append(payload));
}

bool RawWebSocket::send_text(std::string_view text) {
  return send_frame(net::WsOpcode::kText, text);
}

bool RawWebSocket::send_text_in_bytes(std::string_view text) {
  std::array<std::uint8_t, net::kMaxServerHeader> header{};
  const std::size_t size = net::write_frame_header(header, net::WsOpcode::kText, text.size());
  std::string bytes(reinterpret_cast<const char*>(header.data()), size);
  bytes.append(text);
  for (const char c : bytes) {
    if (!connection_.send(std::string_view(&c, 1))) return false;
  }
  return true;
}

void RawWebSocket::close(std::uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  send_frame(net::WsOpcode::kClose, payload.append(reason));
}

}  // namespace al::providers
