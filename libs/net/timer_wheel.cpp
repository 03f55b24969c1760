#include "net/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <exception>

#include "core/log.h"

namespace al::net {

TimerWheel::TimerWheel(Timestamp now) : done_(now.time_since_epoch() / kTick) {
  for (TimerLink& head : slots_) head.prev = head.next = &head;
}

TimerWheel::~TimerWheel() {
  // Timers that outlive the loop must not reach back into it.
  for (TimerLink& head : slots_) {
    while (head.next != &head) unlink(*head.next);
  }
}

void TimerWheel::link(TimerLink& head, TimerLink& item) {
  item.prev = head.prev;
  item.next = &head;
  head.prev->next = &item;
  head.prev = &item;
}

void TimerWheel::unlink(TimerLink& item) {
  item.prev->next = item.next;
  item.next->prev = item.prev;
  item.prev = item.next = nullptr;
}

void TimerWheel::arm(Timer& timer, Timestamp when) {
  cancel(timer);
  timer.when_ = when;
  const auto slot = static_cast<std::size_t>(std::max(tick_of(when), done_ + 1)) % kSlots;
  link(slots_[slot], timer);
  used_[slot / 64] |= std::uint64_t{1} << (slot % 64);
}

void TimerWheel::cancel(Timer& timer) {
  if (timer.next != nullptr) unlink(timer);
}

void TimerWheel::collect(std::int64_t tick, TimerLink& due) {
  const auto slot = static_cast<std::size_t>(tick) % kSlots;
  TimerLink& head = slots_[slot];
  for (TimerLink* item = head.next; item != &head;) {
    TimerLink* const following = item->next;
    if (tick_of(timer_of(*item).when_) <= tick) {
      unlink(*item);
      link(due, *item);
    }
    item = following;
  }
  if (head.next == &head) used_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
}

void TimerWheel::fire(Timer& timer, Timestamp now) {
  try {
    timer.on_due_(now);
  } catch (const std::exception& error) {
    log::error("TIMER_EXCEPTION", {{"what", error.what()}});
  }
}

std::optional<Timestamp> TimerWheel::next_tick() const {
  // From the slot after the last one that was run, once around.
  const auto first = static_cast<std::size_t>(done_ + 1) % kSlots;
  for (std::size_t step = 0; step <= used_.size(); ++step) {
    const std::size_t index = (first / 64 + step) % used_.size();
    std::uint64_t word = used_[index];
    if (step == 0) word &= ~std::uint64_t{0} << (first % 64);
    if (step == used_.size()) word &= (std::uint64_t{1} << (first % 64)) - 1;
    if (word == 0) continue;
    const std::size_t slot = index * 64 + static_cast<std::size_t>(std::countr_zero(word));
    const std::size_t distance = (slot + kSlots - first) % kSlots;
    return time_of(done_ + 1 + static_cast<std::int64_t>(distance));
  }
  return std::nullopt;
}

}  // namespace al::net
