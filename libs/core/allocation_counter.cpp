#include "core/allocation_counter.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<long> counted{0};
}  // namespace

// Not inlined: GCC would see malloc's pointer go to delete and take that for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++counted;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace al::test {

long allocations() {
  return counted;
}

}  // namespace al::test
