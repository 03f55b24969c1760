// Time that moves only when a test says so. For tests only. One thread.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "providers/scheduler.h"

namespace al::providers::testing {

class VirtualScheduler final : public Scheduler {
 public:
  [[nodiscard]] Timestamp now() const override { return now_; }
  void at(Timestamp when, std::function<void()> task) override {
    tasks_.emplace(std::max(when, now_), std::move(task));
  }

  // Runs everything that falls due within `by`, in order; what is due now with advance({}).
  void advance(Duration by) {
    const Timestamp until = now_ + by;
    while (!tasks_.empty() && tasks_.begin()->first <= until) {
      auto due = tasks_.extract(tasks_.begin());
      now_ = std::max(now_, due.key());
      due.mapped()();
    }
    now_ = until;
  }
  [[nodiscard]] std::size_t waiting() const { return tasks_.size(); }

 private:
  Timestamp now_{seconds{1000}};
  std::multimap<Timestamp, std::function<void()>> tasks_;
};

}  // namespace al::providers::testing
