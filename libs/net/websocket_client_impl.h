// The inside of a WebSocketClient: what is the same for plain and TLS streams, and the queue. The stream itself is a
// template in websocket_client.cpp.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/websocket_client.h"

namespace al::net {

class WebSocketClient::Impl : public std::enable_shared_from_this<WebSocketClient::Impl> {
 public:
  Impl(Loop& loop, WsClientOptions options, std::shared_ptr<WsClientSink> sink);
  virtual ~Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  virtual void start() = 0;  // on the loop's thread
  SendResult send(std::string data, bool text);
  void close(std::uint16_t code, std::string reason);
  void abort();
  void orphan();  // the owner is gone: no more sink calls, drop the connection
  [[nodiscard]] WsStats stats() const;
  [[nodiscard]] Loop& loop() { return loop_; }

 protected:
  enum class State { kConnecting, kOpen, kClosing, kDone };
  struct Message {
    std::string data;
    bool text = true;
  };

  // ---- what the stream does; all on the loop's thread
  virtual void write_front() = 0;
  virtual void send_close(std::uint16_t code, const std::string& reason) = 0;
  virtual void send_ping() = 0;
  virtual void drop_socket() = 0;

  // ---- what the stream reports
  void opened(WsOpened info);
  void received(std::string_view data, bool text);
  void alive() { last_received_ = monotonic_now(); }
  void written();
  void failed(Error error, int http_status);
  void closed(CloseInfo info);
  void arm_connect_timer() { arm_timer(); }

  Loop& loop_;
  const WsClientOptions options_;
  std::deque<Message> queue_;
  State state_ = State::kConnecting;
  bool closing_by_us_ = false;

 private:
  void on_loop(std::function<void()> work);
  void next();
  void finish();
  void on_timer(Timestamp now);
  void arm_timer();

  std::shared_ptr<WsClientSink> sink_;  // loop's thread only; empty once the end was told
  std::optional<CloseInfo> close_wanted_;
  bool writing_ = false;
  Timer timer_;
  Timestamp started_{};
  Timestamp last_received_{};
  Timestamp next_ping_{};
  Timestamp close_deadline_{};

  std::atomic<bool> over_{false};
  std::atomic<std::size_t> queued_bytes_{0};
  mutable std::mutex stats_mutex_;
  WsStats stats_;
};

}  // namespace al::net
