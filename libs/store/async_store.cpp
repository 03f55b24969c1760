#include "store/async_store.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "core/log.h"

namespace al::store {
namespace {

using Steady = std::chrono::steady_clock;

// An error that does not pass by itself is tried so often before the write is given up: it must not hold up the others.
constexpr int kLastingErrorAttempts = 5;

}  // namespace

struct AsyncStore::State {
  struct Ask {
    std::uint64_t sequence;
    std::shared_ptr<Ticket> ticket;
  };
  struct Pending {
    std::uint64_t sequence;
    std::string name;
    Write operation;
    Steady::time_point queued;
    int attempts = 0;
  };

  State(std::unique_ptr<Store> given, AsyncStoreOptions given_options)
      : store(std::move(given)), options(given_options) {}

  void work();
  void watch_deadlines();
  bool next(std::unique_lock<std::mutex>& lock, Ask& ask, Pending& pending);
  void run_write(Pending pending, std::unique_lock<std::mutex>& lock);
  void note_health(bool healthy);
  void note_end(bool healthy);
  void drop(const Pending& pending, std::string_view why);

  std::unique_ptr<Store> store;
  const AsyncStoreOptions options;

  mutable std::mutex mutex;
  std::condition_variable work_changed;
  std::condition_variable deadlines_changed;
  std::uint64_t next_sequence = 1;
  std::deque<Ask> asks;
  std::deque<Pending> writes;
  std::multimap<Steady::time_point, std::weak_ptr<Ticket>> deadlines;
  Steady::time_point next_write_at{};
  std::optional<Steady::time_point> running_since;
  Steady::duration usual{};  // moving mean of operations that the database did
  Duration backoff{};
  Steady::time_point stop_by = Steady::time_point::max();
  bool stopping = false;
  bool worker_done = false;
  AsyncStoreStats stats;
  std::thread worker;
  std::thread timer;
};

AsyncStore::AsyncStore(std::unique_ptr<Store> store, AsyncStoreOptions options)
    : state_(std::make_shared<State>(std::move(store), options)) {
  state_->worker = std::thread([state = state_.get()] { state->work(); });
  state_->timer = std::thread([state = state_.get()] { state->watch_deadlines(); });
}

AsyncStore::~AsyncStore() {
  stop();
}

void AsyncStore::submit(std::shared_ptr<Ticket> ticket, Duration wait) {
  bool stopped = false;
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->stats.asks;
    stopped = state_->stopping;
    if (!state_->stopping && state_->asks.size() < state_->options.max_asks) {
      state_->deadlines.emplace(Steady::now() + wait, ticket);
      state_->asks.push_back({state_->next_sequence++, std::move(ticket)});
      state_->work_changed.notify_one();
      state_->deadlines_changed.notify_one();
      return;
    }
  }
  ticket->answered = true;
  ticket->give_up(stopped ? Errc::kClosed : Errc::kRateLimited,
                  stopped ? "the store is closed" : "too many requests wait for the store");
}

Result<void> AsyncStore::write(std::string name, Write operation) {
  const std::lock_guard lock(state_->mutex);
  if (state_->stopping) return fail(Errc::kClosed, "the store is closed");
  if (state_->writes.size() >= state_->options.max_writes) {
    ++state_->stats.writes_dropped;
    return fail(Errc::kRateLimited, "too many writes wait for the store");
  }
  ++state_->stats.writes;
  state_->writes.push_back({state_->next_sequence++, std::move(name), std::move(operation), Steady::now()});
  state_->work_changed.notify_one();
  return {};
}

AsyncStoreStats AsyncStore::stats() const {
  const std::lock_guard lock(state_->mutex);
  AsyncStoreStats out = state_->stats;
  out.queued_asks = state_->asks.size();
  out.queued_writes = state_->writes.size();
  out.usual = std::chrono::duration_cast<Duration>(state_->usual);
  if (state_->running_since) out.running = std::chrono::duration_cast<Duration>(Steady::now() - *state_->running_since);
  return out;
}

bool AsyncStore::shared() const {
  return state_->store->shared();
}
std::string AsyncStore::description() const {
  return state_->store->description();
}

void AsyncStore::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->stopping) {
      state_->stopping = true;
      state_->stop_by = Steady::now() + state_->options.stop_wait;
      state_->next_write_at = {};
    }
    state_->work_changed.notify_all();
  }
  if (state_->worker.joinable()) state_->worker.join();
  {
    const std::lock_guard lock(state_->mutex);
    state_->worker_done = true;
    state_->deadlines_changed.notify_all();
  }
  if (state_->timer.joinable()) state_->timer.join();
}

// Waits for something to do and takes it. False: stopped, and nothing more to do.
bool AsyncStore::State::next(std::unique_lock<std::mutex>& lock, Ask& ask, Pending& pending) {
  while (true) {
    const auto now = Steady::now();
    const bool write_ready = !writes.empty() && now >= next_write_at;
    if (!asks.empty() && (!write_ready || asks.front().sequence < writes.front().sequence)) {
      ask = std::move(asks.front());
      asks.pop_front();
      return true;
    }
    if (stopping && (writes.empty() || now >= stop_by)) return false;
    if (write_ready) {
      pending = std::move(writes.front());
      writes.pop_front();
      return true;
    }
    const auto wake = writes.empty() ? Steady::time_point::max() : std::min(next_write_at, stop_by);
    if (wake == Steady::time_point::max()) {
      work_changed.wait(lock);
    } else {
      work_changed.wait_until(lock, wake);
    }
  }
}

void AsyncStore::State::note_end(bool healthy) {
  constexpr int kOf = 16;
  if (healthy) usual += (Steady::now() - *running_since - usual) / kOf;
  running_since.reset();
  note_health(healthy);
}

void AsyncStore::State::note_health(bool healthy) {
  if (stats.degraded == !healthy) return;
  stats.degraded = !healthy;
  if (healthy) {
    log::info("STORE_OK", {{"store", store->description()}, {"queued_writes", writes.size()}});
  } else {
    log::warn("STORE_DEGRADED",
              {{"store", store->description()}, {"hint", "calls go on; writes wait and are repeated"}});
  }
}

void AsyncStore::State::drop(const Pending& pending, std::string_view why) {
  ++stats.writes_dropped;
  log::error("STORE_WRITE_LOST", {{"write", pending.name}, {"attempts", pending.attempts}, {"why", why}});
}

void AsyncStore::State::run_write(Pending pending, std::unique_lock<std::mutex>& lock) {
  running_since = Steady::now();
  lock.unlock();
  ++pending.attempts;
  const Result<void> done = pending.operation(*store);
  lock.lock();
  note_end(done || !is_temporary(done.error()));
  if (done) {
    backoff = Duration{0};
    next_write_at = {};
    return;
  }
  const bool too_old = Steady::now() - pending.queued > options.write_max_age;
  const bool hopeless = !is_temporary(done.error()) && pending.attempts >= kLastingErrorAttempts;
  if (too_old || hopeless) {
    drop(pending, done.error().detail);
    return;
  }
  ++stats.writes_retried;
  backoff = std::clamp(backoff * 2, options.retry_first, options.retry_longest);
  next_write_at = Steady::now() + backoff;
  writes.push_front(std::move(pending));
}

void AsyncStore::State::work() {
  std::unique_lock lock(mutex);
  Ask ask;
  Pending pending;
  while (next(lock, ask, pending)) {
    if (ask.ticket) {
      const std::shared_ptr<Ticket> ticket = std::move(ask.ticket);
      ask.ticket = nullptr;
      if (ticket->answered) continue;
      running_since = Steady::now();
      lock.unlock();
      const bool healthy = ticket->run(*store);
      lock.lock();
      note_end(healthy);
    } else {
      run_write(std::move(pending), lock);
    }
  }
  for (const Pending& lost : writes) drop(lost, "stopped before the store answered");
  writes.clear();
}

void AsyncStore::State::watch_deadlines() {
  std::unique_lock lock(mutex);
  while (!worker_done) {
    if (deadlines.empty()) {
      deadlines_changed.wait(lock);
      continue;
    }
    const auto first = deadlines.begin();
    if (const auto ticket = first->second.lock(); !ticket || ticket->answered) {
      deadlines.erase(first);
    } else if (first->first > Steady::now()) {
      deadlines_changed.wait_until(lock, first->first);
    } else {
      deadlines.erase(first);
      if (ticket->answered.exchange(true)) continue;
      ++stats.asks_late;
      lock.unlock();
      ticket->give_up(Errc::kTimeout, "the store did not answer in time");
      lock.lock();
    }
  }
}

}  // namespace al::store
