// Counts what operator new is asked for on threads that want to be counted. Linking allocation_count.cpp replaces the
// global operators of the program.
#pragma once

#include <cstdint>

namespace al::bench {

void count_this_thread(bool counted);
// Of all counted threads since the program began.
[[nodiscard]] std::uint64_t allocations();

}  // namespace al::bench
