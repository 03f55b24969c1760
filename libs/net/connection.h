// What the server keeps about each of its connections, HTTP or WebSocket, and where: one ServerLoop a loop, touched on
// that loop's thread only, so that nothing here needs a lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>

#include "net/http_server.h"
#include "net/loop.h"

namespace al::net {

struct ServerLoop;

// Counters of a server, shared by its loops.
struct ServerCounters {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> evicted{0};
  std::atomic<std::uint64_t> timeouts{0};
  std::atomic<std::uint64_t> open_http{0};
  std::atomic<std::uint64_t> open_websockets{0};
  std::atomic<std::uint64_t> unauthenticated{0};
  std::atomic<std::uint64_t> ws_opened{0};
  std::atomic<std::uint64_t> ws_dropped_messages{0};
  std::array<std::atomic<std::uint64_t>, 6> by_status_class{};
};

// Owned by its ServerLoop (and by its own pending operations). All calls on the loop's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(ServerLoop& server) : server_(server) {}
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual void drop() = 0;                                // at once, without a word
  virtual void finish(std::uint16_t websocket_code) = 0;  // WebSocket: close; HTTP: after the answer under way
  virtual void stop_keeping_alive() = 0;                  // HTTP: no further request; WebSocket: nothing

 protected:
  // In the list of those that can be dropped for a newcomer (ServerLimits::max_unauthenticated).
  void enter_waiting_list();
  void leave_waiting_list();
  void forget();  // the server's reference is given up, when the loop's batch is over

  ServerLoop& server_;

 private:
  friend struct ServerLoop;
  std::list<Connection*>::iterator waiting_;
  bool is_waiting_ = false;
};

struct ServerLoop {
  ServerLoop(Loop& loop_in, const ServerLimits& limits_in, std::size_t waiting_limit_in, ServerCounters& counters_in)
      : loop(loop_in), limits(limits_in), waiting_limit(waiting_limit_in), counters(counters_in) {}

  void add(std::shared_ptr<Connection> connection);
  // Makes room: drops those that have waited longest while the list is over its bound.
  void evict();
  void close_all_websockets(std::uint16_t code);
  void drop_all();

  Loop& loop;
  const ServerLimits& limits;
  const std::size_t waiting_limit;
  ServerCounters& counters;
  bool stopping = false;                      // no connection is kept for another request
  std::optional<std::uint16_t> closing_code;  // WebSockets are closed with it, also those that are just opening
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;
  std::list<Connection*> waiting;  // oldest first
};

}  // namespace al::net
