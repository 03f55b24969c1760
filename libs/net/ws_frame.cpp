#include "net/ws_frame.h"

#include <cstring>

#include "core/secret.h"
#include "core/utf8.h"

namespace al::net {

bool is_valid_close_code(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  if (code < 1000 || code > 1014) return false;
  return code != 1004 && code != ws_close::kNoStatus && code != ws_close::kAbnormal;
}

void unmask(std::span<std::uint8_t> data, std::array<std::uint8_t, 4> mask) {
  std::uint32_t key32 = 0;
  std::memcpy(&key32, mask.data(), sizeof key32);
  const std::uint64_t key = (std::uint64_t{key32} << 32) | key32;  // the same word twice, whatever the byte order
  std::uint8_t* at = data.data();
  std::size_t left = data.size();
  for (; left >= sizeof key; at += sizeof key, left -= sizeof key) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    word ^= key;
    std::memcpy(at, &word, sizeof word);
  }
  for (std::size_t i = 0; i < left; ++i) at[i] = static_cast<std::uint8_t>(at[i] ^ mask[i % 4]);
}

namespace {

// Media messages are ASCII: eight bytes a step, the full check only from the first other byte on.
bool is_utf8(std::string_view text) {
  while (text.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    if ((word & 0x8080808080808080ULL) != 0) return is_valid_utf8(text);
    text.remove_prefix(sizeof word);
  }
  return is_valid_utf8(text);
}

constexpr std::size_t kMaskBytes = 4;
constexpr std::size_t kMaxControlPayload = 125;

bool is_control(WsOpcode opcode) {
  return static_cast<std::uint8_t>(opcode) >= 8;
}

bool is_known(WsOpcode opcode) {
  const auto value = static_cast<std::uint8_t>(opcode);
  return value <= 2 || (value >= 8 && value <= 10);
}

std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

struct WsDecoder::Header {
  WsOpcode opcode = WsOpcode::kText;
  bool fin = true;
  std::size_t size = 0;     // of the header, with the mask
  std::size_t payload = 0;  // bytes that follow
};

// nullopt: more bytes are needed, or violated. Every rule is checked as early as its bytes are there, so that a frame
// that claims 2^63 bytes is refused by its header.
std::optional<WsDecoder::Header> WsDecoder::read_header(std::span<const std::uint8_t> data) {
  if (data.size() < 2) return std::nullopt;
  Header header;
  header.opcode = static_cast<WsOpcode>(data[0] & 0x0F);
  header.fin = (data[0] & 0x80) != 0;
  const std::uint8_t length = data[1] & 0x7F;
  if ((data[0] & 0x70) != 0) return violate(ws_close::kProtocolError, "reserved bit set"), std::nullopt;
  if (!is_known(header.opcode)) return violate(ws_close::kProtocolError, "unknown opcode"), std::nullopt;
  if ((data[1] & 0x80) == 0) return violate(ws_close::kProtocolError, "unmasked frame"), std::nullopt;
  if (is_control(header.opcode)) {
    if (!header.fin) return violate(ws_close::kProtocolError, "fragmented control frame"), std::nullopt;
    if (length > kMaxControlPayload) return violate(ws_close::kProtocolError, "long control frame"), std::nullopt;
  } else if (header.opcode == WsOpcode::kContinuation) {
    if (!in_message_) return violate(ws_close::kProtocolError, "continuation without a beginning"), std::nullopt;
  } else {
    if (in_message_) return violate(ws_close::kProtocolError, "message inside a message"), std::nullopt;
    if (header.opcode == WsOpcode::kBinary && !limits_.allow_binary)
      return violate(ws_close::kUnsupportedData, "binary message"), std::nullopt;
  }
  const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (data.size() < 2 + extra) return std::nullopt;
  std::uint64_t payload = length;
  if (extra != 0) {
    payload = 0;
    for (std::size_t i = 0; i < extra; ++i) payload = (payload << 8) | data[2 + i];
    if (payload >> 63 != 0) return violate(ws_close::kProtocolError, "length above 2^63"), std::nullopt;
    if (payload < 126 || (extra == 8 && payload <= 0xFFFF))
      return violate(ws_close::kProtocolError, "length not in its shortest form"), std::nullopt;
  }
  const std::size_t collected = header.opcode == WsOpcode::kContinuation ? message_.size() : 0;
  if (!is_control(header.opcode) && (payload > limits_.max_message || collected + payload > limits_.max_message))
    return violate(ws_close::kMessageTooBig, "message too big"), std::nullopt;
  header.size = 2 + extra + kMaskBytes;
  header.payload = static_cast<std::size_t>(payload);
  return header;
}

std::optional<WsEvent> WsDecoder::finish_data_frame(const Header& header, std::string_view payload) {
  const bool whole = header.fin && header.opcode != WsOpcode::kContinuation;
  if (!whole) {
    message_.append(payload);
    if (header.opcode != WsOpcode::kContinuation) opcode_ = header.opcode;
    in_message_ = !header.fin;
    if (!header.fin) return std::nullopt;
    deliver_message_ = true;
    payload = message_;
  } else {
    opcode_ = header.opcode;
  }
  if (opcode_ == WsOpcode::kText && !is_utf8(payload))
    return violate(ws_close::kInvalidPayload, "text is not UTF-8"), std::nullopt;
  return WsEvent{opcode_, payload, ws_close::kNoStatus};
}

std::optional<WsEvent> WsDecoder::finish_control_frame(const Header& header, std::string_view payload) {
  if (header.opcode != WsOpcode::kClose || payload.empty()) return WsEvent{header.opcode, payload, ws_close::kNoStatus};
  if (payload.size() == 1) return violate(ws_close::kProtocolError, "close frame of one byte"), std::nullopt;
  const auto code =
      static_cast<std::uint16_t>((static_cast<std::uint8_t>(payload[0]) << 8) | static_cast<std::uint8_t>(payload[1]));
  payload.remove_prefix(2);
  if (!is_valid_close_code(code)) return violate(ws_close::kProtocolError, "invalid close code"), std::nullopt;
  if (!is_utf8(payload)) return violate(ws_close::kInvalidPayload, "close reason is not UTF-8"), std::nullopt;
  return WsEvent{WsOpcode::kClose, payload, code};
}

std::optional<WsEvent> WsDecoder::next(std::span<std::uint8_t> data, std::size_t& consumed) {
  if (deliver_message_) {
    message_.clear();
    if (message_.capacity() > kKeptCapacity) message_.shrink_to_fit();
    deliver_message_ = false;
  }
  while (!violation_) {
    const std::span<std::uint8_t> rest = data.subspan(consumed);
    wanted_ = 0;
    const std::optional<Header> header = read_header(rest);
    if (!header) break;
    if (rest.size() < header->size + header->payload) {
      wanted_ = header->size + header->payload;
      break;
    }
    std::array<std::uint8_t, kMaskBytes> mask{};
    std::memcpy(mask.data(), rest.data() + header->size - kMaskBytes, kMaskBytes);
    const std::span<std::uint8_t> payload = rest.subspan(header->size, header->payload);
    unmask(payload, mask);
    consumed += header->size + header->payload;
    std::optional<WsEvent> event = is_control(header->opcode) ? finish_control_frame(*header, as_text(payload))
                                                              : finish_data_frame(*header, as_text(payload));
    if (event) return event;
  }
  return std::nullopt;
}

std::size_t write_frame_header(std::span<std::uint8_t, kMaxServerHeader> out, WsOpcode opcode,
                               std::size_t payload_size) {
  out[0] = static_cast<std::uint8_t>(0x80U | static_cast<std::uint8_t>(opcode));
  if (payload_size <= kMaxControlPayload) {
    out[1] = static_cast<std::uint8_t>(payload_size);
    return 2;
  }
  const std::size_t bytes = payload_size <= 0xFFFF ? 2 : 8;
  out[1] = bytes == 2 ? 126 : 127;
  for (std::size_t i = 0; i < bytes; ++i)
    out[2 + i] = static_cast<std::uint8_t>(std::uint64_t{payload_size} >> (8 * (bytes - 1 - i)));
  return 2 + bytes;
}

std::string accept_key(std::string_view sec_websocket_key) {
  std::string text(sec_websocket_key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  return base64_encode(as_bytes(sha1(text)));
}

bool is_valid_websocket_key(std::string_view key) {
  // 16 bytes are 22 digits and "=="; of the 22nd digit only the upper two bits count.
  if (key.size() != 24 || !key.ends_with("==")) return false;
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.substr(0, 22).find_first_not_of(kDigits) == std::string_view::npos;
}

}  // namespace al::net
