// One event loop: sockets, timers and posted work of one thread. agentd runs one per core; a call lives on one of them.
// It is not a thread pool and it knows nothing about calls. All timers share one 1 ms wheel, so arming one costs
// neither a system call nor an allocation: a thousand paced calls cost one timer of the kernel.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/time.h"

namespace al::net {

class Loop;
class TimerWheel;

// Links of a timer in the wheel; intrusive, so that arming does not allocate.
struct TimerLink {
  TimerLink* prev = nullptr;
  TimerLink* next = nullptr;
};

// A one-shot timer of one Loop. Used from that loop's thread only; the destructor cancels.
// Fires at or after `when`, normally within 1 ms (the wheel's step) plus the loop's lag.
class Timer : private TimerLink {
 public:
  Timer(Loop& loop, std::function<void(Timestamp now)> on_due);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm(Timestamp when);  // replaces an earlier deadline; a moment in the past fires at the next turn of the loop
  void arm_after(Duration delay);
  void cancel();
  [[nodiscard]] bool armed() const { return next != nullptr; }
  [[nodiscard]] Timestamp when() const { return when_; }

 private:
  friend class TimerWheel;
  Loop& loop_;
  Timestamp when_{};
  std::function<void(Timestamp)> on_due_;
};

// How late the loop ran its timers: a histogram with upper bounds of 1, 2, 5, 10, 20, 50, 100 ms and "more".
struct LoopStats {
  static constexpr std::array<int, 7> kLagBoundsMs{1, 2, 5, 10, 20, 50, 100};
  std::array<std::uint64_t, 8> lag_counts{};  // not cumulative
  std::uint64_t lag_total_us = 0;
  std::uint64_t lag_max_us = 0;
  std::uint64_t timers_fired = 0;
  std::uint64_t posts_run = 0;
  std::uint64_t posts_waiting = 0;
  std::uint64_t media_wakeups = 0;  // batches of ready media sockets
  Timestamp heartbeat{};            // when the loop last turned; older than seconds = hung
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   // on the thread that is to be the loop's thread; returns after stop()
  void stop();  // any thread. Posted work that has not run by then is dropped when the loop is destroyed.

  // Any thread. Runs `work` on the loop's thread, in order of posting, never inside post(). An exception that escapes
  // `work` is logged and swallowed: one piece of work cannot end the loop.
  void post(std::function<void()> work);

  [[nodiscard]] bool is_current() const;  // called on the loop's thread?
  [[nodiscard]] LoopStats stats() const;  // any thread

  struct Impl;  // the Asio side, for this room's own .cpp files (net/loop_impl.h)
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// A Loop with its own thread: for clients (alctl, provider sockets) that have no loop of their own.
class LoopThread {
 public:
  explicit LoopThread(std::string name);  // at most 15 characters: the thread's name
  ~LoopThread();                          // stops and joins
  [[nodiscard]] Loop& loop() { return loop_; }
  // Ends the thread, keeps the loop: timers of others may still be cancelled on it. Not from the loop's own thread.
  void stop_and_join();

 private:
  Loop loop_;
  std::thread thread_;
};

}  // namespace al::net
