#include "net/connection.h"

#include <vector>

#include "net/loop_impl.h"

namespace al::net {

Connection::~Connection() {
  leave_waiting_list();
}

void Connection::enter_waiting_list() {
  if (is_waiting_) return;
  waiting_ = server_.waiting.insert(server_.waiting.end(), this);
  is_waiting_ = true;
  server_.counters.unauthenticated.fetch_add(1, std::memory_order_relaxed);
}

void Connection::leave_waiting_list() {
  if (!is_waiting_) return;
  server_.waiting.erase(waiting_);
  is_waiting_ = false;
  server_.counters.unauthenticated.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::forget() {
  leave_waiting_list();
  const auto found = server_.connections.find(this);
  if (found == server_.connections.end()) return;
  server_.loop.impl().retire(std::move(found->second));
  server_.connections.erase(found);
}

void ServerLoop::add(std::shared_ptr<Connection> connection) {
  Connection* const key = connection.get();
  connections.emplace(key, std::move(connection));
  evict();
}

void ServerLoop::evict() {
  while (waiting.size() > waiting_limit) {
    counters.evicted.fetch_add(1, std::memory_order_relaxed);
    Connection* const oldest = waiting.front();
    oldest->leave_waiting_list();
    oldest->drop();
  }
}

// drop() and finish() change the map: work on a copy.
void ServerLoop::close_all_websockets(std::uint16_t code) {
  stopping = true;
  closing_code = code;
  const auto copy = connections;
  for (const auto& [key, connection] : copy) connection->finish(code);
}

void ServerLoop::drop_all() {
  const auto copy = connections;
  for (const auto& [key, connection] : copy) connection->drop();
}

}  // namespace al::net
