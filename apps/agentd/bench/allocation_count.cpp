#include "agentd/bench/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace al::bench {
namespace {
std::atomic<std::uint64_t> total{0};
thread_local bool counting = false;

void* allocate(std::size_t size) {
  if (counting) total.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size == 0 ? 1 : size);  // NOLINT: this is operator new
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void count_this_thread(bool counted) {
  counting = counted;
}
std::uint64_t allocations() {
  return total.load(std::memory_order_relaxed);
}

}  // namespace al::bench

void* operator new(std::size_t size) {
  return al::bench::allocate(size);
}
void* operator new[](std::size_t size) {
  return al::bench::allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);  // NOLINT
}
void operator delete[](void* memory) noexcept {
  std::free(memory);  // NOLINT
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);  // NOLINT
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);  // NOLINT
}
