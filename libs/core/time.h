// The three times of a call, which never mix:
//   Timestamp  – "now", monotonic; drives state. Passed down by whoever owns a clock; pure code never reads one.
//   MediaTime  – a count of 8 kHz samples since the stream began; silence and speech are measured in it.
//   WallTime   – calendar time, for reports only.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace al {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Duration = std::chrono::microseconds;

// The clock tag of Timestamp. It has no now(): a driver (or a virtual clock) makes the values.
struct CallClock {
  using rep = std::int64_t;
  using period = std::micro;
  using duration = Duration;
  using time_point = std::chrono::time_point<CallClock>;
  static constexpr bool is_steady = true;
};
using Timestamp = CallClock::time_point;

// The driver's clock. Monotonic; its zero is arbitrary. The only place in the libraries that reads one.
[[nodiscard]] Timestamp monotonic_now();

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
[[nodiscard]] WallTime wall_now();
// "2026-11-20T07:05:00.123Z"
[[nodiscard]] std::string to_iso8601(WallTime time);

// A position in, or a length of, 8 kHz audio, in samples.
struct MediaTime {
  static constexpr std::int64_t kSamplesPerMs = 8;
  std::int64_t samples = 0;

  [[nodiscard]] static constexpr MediaTime from_ms(std::int64_t ms) { return {ms * kSamplesPerMs}; }
  [[nodiscard]] static constexpr MediaTime from(milliseconds d) { return {d.count() * kSamplesPerMs}; }
  [[nodiscard]] constexpr std::int64_t ms() const { return samples / kSamplesPerMs; }
  [[nodiscard]] constexpr Duration duration() const { return microseconds{samples * 1000 / kSamplesPerMs}; }

  friend constexpr auto operator<=>(const MediaTime&, const MediaTime&) = default;
  friend constexpr MediaTime operator+(MediaTime a, MediaTime b) { return {a.samples + b.samples}; }
  friend constexpr MediaTime operator-(MediaTime a, MediaTime b) { return {a.samples - b.samples}; }
  constexpr MediaTime& operator+=(MediaTime b) {
    samples += b.samples;
    return *this;
  }
};

// Whole milliseconds, rounded toward zero, for log lines and reports.
[[nodiscard]] constexpr std::int64_t to_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace al
