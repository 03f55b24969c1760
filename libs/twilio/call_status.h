// How far a call is. Status callbacks may arrive late, twice and in any order: a call never moves backwards.
// (Twilio: voice/api/call-resource "Call status values".) Pure and thread-safe.
#pragma once

#include <optional>
#include <string_view>

namespace al::twilio {

enum class CallStatus { kQueued, kInitiated, kRinging, kInProgress, kCompleted, kBusy, kFailed, kNoAnswer, kCanceled };

[[nodiscard]] std::string_view to_string(CallStatus status);  // as Twilio writes it: "in-progress"
[[nodiscard]] std::optional<CallStatus> call_status_from_text(std::string_view text);

// queued 0, initiated 1, ringing 2, in-progress 3, every terminal status 4.
[[nodiscard]] int rank(CallStatus status);
[[nodiscard]] bool is_terminal(CallStatus status);
// True when a report of `reported` moves a call that is `known` forward. A terminal status never changes.
[[nodiscard]] bool advances(CallStatus known, CallStatus reported);

// The same for messages: accepted … queued, sending, sent, delivered, read; failed and undelivered end it.
// Unknown texts rank lowest and never advance.
[[nodiscard]] int message_status_rank(std::string_view status);
[[nodiscard]] bool message_status_advances(std::string_view known, std::string_view reported);

}  // namespace al::twilio
