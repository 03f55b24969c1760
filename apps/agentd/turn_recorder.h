// Makes turn records of the events of one call: what was heard, what was said, what the caller heard of it, how long it
// took. Pure; one object a call.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/time.h"
#include "dialog/engine_io.h"
#include "store/records.h"

namespace al::agentd {

class TurnRecorder {
 public:
  // Turns of an earlier stream of this call keep their numbers: the first one here is `behind` + 1.
  explicit TurnRecorder(CallSid call, std::uint64_t behind = 0) : call_(std::move(call)), behind_(behind) {}

  // `heard` is the last agent message of the history as it stands after the event. A record comes out whenever one has
  // changed for good; the same turn may come several times (the store replaces it).
  [[nodiscard]] std::optional<store::TurnRecord> on_event(const dialog::CallEvent& event, std::string_view heard,
                                                          WallTime now);
  // Turns of the call so far.
  [[nodiscard]] std::uint64_t turns() const { return current_ ? current_->turn.value : behind_; }

 private:
  store::TurnRecord& at(TurnId turn, WallTime now);

  CallSid call_;
  std::uint64_t behind_;
  std::optional<store::TurnRecord> current_;
  TurnId guess_;  // an answer asked for early
  TurnId heard_;  // what it answers
};

}  // namespace al::agentd
