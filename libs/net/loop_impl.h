// The inside of a Loop, for the .cpp files of this room: Asio's io_context for everything slow (accept, HTTP, TLS,
// clients) and, nested in it, an epoll set of our own for sockets with fifty messages a second. One wake-up of Asio
// serves a whole batch of them (measured in libs/net/README.md).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "net/loop.h"
#include "net/timer_wheel.h"

namespace al::net {

// Something with a descriptor in the loop's epoll set.
class ReadyTarget {
 public:
  virtual ~ReadyTarget() = default;
  virtual void on_ready(std::uint32_t epoll_events, Timestamp now) = 0;
};

struct Loop::Impl {
  Impl();
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // On the loop's thread only. `target` must stay alive until unwatch() and, from then, until the end of the batch that
  // is running: hand it to retire().
  bool watch(int fd, std::uint32_t events, ReadyTarget& target);
  void rewatch(int fd, std::uint32_t events, ReadyTarget& target);
  void unwatch(int fd);
  void retire(std::shared_ptr<void> object);  // destroyed when the batch that is running is over

  void arm(Timer& timer, Timestamp when);
  void turn();          // one batch: ready sockets, then timers
  void after_timers();  // moves the kernel's timer to the next deadline where it must come earlier
  void start_waiting();
  void run_posted(const std::function<void()>& work);

  // Room for one read, shared by all sockets of the loop.
  static constexpr std::size_t kReadBytes = 65'536;
  std::unique_ptr<std::uint8_t[]> read_buffer{new std::uint8_t[kReadBytes]};

  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running{io.get_executor()};
  TimerWheel wheel;
  std::atomic<std::thread::id> thread{};

  struct Counters {
    std::array<std::atomic<std::uint64_t>, 8> lag_counts{};
    std::atomic<std::uint64_t> lag_total_us{0};
    std::atomic<std::uint64_t> lag_max_us{0};
    std::atomic<std::uint64_t> timers_fired{0};
    std::atomic<std::uint64_t> posts_made{0};
    std::atomic<std::uint64_t> posts_run{0};
    std::atomic<std::uint64_t> media_wakeups{0};
    std::atomic<std::int64_t> heartbeat_us{0};
  } counters;

 private:
  void count_lag(Duration late);
  void set_kernel_timer(Timestamp when);

  int timer_fd_ = -1;
  boost::asio::posix::stream_descriptor epoll_;
  std::optional<Timestamp> kernel_timer_;  // what timer_fd_ is set to; nullopt = it has fired
  bool in_turn_ = false;
  std::vector<std::shared_ptr<void>> retired_;
};

}  // namespace al::net
