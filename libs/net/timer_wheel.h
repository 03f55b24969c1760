// The timers of one loop, in 1024 slots of 1 ms (a hashed wheel, Varghese and Lauck 1987). A timer further away than
// the wheel is long stays in its slot and is looked at once a turn. Arming, cancelling and firing allocate nothing.
// Knows no clock and no kernel timer: the loop asks next_tick() and calls advance(). Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/time.h"
#include "net/loop.h"

namespace al::net {

class TimerWheel {
 public:
  static constexpr Duration kTick = milliseconds{1};

  explicit TimerWheel(Timestamp now);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  void arm(Timer& timer, Timestamp when);
  static void cancel(Timer& timer);

  // Runs what is due at `now`, in order of ticks; `on_late(now - due)` is called before each.
  template <typename OnLate>
  void advance(Timestamp now, OnLate on_late);
  // The moment to call advance() again: the next slot in use. May be too early (never too late).
  [[nodiscard]] std::optional<Timestamp> next_tick() const;

 private:
  static constexpr std::size_t kSlots = 1'024;

  static std::int64_t tick_of(Timestamp when) { return (when.time_since_epoch() + kTick - Duration{1}) / kTick; }
  static Timestamp time_of(std::int64_t tick) { return Timestamp{tick * kTick}; }
  static void link(TimerLink& head, TimerLink& item);
  static void unlink(TimerLink& item);
  [[nodiscard]] bool in_use(std::size_t slot) const { return ((used_[slot / 64] >> (slot % 64)) & 1U) != 0; }
  // Moves the timers of this tick's slot that are due to `due`; clears the slot's bit when nothing is left.
  void collect(std::int64_t tick, TimerLink& due);
  static void fire(Timer& timer, Timestamp now);  // what it throws is logged: it cannot stop the other timers
  static Timer& timer_of(TimerLink& item) { return static_cast<Timer&>(item); }

  std::array<TimerLink, kSlots> slots_{};
  std::array<std::uint64_t, kSlots / 64> used_{};  // a set bit may belong to a slot that has become empty
  std::int64_t done_ = 0;                          // the last tick that was run
};

template <typename OnLate>
void TimerWheel::advance(Timestamp now, OnLate on_late) {
  const std::int64_t target = now.time_since_epoch() / kTick;
  // After a long stall every slot is looked at once, not once for each tick that was missed.
  if (target - done_ > static_cast<std::int64_t>(kSlots)) done_ = target - static_cast<std::int64_t>(kSlots);
  while (done_ < target) {
    ++done_;
    if (!in_use(static_cast<std::size_t>(done_) % kSlots)) continue;
    TimerLink due{&due, &due};
    collect(done_, due);
    while (due.next != &due) {
      Timer& timer = timer_of(*due.next);
      unlink(timer);
      on_late(now - time_of(tick_of(timer.when_)));
      fire(timer, now);
    }
  }
}

}  // namespace al::net
