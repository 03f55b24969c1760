#include "net/loop.h"

#include <exception>

#include <boost/asio/post.hpp>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "core/log.h"
#include "net/loop_impl.h"

namespace al::net {
namespace {

constexpr Duration kHeartbeat = seconds{1};
constexpr int kBatch = 256;  // sockets served before timers get their turn

// One writer a loop: a plain addition, readable from anywhere.
void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

[[noreturn]] void no_kernel_object(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Timer::Timer(Loop& loop, std::function<void(Timestamp)> on_due) : loop_(loop), on_due_(std::move(on_due)) {}
Timer::~Timer() {
  TimerWheel::cancel(*this);
}
void Timer::arm(Timestamp when) {
  loop_.impl().arm(*this, when);
}
void Timer::arm_after(Duration delay) {
  arm(monotonic_now() + delay);
}
void Timer::cancel() {
  TimerWheel::cancel(*this);
}

Loop::Impl::Impl()
    : wheel(monotonic_now()),
      timer_fd_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      epoll_(io, epoll_create1(EPOLL_CLOEXEC)) {
  if (timer_fd_ < 0) no_kernel_object("timerfd_create");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // the timer
  if (epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, timer_fd_, &event) != 0) no_kernel_object("epoll_ctl");
}

Loop::Impl::~Impl() {
  ::close(timer_fd_);
}

bool Loop::Impl::watch(int fd, std::uint32_t events, ReadyTarget& target) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &target;
  return epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::Impl::rewatch(int fd, std::uint32_t events, ReadyTarget& target) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &target;
  (void)epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, fd, &event);
}

void Loop::Impl::unwatch(int fd) {
  (void)epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
}

void Loop::Impl::retire(std::shared_ptr<void> object) {
  retired_.push_back(std::move(object));
  // Outside a batch nothing would clear it soon: make one.
  if (!in_turn_) boost::asio::post(io, [this] { turn(); });
}

void Loop::Impl::start_waiting() {
  epoll_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    turn();
    start_waiting();
  });
}

void Loop::Impl::turn() {
  in_turn_ = true;
  epoll_event events[kBatch];
  const int count = epoll_wait(epoll_.native_handle(), events, kBatch, 0);
  const Timestamp now = monotonic_now();
  bool timer_fired = false;
  for (int i = 0; i < count; ++i) {
    if (events[i].data.ptr == nullptr) {
      timer_fired = true;
    } else {
      static_cast<ReadyTarget*>(events[i].data.ptr)->on_ready(events[i].events, now);
    }
  }
  if (count > (timer_fired ? 1 : 0)) add(counters.media_wakeups);
  if (timer_fired) kernel_timer_.reset();
  wheel.advance(monotonic_now(), [this](Duration late) { count_lag(late); });
  in_turn_ = false;
  after_timers();
  counters.heartbeat_us.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  if (!retired_.empty()) {
    const std::vector<std::shared_ptr<void>> objects = std::exchange(retired_, {});
  }
}

void Loop::Impl::arm(Timer& timer, Timestamp when) {
  wheel.arm(timer, when);
  if (!in_turn_) after_timers();
}

void Loop::Impl::after_timers() {
  const std::optional<Timestamp> next = wheel.next_tick();
  if (next && (!kernel_timer_ || *next < *kernel_timer_)) {
    set_kernel_timer(*next);
  } else if (!next && !kernel_timer_) {
    const itimerspec off{};  // it has fired and nobody waits: without this it would stay readable
    (void)timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &off, nullptr);
  }
}

void Loop::Impl::set_kernel_timer(Timestamp when) {
  const auto at = when.time_since_epoch();
  itimerspec spec{};
  spec.it_value.tv_sec = std::chrono::duration_cast<seconds>(at).count();
  spec.it_value.tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(at % seconds{1}).count();
  // Setting it also clears an expiry that was not read.
  (void)timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &spec, nullptr);
  kernel_timer_ = when;
}

void Loop::Impl::count_lag(Duration late) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(late.count(), 0));
  std::size_t bucket = 0;
  while (bucket < LoopStats::kLagBoundsMs.size() &&
         us > static_cast<std::uint64_t>(LoopStats::kLagBoundsMs[bucket]) * 1'000)
    ++bucket;
  add(counters.lag_counts[bucket]);
  add(counters.lag_total_us, us);
  add(counters.timers_fired);
  if (us > counters.lag_max_us.load(std::memory_order_relaxed))
    counters.lag_max_us.store(us, std::memory_order_relaxed);
}

void Loop::Impl::run_posted(const std::function<void()>& work) {
  add(counters.posts_run);
  work();
}

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::run() {
  impl_->thread.store(std::this_thread::get_id());
  Timer heartbeat(*this, [&](Timestamp now) { heartbeat.arm(now + kHeartbeat); });
  heartbeat.arm(monotonic_now());
  impl_->counters.heartbeat_us.store(monotonic_now().time_since_epoch().count(), std::memory_order_relaxed);
  impl_->start_waiting();
  while (!impl_->io.stopped()) {
    try {
      impl_->io.run();
    } catch (const std::exception& error) {
      log::error("LOOP_EXCEPTION", {{"what", error.what()}});
    } catch (...) {
      log::error("LOOP_EXCEPTION", {{"what", "not a std::exception"}});
    }
  }
  impl_->thread.store(std::thread::id{});
}

void Loop::stop() {
  impl_->io.stop();
}

void Loop::post(std::function<void()> work) {
  impl_->counters.posts_made.fetch_add(1, std::memory_order_relaxed);
  boost::asio::post(impl_->io, [impl = impl_.get(), work = std::move(work)] { impl->run_posted(work); });
}

bool Loop::is_current() const {
  return impl_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

LoopStats Loop::stats() const {
  const Impl::Counters& from = impl_->counters;
  LoopStats stats;
  for (std::size_t i = 0; i < stats.lag_counts.size(); ++i) stats.lag_counts[i] = from.lag_counts[i].load();
  stats.lag_total_us = from.lag_total_us.load();
  stats.lag_max_us = from.lag_max_us.load();
  stats.timers_fired = from.timers_fired.load();
  stats.posts_run = from.posts_run.load();
  const std::uint64_t made = from.posts_made.load();
  stats.posts_waiting = made > stats.posts_run ? made - stats.posts_run : 0;
  stats.media_wakeups = from.media_wakeups.load();
  stats.heartbeat = Timestamp{Duration{from.heartbeat_us.load()}};
  return stats;
}

LoopThread::LoopThread(std::string name) : thread_([this] { loop_.run(); }) {
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

LoopThread::~LoopThread() {
  stop_and_join();
}

void LoopThread::stop_and_join() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace al::net
