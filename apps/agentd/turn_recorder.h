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
  explicit TurnRecorder(CallSid call) : call_(std::move(call)) {}

  // `heard` is the last agent message of the history as it stands after the event. A record comes out whenever one has
  // changed for good; the same turn may come several times (the store replaces it).
  [[nodiscard]] std::optional<store::TurnRecord> on_event(const dialog::CallEvent& event, std::string_view heard,
                                                          WallTime now);

 private:
  store::TurnRecord& at(TurnId turn, WallTime now);

  CallSid call_;
  std::optional<store::TurnRecord> current_;
};

}  // namespace al::agentd
