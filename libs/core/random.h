// A small seeded generator whose sequence is the same on every platform (splitmix64, public domain, S. Vigna).
// Pure code gets its randomness from here, by seed; secrets do not (see core/secret.h).
#pragma once

#include <cstdint>

namespace al {

class Random {
 public:
  using result_type = std::uint64_t;
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  constexpr result_type operator()() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  // 0 .. bound-1; 0 for bound 0. The modulo bias is below 2^-32 for the small bounds used here.
  constexpr std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : (*this)() % bound; }
  // 0.0 <= x < 1.0
  constexpr double unit() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace al
