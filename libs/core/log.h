// Key events of a call, one line each: the event's name, then facts. `EOU call=CA… turn=3 len_ms=1840`.
//
//   log::info("EOU", {{"call", sid.str()}, {"turn", turn.value}, {"len_ms", to_ms(length)}});
//
// Values from outside cannot forge a line: control characters are escaped, values with spaces are quoted. Words of
// people go in as log::personal(text): shown at debug level or with LOG_TRANSCRIPTS, otherwise only their length is.
// Telephone numbers go in as log::phone(number): shown as +97250*****12.
//
// Thread-safe. A call below the level costs one relaxed atomic load and no allocation. Lines are handed to one writer
// thread through a bounded queue that drops its oldest line when full, so a slow disk or terminal never blocks a call;
// dropped lines are counted. Never log per 20 ms frame.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/error.h"

namespace al::log {

enum class Level : int { kTrace = 0, kDebug, kInfo, kWarn, kError, kOff };
enum class Format {
  kText,     // 2026-11-20T07:05:00.123Z INFO  EOU call=CA… turn=3
  kJson,     // {"time":"…","level":"info","event":"EOU","call":"CA…","turn":3}
  kJournal,  // <6>EOU call=CA… turn=3   (systemd adds time and unit; the number is the syslog priority)
};

[[nodiscard]] std::string_view to_string(Level level);
[[nodiscard]] Result<Level> parse_level(std::string_view text);    // trace, debug, info, warn, error, off
[[nodiscard]] Result<Format> parse_format(std::string_view text);  // text, json, journal

struct Options {
  Level level = Level::kInfo;
  Format format = Format::kText;
  bool transcripts = false;        // LOG_TRANSCRIPTS
  std::size_t queue_lines = 8192;  // bounded; the oldest is dropped
};

// Words of people. See above.
struct Personal {
  std::string_view text;
};
[[nodiscard]] inline Personal personal(std::string_view text) {
  return {text};
}
struct Phone {
  std::string_view number;
};
[[nodiscard]] inline Phone phone(std::string_view number) {
  return {number};
}

// One `key=value`. Holds views: use it only inside the call.
class Fact {
 public:
  enum class Kind { kText, kInt, kUint, kDouble, kBool, kPersonal, kPhone };

  Fact(std::string_view key, std::string_view value) : key_(key), kind_(Kind::kText), text_(value) {}
  Fact(std::string_view key, const char* value) : Fact(key, std::string_view(value)) {}
  Fact(std::string_view key, const std::string& value) : Fact(key, std::string_view(value)) {}
  Fact(std::string_view key, Personal value) : key_(key), kind_(Kind::kPersonal), text_(value.text) {}
  Fact(std::string_view key, Phone value) : key_(key), kind_(Kind::kPhone), text_(value.number) {}
  Fact(std::string_view key, bool value) : key_(key), kind_(Kind::kBool), int_(value ? 1 : 0) {}
  template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) Fact(std::string_view key, T value)
      : key_(key),
        kind_(std::is_signed_v<T> ? Kind::kInt : Kind::kUint),
        int_(static_cast<std::int64_t>(value)),
        uint_(static_cast<std::uint64_t>(value)) {}
  Fact(std::string_view key, double value) : key_(key), kind_(Kind::kDouble), double_(value) {}

  [[nodiscard]] std::string_view key() const { return key_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::int64_t integer() const { return int_; }
  [[nodiscard]] std::uint64_t unsigned_integer() const { return uint_; }
  [[nodiscard]] double number() const { return double_; }

 private:
  std::string_view key_;
  Kind kind_;
  std::string_view text_;
  std::int64_t int_ = 0;
  std::uint64_t uint_ = 0;
  double double_ = 0.0;
};
// A view of facts: of a braced list where the names are known when writing, of a vector where they are not. Use it only
// inside the call.
class Facts {
 public:
  Facts() = default;
  Facts(std::initializer_list<Fact> facts) : list_(facts) {}
  Facts(const std::vector<Fact>& facts) : more_(&facts) {}

  [[nodiscard]] const Fact* begin() const { return more_ != nullptr ? more_->data() : list_.begin(); }
  [[nodiscard]] const Fact* end() const { return begin() + size(); }
  [[nodiscard]] std::size_t size() const { return more_ != nullptr ? more_->size() : list_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }

 private:
  std::initializer_list<Fact> list_;
  const std::vector<Fact>* more_ = nullptr;
};

// Starts (or restarts) the writer to stderr with these options. Call once in main; before it, lines of level warn and
// above go to stderr at once, in text form.
void start(const Options& options);
// Writes what is queued, ends the writer and goes back to the state before start().
void stop();
// Takes effect at once.
void set_level(Level level);
void set_transcripts(bool shown);
// Lines lost since start() because the queue was full.
[[nodiscard]] std::uint64_t dropped_lines();

namespace detail {
extern std::atomic<int> level;
void write(Level level, std::string_view event, Facts facts);
}  // namespace detail

[[nodiscard]] inline bool enabled(Level level) {
  return static_cast<int>(level) >= detail::level.load(std::memory_order_relaxed);
}
inline void event(Level level, std::string_view name, Facts facts = {}) {
  if (enabled(level)) detail::write(level, name, facts);
}
inline void debug(std::string_view name, Facts facts = {}) {
  event(Level::kDebug, name, facts);
}
inline void info(std::string_view name, Facts facts = {}) {
  event(Level::kInfo, name, facts);
}
inline void warn(std::string_view name, Facts facts = {}) {
  event(Level::kWarn, name, facts);
}
inline void error(std::string_view name, Facts facts = {}) {
  event(Level::kError, name, facts);
}

// One line without time and line end, as it would be written: "EOU call=CA1 turn=3" or the JSON object.
[[nodiscard]] std::string format_line(Level level, Format format, bool transcripts, std::string_view event,
                                      Facts facts);
// "+97250*****12": what is shown of a telephone number.
[[nodiscard]] std::string mask_phone(std::string_view number);

// For tests: while it lives, all lines of all threads come here (as text lines, without time) instead of stderr.
class Capture {
 public:
  struct State;
  explicit Capture(Level level = Level::kDebug, bool transcripts = false);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  [[nodiscard]] std::vector<std::string> lines() const;
  // The number of lines that contain `part`.
  [[nodiscard]] std::size_t count(std::string_view part) const;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace al::log
