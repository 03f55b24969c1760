// What WebSocket client and server share: close codes, results of sending, the reason why a connection ended (RFC
// 6455).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace al::net {

namespace ws_close {  // RFC 6455 7.4.1 and the IANA registry
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kUnsupportedData = 1003;
inline constexpr std::uint16_t kNoStatus = 1005;  // never on the wire: a close frame without a code
inline constexpr std::uint16_t kAbnormal = 1006;  // never on the wire: the connection ended without a close frame
inline constexpr std::uint16_t kInvalidPayload = 1007;
inline constexpr std::uint16_t kPolicyViolation = 1008;
inline constexpr std::uint16_t kMessageTooBig = 1009;
inline constexpr std::uint16_t kInternalError = 1011;
inline constexpr std::uint16_t kTryAgainLater = 1013;
}  // namespace ws_close

// May a peer put this code into a close frame? 1000-1003, 1007-1014, 3000-4999.
[[nodiscard]] bool is_valid_close_code(std::uint16_t code);

enum class SendResult {
  kSent,    // handed to the kernel
  kQueued,  // will follow; the peer or the network is slow
  kFull,    // the outbound queue is at its bound: the message was dropped and counted
  kClosed,  // closing or closed: the message was dropped
};

// Why and how a connection ended. `by_us`: we sent the first close frame or dropped the connection.
struct CloseInfo {
  std::uint16_t code = ws_close::kAbnormal;
  bool by_us = false;
  std::string reason;  // ours: static text ("unmasked frame"); theirs: as received, at most 123 bytes, untrusted
};

struct WsStats {
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t bytes_in = 0;  // on the wire, with framing
  std::uint64_t bytes_out = 0;
  std::uint64_t dropped_full = 0;  // messages refused with kFull
  std::size_t queued_bytes = 0;
  std::size_t queued_bytes_max = 0;
};

}  // namespace al::net
