// RFC 6455 framing without I/O: a decoder for what a client sends to a server, and the header of what a server sends.
// The decoder works in place on the caller's buffer (unmasking overwrites it) and copies only messages that arrive in
// fragments. It enforces: masks present, RSV bits zero, known opcodes, control frames whole and at most 125 bytes, a
// size limit on messages, valid UTF-8 in text and close reasons, valid close codes. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/websocket.h"

namespace al::net {

enum class WsOpcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

// A whole text message or a control frame. `payload` points into the decoded buffer or into the decoder: it is valid
// until the next call of next().
struct WsEvent {
  WsOpcode opcode = WsOpcode::kText;
  std::string_view payload;                        // kText, kPing, kPong; for kClose the reason
  std::uint16_t close_code = ws_close::kNoStatus;  // kClose
};

struct WsViolation {
  std::uint16_t close_code = ws_close::kProtocolError;
  std::string_view reason;  // static text
};

class WsDecoder {
 public:
  struct Limits {
    std::size_t max_message = std::size_t{64} << 10;
    bool allow_binary = false;  // else 1003
  };
  explicit WsDecoder(Limits limits) : limits_(limits) {}

  // Decodes the next event of `data`, starting at its front. Advances `consumed` past what was used. nullopt: more
  // bytes are needed (keep data from `consumed` on and call again with more), or violation() is set and decoding is
  // over.
  std::optional<WsEvent> next(std::span<std::uint8_t> data, std::size_t& consumed);
  [[nodiscard]] const std::optional<WsViolation>& violation() const { return violation_; }
  // The most bytes that a frame under way may need, counted from its first byte; 0 = its header is not known yet.
  [[nodiscard]] std::size_t wanted() const { return wanted_; }

 private:
  struct Header;
  std::optional<Header> read_header(std::span<const std::uint8_t> data);
  std::optional<WsEvent> finish_data_frame(const Header& header, std::string_view payload);
  std::optional<WsEvent> finish_control_frame(const Header& header, std::string_view payload);
  void violate(std::uint16_t code, std::string_view reason) { violation_ = WsViolation{code, reason}; }

  static constexpr std::size_t kKeptCapacity = 4'096;  // of the fragment buffer, between messages

  Limits limits_;
  WsOpcode opcode_ = WsOpcode::kText;  // of the message under way
  std::string message_;                // fragments collected so far
  bool in_message_ = false;
  bool deliver_message_ = false;  // message_ was given out by the last event: clear it first
  std::size_t wanted_ = 0;
  std::optional<WsViolation> violation_;
};

// Header of an unmasked, unfragmented frame; returns its size (2, 4 or 10 bytes).
inline constexpr std::size_t kMaxServerHeader = 10;
std::size_t write_frame_header(std::span<std::uint8_t, kMaxServerHeader> out, WsOpcode opcode,
                               std::size_t payload_size);

// XORs `data` with the 4 mask bytes, which begin at data[0] (RFC 6455 5.3).
void unmask(std::span<std::uint8_t> data, std::array<std::uint8_t, 4> mask);

// base64(SHA-1(key + GUID)), RFC 6455 4.2.2
[[nodiscard]] std::string accept_key(std::string_view sec_websocket_key);
// 16 bytes in base64?
[[nodiscard]] bool is_valid_websocket_key(std::string_view sec_websocket_key);

}  // namespace al::net
