// A WebSocket connection to somebody else (ws or wss): provider sockets and the simulated Twilio. No compression.
// One connection, no reconnecting: whoever owns it decides what a loss means.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "net/http_types.h"
#include "net/loop.h"
#include "net/websocket.h"

namespace al::net {

struct WsClientOptions {
  std::string url;  // ws:// or wss://
  HttpHeaders headers;
  std::vector<std::string> subprotocols;  // offered in this order; empty = the header is not sent
  std::string extra_ca_file;  // PEM, in addition to the system's authorities; certificates are always verified
  milliseconds connect_timeout{5'000};             // name look-up, TCP, TLS and the upgrade together
  milliseconds close_timeout{1'000};               // how long to wait for the peer's close frame
  milliseconds ping_interval{0};                   // 0 = no pings of our own
  milliseconds idle_timeout{0};                    // nothing received for this long: closed with 1006; 0 = none
  std::size_t max_message = std::size_t{1} << 20;  // larger ones end the connection with 1009
  std::size_t max_queue_bytes = std::size_t{1} << 20;
};

struct WsOpened {
  std::string subprotocol;  // chosen by the peer; empty = none
  HttpHeaders headers;      // of the 101 response
  Duration took{};          // from connect() to here
};

// All calls come on the loop's thread, one at a time, and never from inside connect(). on_closed or on_failed is the
// last.
class WsClientSink {
 public:
  virtual ~WsClientSink() = default;
  virtual void on_open(const WsOpened& opened) = 0;
  virtual void on_text(std::string_view text) = 0;  // valid UTF-8, whole message
  virtual void on_binary(std::span<const std::uint8_t> data) = 0;
  virtual void on_closed(const CloseInfo& info) = 0;
  // It never opened. kRejected: an answer other than 101 (`http_status` tells; 0 = none came), a subprotocol that was
  // not offered, or a certificate that does not verify; kTimeout; kClosed: refused, reset, no such host; kMalformed:
  // bad URL.
  virtual void on_failed(const Error& error, int http_status) = 0;
};

// Thread-safe: calls are posted to the loop. Destroying it drops the connection; after the destructor has returned on
// the loop's thread, the sink is not called again. Destroyed on another thread, a call that is running may still
// finish.
class WebSocketClient {
 public:
  static std::unique_ptr<WebSocketClient> connect(Loop& loop, WsClientOptions options,
                                                  std::shared_ptr<WsClientSink> sink);
  ~WebSocketClient();
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  // Before on_open, messages wait in the queue. kFull where max_queue_bytes would be passed: the message is dropped.
  SendResult send_text(std::string_view text);
  SendResult send_binary(std::span<const std::uint8_t> data);
  void close(std::uint16_t code = ws_close::kNormal, std::string_view reason = {});  // after what is queued
  void abort();  // drops the TCP connection without a close frame, as a dying peer does (tests, simulated faults)
  [[nodiscard]] WsStats stats() const;

  class Impl;

 private:
  explicit WebSocketClient(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace al::net
