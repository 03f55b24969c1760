// Server-sent events as language models stream them (WHATWG HTML, section 9.2), from chunks cut anywhere.
// Not a reconnecting event source: `id` and `retry` are read over. Pure; used from one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace al::providers {

struct SseEvent {
  std::string_view name;  // of the `event:` line; empty = none was given
  std::string_view data;  // the `data:` lines joined with '\n'; never empty
};

class SseParser {
 public:
  // An event longer than this is an error: no model sends one, a runaway server does.
  static constexpr std::size_t kDefaultMaxEventBytes = 1 << 20;

  explicit SseParser(std::size_t max_event_bytes = kDefaultMaxEventBytes) : max_event_bytes_(max_event_bytes) {}

  // Consumes `chunk` and calls `on_event` for each event that it completes; the views die with the call. Returning
  // false from `on_event` drops the rest of the chunk. kMalformed once an event passes the limit; the parser is then
  // spent. Lines may end in LF, CRLF or CR; comments and unknown fields are skipped; a byte-order mark is dropped.
  Result<void> feed(std::string_view chunk, const std::function<bool(const SseEvent&)>& on_event);

  // The connection closed: delivers an event whose empty last line is missing (compatible servers leave it out).
  Result<void> finish(const std::function<bool(const SseEvent&)>& on_event);

 private:
  bool take_line(std::string_view line, const std::function<bool(const SseEvent&)>& on_event);
  bool dispatch(const std::function<bool(const SseEvent&)>& on_event);

  std::size_t max_event_bytes_;
  std::string line_;  // the unfinished line
  std::string name_;
  std::string data_;
  bool has_data_ = false;
  bool first_line_ = true;
  bool skip_lf_ = false;  // the last chunk ended in CR
};

}  // namespace al::providers
