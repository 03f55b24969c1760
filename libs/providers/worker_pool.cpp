#include "providers/worker_pool.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/log.h"

namespace al::providers {
namespace {

// Frames must leave on their 20 ms grid while the workers keep every core busy.
constexpr int kNice = 5;

constexpr std::size_t kClasses = static_cast<std::size_t>(JobClass::kIdle) + 1;

struct Job {
  std::uint64_t id = 0;
  Timestamp submitted;
  std::function<void()> work;
};

}  // namespace

struct WorkerPool::State {
  State(int count, std::size_t limit, std::string thread_name)
      : thread_count(static_cast<std::size_t>(std::clamp(count, 1, 64))),
        queue_limit(limit),
        name(std::move(thread_name)) {
    threads.reserve(thread_count);
    for (std::size_t i = 0; i < thread_count; ++i) threads.emplace_back([this] { run(); });
  }

  ~State() {
    std::array<std::deque<Job>, kClasses> dropped;  // destroyed outside the lock: jobs own what they work on
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      dropped.swap(queues);
      stats.waiting = 0;
    }
    wake.notify_all();
    for (auto& queue : dropped) queue.clear();
    for (auto& thread : threads) thread.join();
  }

  void run() {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);  // without the right to, it stays as it is
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopping || stats.waiting > 0; });
      if (stopping) return;
      Job job = take_first();
      ++stats.running;
      stats.longest_wait = std::max(stats.longest_wait, monotonic_now() - job.submitted);
      lock.unlock();
      try {
        job.work();
      } catch (const std::exception& error) {
        log::error("WORKER_EXCEPTION", {{"pool", name}, {"what", error.what()}});
      }
      job.work = nullptr;  // what it holds is released before it counts as done
      lock.lock();
      --stats.running;
      ++stats.done;
    }
  }

  Job take_first() {
    for (auto& queue : queues) {
      if (queue.empty()) continue;
      Job job = std::move(queue.front());
      queue.pop_front();
      --stats.waiting;
      return job;
    }
    return {};
  }

  const std::size_t thread_count;
  const std::size_t queue_limit;
  const std::string name;
  mutable std::mutex mutex;
  std::condition_variable wake;
  std::array<std::deque<Job>, kClasses> queues;  // by JobClass
  std::uint64_t last_id = 0;
  bool stopping = false;
  PoolStats stats;
  std::vector<std::thread> threads;
};

WorkerPool::WorkerPool(int threads, std::size_t queue_limit, const std::string& name)
    : state_(std::make_unique<State>(threads, queue_limit, name)) {}

WorkerPool::~WorkerPool() = default;

Result<std::uint64_t> WorkerPool::submit(JobClass job_class, std::function<void()> job) {
  State& s = *state_;
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(s.mutex);
    const bool idle = s.stats.waiting == 0 && s.stats.running < s.thread_count;
    const bool full = job_class == JobClass::kIdle ? !idle : s.stats.waiting >= s.queue_limit;
    if ((full && job_class != JobClass::kNotice) || s.stopping) {
      ++s.stats.refused;
      return fail(Errc::kRateLimited, s.name + ": " + std::to_string(s.stats.waiting) + " jobs wait already");
    }
    id = ++s.last_id;
    s.queues[static_cast<std::size_t>(job_class)].push_back({id, monotonic_now(), std::move(job)});
    ++s.stats.waiting;
  }
  s.wake.notify_one();
  return id;
}

bool WorkerPool::cancel(std::uint64_t id) {
  State& s = *state_;
  Job taken;  // destroyed outside the lock
  const std::lock_guard lock(s.mutex);
  for (auto& queue : s.queues) {
    const auto found = std::find_if(queue.begin(), queue.end(), [id](const Job& job) { return job.id == id; });
    if (found == queue.end()) continue;
    taken = std::move(*found);
    queue.erase(found);
    --s.stats.waiting;
    return true;
  }
  return false;
}

PoolStats WorkerPool::stats() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stats;
}

int WorkerPool::threads() const {
  return static_cast<int>(state_->thread_count);
}

}  // namespace al::providers
