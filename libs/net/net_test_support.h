// For this room's tests: a server on a loop of its own, and a blocking client that speaks bytes, so that every wrong
// thing a stranger can send is sent exactly so.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "net/http_server.h"
#include "net/loop.h"
#include "net/websocket.h"

namespace al::net::test {

inline constexpr milliseconds kPatience{20'000};  // bound of every wait; nothing that works comes near it

// Waits for something that another thread makes true.
class Waiter {
 public:
  template <typename Change>
  void change(Change apply) {
    const std::lock_guard lock(mutex_);
    apply();
    changed_.notify_all();
  }
  template <typename Predicate>
  bool wait(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, predicate);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

struct WsFrame {
  int opcode = -1;
  std::string payload;
  bool fin = true;
  [[nodiscard]] int close_code() const;  // -1 = none in the frame
};

// A TCP connection to 127.0.0.1:port. Every wait is bounded by kPatience.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(std::string_view bytes);
  void shut_down_writing();
  void reset();                                                 // closes with RST
  std::optional<std::string> read_until(std::string_view end);  // inclusive; nullopt: the connection ended before
  std::string read_exactly(std::size_t count);                  // shorter where the connection ended
  std::string read_to_end();
  [[nodiscard]] bool ended();  // waits until the peer has closed

  // One response with Content-Length or without body: "HTTP/1.1 200 OK\r\n…" and the body.
  struct Response {
    int status = 0;
    std::string header;
    std::string body;
    [[nodiscard]] bool has(std::string_view line) const;  // a header line, case as written
  };
  Response read_response(bool head = false);
  Response request(std::string_view text, bool head = false);

  bool upgrade(std::string_view path, std::string_view extra_headers = {});
  std::optional<WsFrame> read_frame();
  // The code of the close frame that comes next (data and pongs before it are skipped); 1006 where none comes.
  int read_close_code();

 private:
  bool fill();
  int fd_ = -1;
  std::string buffer_;
};

// A frame as a client sends it; `mask` false, `fin` false, rsv bits and length forms as asked for.
struct FrameShape {
  int opcode = 1;
  bool fin = true;
  bool mask = true;
  int rsv = 0;
  int length_bytes = 0;                           // 0 = shortest; 2 or 8 force a longer form
  std::optional<std::uint64_t> claimed_length{};  // what the header says, whatever follows
};
std::string frame(std::string_view payload, FrameShape shape = {});
std::string close_payload(int code, std::string_view reason = {});

// Echoes text; records closes.
class EchoHandler final : public WsHandler {
 public:
  struct Log {
    Waiter waiter;
    int opened = 0;
    int closed = 0;
    std::vector<CloseInfo> closes;
  };
  explicit EchoHandler(Log& log, bool authenticate) : log_(log), authenticate_(authenticate) {}
  void on_open(WsConnection& connection, Timestamp now) override;
  void on_text(std::string_view text, Timestamp now) override;
  void on_closed(const CloseInfo& info, Timestamp now) override;

 private:
  Log& log_;
  bool authenticate_;
  WsConnection* connection_ = nullptr;
};

// A server on `loop_count` threads; stopped, and checked to be empty, on destruction.
class TestServer {
 public:
  explicit TestServer(ListenSpec spec, ServerLimits limits = {}, std::size_t loop_count = 1);
  ~TestServer();
  [[nodiscard]] std::uint16_t port() const { return server_->port_of("public"); }
  [[nodiscard]] HttpServer& server() { return *server_; }
  [[nodiscard]] Loop& loop() { return threads_.front()->loop(); }
  void stop();

 private:
  std::vector<std::unique_ptr<LoopThread>> threads_;
  std::unique_ptr<HttpServer> server_;
};

// Open descriptors of this process.
[[nodiscard]] std::size_t open_descriptors();

// A key and a self-signed certificate for localhost and 127.0.0.1 in a temporary folder that goes with it.
class TestCertificate {
 public:
  TestCertificate();
  ~TestCertificate();
  [[nodiscard]] std::string certificate() const { return folder_ + "/cert.pem"; }
  [[nodiscard]] std::string key() const { return folder_ + "/key.pem"; }

 private:
  std::string folder_;
};

}  // namespace al::net::test
