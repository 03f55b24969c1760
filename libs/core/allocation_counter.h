// For tests and benchmarks that claim to allocate nothing: a program that links allocation_counter.cpp counts every
// operator new.
#pragma once

namespace al::test {

[[nodiscard]] long allocations();  // since the program began, of all threads

}  // namespace al::test
