// The store from a thread that must not wait: a worker thread, two bounded queues, deadlines.
//
//   ask()    an answer is wanted, by a deadline: a webhook that waits at most 50 ms, then answers without.
//   write()  no answer is wanted, but it must happen: repeated while the database is locked or away, in order.
//
// Thread-safe. Callbacks run on the store's own threads and must only post to the strand that asked. Asks go before
// writes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/time.h"
#include "store/store.h"

namespace al::store {

// The database is locked or away: the same may succeed a moment later.
[[nodiscard]] inline bool is_temporary(const Error& error) {
  return error.code == Errc::kTimeout || error.code == Errc::kClosed;
}

struct AsyncStoreOptions {
  std::size_t max_asks = 1000;
  std::size_t max_writes = 10000;           // STORE_QUEUE
  Duration retry_first = milliseconds{50};  // doubles up to retry_longest
  Duration retry_longest = milliseconds{2000};
  Duration write_max_age = std::chrono::minutes{10};  // then it is dropped, logged and counted
  Duration stop_wait = seconds{5};                    // how long stop() goes on writing what is queued
};

struct AsyncStoreStats {
  std::uint64_t asks = 0;
  std::uint64_t asks_late = 0;  // answered with kTimeout because their deadline passed
  std::uint64_t writes = 0;
  std::uint64_t writes_retried = 0;
  std::uint64_t writes_dropped = 0;  // too old, refused because the queue was full, or failed for good
  std::size_t queued_asks = 0;
  std::size_t queued_writes = 0;
  bool degraded = false;  // the last operation failed with a temporary error
  Duration running{0};    // since when the operation of now has been going on; 0 = none
  Duration usual{0};      // what an operation takes, lately
};

class AsyncStore {
 public:
  using Write = std::function<Result<void>(Store&)>;

  AsyncStore(std::unique_ptr<Store> store, AsyncStoreOptions options = {});
  ~AsyncStore();  // stop()
  AsyncStore(const AsyncStore&) = delete;
  AsyncStore& operator=(const AsyncStore&) = delete;

  // `operation` runs on the worker and its result goes to `done`, which is called exactly once: with kTimeout as soon
  // as `wait` is over, with kRateLimited at once (from this call) when the queue is full, with kClosed after stop(). An
  // operation whose deadline passed before it began is not run; one that had begun finishes, and its result goes to
  // `late` if given.
  template <typename T>
  void ask(std::function<Result<T>(Store&)> operation, Duration wait, std::function<void(Result<T>)> done,
           std::function<void(Result<T>)> late = {});

  // `name` is for the log. kRateLimited: the queue is full; kClosed: stopped.
  Result<void> write(std::string name, Write operation);

  // Takes nothing more, writes what is queued for at most stop_wait, ends the threads. Safe to call twice.
  void stop();
  [[nodiscard]] AsyncStoreStats stats() const;
  // Of the store behind it.
  [[nodiscard]] bool shared() const;
  [[nodiscard]] std::string description() const;

 private:
  struct State;
  // Whoever exchanges `answered` first gives the answer.
  struct Ticket {
    std::atomic<bool> answered{false};
    std::function<bool(Store&)> run;  // false: the store was locked or away
    std::function<void(Errc, const char*)> give_up;
  };
  void submit(std::shared_ptr<Ticket> ticket, Duration wait);
  std::shared_ptr<State> state_;
};

template <typename T>
void AsyncStore::ask(std::function<Result<T>(Store&)> operation, Duration wait, std::function<void(Result<T>)> done,
                     std::function<void(Result<T>)> late) {
  auto ticket = std::make_shared<Ticket>();
  ticket->run = [operation = std::move(operation), done, late = std::move(late),
                 weak = std::weak_ptr(ticket)](Store& store) {
    Result<T> result = operation(store);
    const bool away = !result && is_temporary(result.error());
    const auto self = weak.lock();
    if (self && !self->answered.exchange(true)) {
      done(std::move(result));
    } else if (late) {
      late(std::move(result));
    }
    return !away;
  };
  ticket->give_up = [done](Errc code, const char* why) { done(fail(code, why)); };
  submit(std::move(ticket), wait);
}

}  // namespace al::store
