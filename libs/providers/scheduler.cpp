#include "providers/scheduler.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <pthread.h>

namespace al::providers {
namespace {

class TimerThread final : public Scheduler {
 public:
  TimerThread() : thread_([this] { run(); }) {}
  ~TimerThread() override {
    std::multimap<Timestamp, std::function<void()>> dropped;  // destroyed outside the lock
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      dropped.swap(tasks_);
    }
    wake_.notify_one();
    thread_.join();
  }

  [[nodiscard]] Timestamp now() const override { return monotonic_now(); }

  void at(Timestamp when, std::function<void()> task) override {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      // Two statements: the order in which the sides of == are evaluated is not defined.
      const auto added = tasks_.emplace(when, std::move(task));
      first = added == tasks_.begin();
    }
    if (first) wake_.notify_one();
  }

 private:
  void run() {
    pthread_setname_np(pthread_self(), "providers");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (tasks_.empty()) {
        wake_.wait(lock);
        continue;
      }
      const Duration left = tasks_.begin()->first - now();
      if (left > Duration::zero()) {
        wake_.wait_for(lock, left);
        continue;
      }
      auto due = tasks_.extract(tasks_.begin());
      lock.unlock();
      due.mapped()();
      due = {};  // what the task holds is released outside the lock
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<Timestamp, std::function<void()>> tasks_;  // equal times in order of arrival
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Scheduler> make_timer_thread() {
  return std::make_unique<TimerThread>();
}

}  // namespace al::providers
