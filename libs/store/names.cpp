// Enumerations as text, and the words for transitions that did not happen.
#include <array>
#include <charconv>
#include <utility>

#include "core/secret.h"
#include "store/records.h"
#include "store/registry_rules.h"

namespace al::store {
namespace {

constexpr std::array<std::string_view, 8> kCallStatuses = {"queued", "ringing", "in-progress", "completed",
                                                           "busy",   "failed",  "no-answer",   "canceled"};
constexpr std::array<std::string_view, 6> kMessageStatuses = {"queued", "sent",   "delivered",
                                                              "read",   "failed", "received"};
constexpr std::array<std::string_view, 6> kPhases = {"expected",    "started",    "media",
                                                     "redirecting", "redirected", "ended"};

template <typename Enum, std::size_t N>
std::optional<Enum> from_name(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

template <typename Enum, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : "unknown";
}

}  // namespace

std::string_view to_string(CallStatus status) {
  return name_of(kCallStatuses, status);
}
std::string_view to_string(MessageStatus status) {
  return name_of(kMessageStatuses, status);
}
std::string_view to_string(Phase phase) {
  return name_of(kPhases, phase);
}

std::optional<CallStatus> parse_call_status(std::string_view text) {
  if (text == "initiated") return CallStatus::kQueued;
  return from_name<CallStatus>(kCallStatuses, text);
}
std::optional<MessageStatus> parse_message_status(std::string_view text) {
  // Twilio's further words: accepted, scheduled and sending come before sent; undelivered is final.
  if (text == "accepted" || text == "scheduled" || text == "sending") return MessageStatus::kQueued;
  if (text == "undelivered" || text == "canceled") return MessageStatus::kFailed;
  if (text == "receiving") return MessageStatus::kReceived;
  return from_name<MessageStatus>(kMessageStatuses, text);
}
std::optional<Phase> parse_phase(std::string_view text) {
  return from_name<Phase>(kPhases, text);
}

bool is_final(CallStatus status) {
  return status >= CallStatus::kCompleted;
}

std::string hash_token(std::string_view token) {
  return token.empty() ? std::string() : to_hex(as_bytes(sha256(token)));
}

std::string lead_id(const CallSid& call, std::string_view key) {
  const Sha256Digest digest = sha256(call.str() + '\n' + std::string(key));
  return base64url_encode(as_bytes(digest).substr(0, 16));
}

std::string to_string(const RecordCursor& cursor) {
  return std::to_string(cursor.at.time_since_epoch().count()) + "-" + cursor.id;
}

std::optional<RecordCursor> parse_cursor(std::string_view text) {
  std::int64_t ms = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), ms);
  const auto digits = static_cast<std::size_t>(stop - text.data());
  if (fault != std::errc{} || digits >= text.size() || text[digits] != '-') return std::nullopt;
  return RecordCursor{WallTime{milliseconds{ms}}, std::string(text.substr(digits + 1))};
}

RecordCursor cursor_of(const CallRecord& call) {
  return {call.started, call.sid.str()};
}
RecordCursor cursor_of(const LeadRecord& lead) {
  return {lead.created, lead.id};
}
RecordCursor cursor_of(const MessageRecord& message) {
  return {message.at, message.id};
}

Error why_not_offered(const RegistryRow& row, const StreamOffer& offer) {
  const std::string who = "call " + row.call.str();
  if (row.finished) return {Errc::kConflict, who + ": the conversation is finished"};
  if (row.phase == Phase::kEnded) return {Errc::kConflict, who + " has ended"};
  if (offer.kind == OfferKind::kNewCall) return {Errc::kConflict, who + " has a stream already"};
  return {Errc::kRejected, who + ": resumed " + std::to_string(row.resumes) + " times, that is enough"};
}

Error why_not_accepted(const RegistryRow& row) {
  const std::string who = "call " + row.call.str();
  if (row.phase == Phase::kExpected)
    return {Errc::kRejected, who + ": the token is wrong, expired or of another account"};
  if (row.phase == Phase::kStarted || row.phase == Phase::kMedia) return {Errc::kConflict, who + " has another stream"};
  return {Errc::kConflict, who + " is " + std::string(to_string(row.phase))};
}

bool is_repeated_start(const RegistryRow& row, const StreamStart& start) {
  return (row.phase == Phase::kStarted || row.phase == Phase::kMedia) && !start.stream.empty() &&
         row.stream == start.stream && row.node == start.node;
}

}  // namespace al::store
