// A bounded pool of threads for work that keeps a processor busy: embedded recognition and voices. A full queue is an
// error that the asker hears at once, not a wait. Not for blocking network I/O, not for timers.
// Every method is thread-safe. Jobs must not throw; one that does is logged and dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/error.h"
#include "core/time.h"

namespace al::providers {

// Which queued job a free worker takes first; equal ones in order of submission.
enum class JobClass : std::uint8_t {
  kNotice,  // tells somebody something and takes no time; never refused
  kFinal,   // a caller has stopped speaking and waits
  kSpeech,  // a sentence that will be heard next
  kAhead,   // sentences further on, phrases synthesised ahead
  kIdle,    // nice to have: taken only when nothing else waits (partial transcripts)
};

struct PoolStats {
  std::size_t waiting = 0;  // jobs in the queue
  std::size_t running = 0;  // jobs being worked on
  std::uint64_t done = 0;   // since the start
  std::uint64_t refused = 0;
  Duration longest_wait{};  // from submission to start, since the start
};

class WorkerPool {
 public:
  // `threads` 1..64, `queue_limit` waiting jobs at most; `name` (at most 15 characters) is what the threads are called.
  WorkerPool(int threads, std::size_t queue_limit, const std::string& name);
  ~WorkerPool();  // drops what waits, joins what runs
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // The id is for cancel(). kRateLimited: the queue is full (kIdle: no worker is free), or the pool is being destroyed.
  Result<std::uint64_t> submit(JobClass job_class, std::function<void()> job);
  // Takes a waiting job out; true when it will not run. A running one is not touched and not waited for.
  bool cancel(std::uint64_t id);

  [[nodiscard]] PoolStats stats() const;
  [[nodiscard]] int threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace al::providers
