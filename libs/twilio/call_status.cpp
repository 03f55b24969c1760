#include "twilio/call_status.h"

#include <algorithm>
#include <array>
#include <utility>

namespace al::twilio {
namespace {

constexpr std::array<std::pair<CallStatus, std::string_view>, 9> kNames = {{{CallStatus::kQueued, "queued"},
                                                                            {CallStatus::kInitiated, "initiated"},
                                                                            {CallStatus::kRinging, "ringing"},
                                                                            {CallStatus::kInProgress, "in-progress"},
                                                                            {CallStatus::kCompleted, "completed"},
                                                                            {CallStatus::kBusy, "busy"},
                                                                            {CallStatus::kFailed, "failed"},
                                                                            {CallStatus::kNoAnswer, "no-answer"},
                                                                            {CallStatus::kCanceled, "canceled"}}};

// `read` implies `delivered`; a message that failed stays failed.
constexpr std::array<std::pair<std::string_view, int>, 13> kMessageRanks = {{{"accepted", 1},
                                                                             {"scheduled", 1},
                                                                             {"receiving", 1},
                                                                             {"queued", 2},
                                                                             {"sending", 3},
                                                                             {"received", 4},
                                                                             {"sent", 4},
                                                                             {"partially_delivered", 5},
                                                                             {"delivered", 6},
                                                                             {"read", 7},
                                                                             {"undelivered", 8},
                                                                             {"failed", 8},
                                                                             {"canceled", 8}}};

}  // namespace

std::string_view to_string(CallStatus status) {
  return kNames[static_cast<std::size_t>(status)].second;
}

std::optional<CallStatus> call_status_from_text(std::string_view text) {
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&](const auto& entry) { return entry.second == text; });
  if (found == kNames.end()) return std::nullopt;
  return found->first;
}

int rank(CallStatus status) {
  constexpr int kTerminal = 4;
  return std::min(static_cast<int>(status), kTerminal);
}

bool is_terminal(CallStatus status) {
  return rank(status) == rank(CallStatus::kCompleted);
}

bool advances(CallStatus known, CallStatus reported) {
  return rank(reported) > rank(known);
}

int message_status_rank(std::string_view status) {
  const auto found = std::find_if(kMessageRanks.begin(), kMessageRanks.end(),
                                  [&](const auto& entry) { return entry.first == status; });
  return found == kMessageRanks.end() ? 0 : found->second;
}

bool message_status_advances(std::string_view known, std::string_view reported) {
  const int before = message_status_rank(known);
  const int after = message_status_rank(reported);
  // Delivered or read messages do not become undelivered by a late report of an earlier try.
  if (before >= message_status_rank("delivered") && after == message_status_rank("failed")) return false;
  return after > before;
}

}  // namespace al::twilio
