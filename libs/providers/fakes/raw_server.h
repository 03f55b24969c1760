// An HTTP/1.1 server whose handlers decide every byte and its moment: the only way to drip, truncate and reset. One
// thread a connection, loopback only. For fakes; it is not hardened against strangers as net::HttpServer is.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "core/time.h"
#include "net/http_types.h"

namespace al::providers {

struct RawRequest {
  std::string method;
  std::string target;
  net::HttpHeaders headers;
  std::string body;
  [[nodiscard]] std::string path() const { return target.substr(0, target.find('?')); }
  [[nodiscard]] std::string query(std::string_view name) const;  // decoded; empty if absent
};

// One accepted connection, used by its own thread.
class RawConnection {
 public:
  RawConnection(int socket, int stop_event) : socket_(socket), stop_event_(stop_event) {}
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // Each returns false when the peer is gone or the server stops; the handler then returns.
  bool send(std::string_view bytes);
  bool wait(Duration delay);          // returns early, with false, when the peer closes
  bool receive(std::string& buffer);  // appends what arrives; waits for at least one byte
  // As receive, but gives up at `delay`: true with nothing appended.
  bool receive_for(std::string& buffer, Duration delay);

  void reset();  // TCP RST, as a crashing peer's kernel sends it
  void end();    // no further request on this connection
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  enum class Ready { kReadable, kTimeout, kGone };
  Ready poll_for(Duration delay, bool read);
  int socket_;
  int stop_event_;
  bool ended_ = false;
};

class RawServer {
 public:
  using Handler = std::function<void(const RawRequest&, RawConnection&)>;
  // Listens on 127.0.0.1, any free port. `open_connections` is kept up to date if given.
  explicit RawServer(Handler handler, std::atomic<int>* open_connections = nullptr);
  ~RawServer();  // stops and joins
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string origin(std::string_view scheme) const;  // "http://127.0.0.1:34567"

 private:
  struct Worker {
    std::thread thread;
    std::atomic<bool> finished{false};
  };
  void accept_loop();
  void serve(int socket);
  void reap(bool all);

  Handler handler_;
  std::atomic<int>* open_connections_;
  int listener_ = -1;
  int stop_event_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;  // guards workers_
  std::list<Worker> workers_;
  std::thread acceptor_;
};

// Adds "Content-Length" and sends a whole response.
bool send_response(RawConnection& connection, int status, const net::HttpHeaders& headers, std::string_view body);
// The head of a chunked response, one chunk, the end of the body.
bool send_chunked_head(RawConnection& connection, int status, const net::HttpHeaders& headers);
bool send_chunk(RawConnection& connection, std::string_view bytes);
bool send_last_chunk(RawConnection& connection);

}  // namespace al::providers
