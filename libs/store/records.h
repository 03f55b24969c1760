// What happened, for people: calls, turns, slots, leads, messages. One of the three parts of store/store.h.
//
// Every write is idempotent: doing it twice is doing it once, so a write whose outcome is unknown is simply repeated.
// Text is stored as valid UTF-8 (bad bytes replaced, zeros dropped). Times are calendar times given by the caller; the
// store reads no clock. Errors: kTimeout (locked or too slow; try again), kClosed (the server is away; try again),
// kRejected (no permission, read-only), kInternal (disk full, damaged file). The detail is for the log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/time.h"

namespace al::store {

// Twilio's states of a call, in an order that a call never goes back in. The last five are final.
enum class CallStatus { kQueued, kRinging, kInProgress, kCompleted, kBusy, kFailed, kNoAnswer, kCanceled };
[[nodiscard]] std::string_view to_string(CallStatus status);                       // "in-progress"
[[nodiscard]] std::optional<CallStatus> parse_call_status(std::string_view text);  // "initiated" counts as queued
[[nodiscard]] bool is_final(CallStatus status);

struct CallRecord {
  CallSid sid;
  std::string channel = "phone";  // "phone" or "whatsapp"
  std::string from;               // E.164, or what the network gave ("anonymous")
  std::string to;
  CallStatus status = CallStatus::kQueued;
  std::string persona;
  std::string language;
  std::string node;
  WallTime started{};
  std::optional<WallTime> ended;
  std::string end_reason;     // "goodbye", "caller hung up", "voicemail", …
  std::string recording_url;  // voicemail
  std::string summary;
};

struct TurnRecord {
  CallSid call;
  TurnId turn;
  WallTime at{};
  std::string caller_text;
  std::string agent_text;   // what was to be said
  std::string agent_heard;  // what the caller heard of it
  bool interrupted = false;
  std::map<std::string, std::int64_t> latencies_ms;  // by stage: "stt", "llm", "tts", "total", …
};

using Slots = std::map<std::string, std::string>;

struct LeadRecord {
  std::string id;   // lead_id() of call and key; save_lead() fills it in
  std::string key;  // idempotency within the call: the same call and key is the same lead
  CallSid call;
  std::string phone;
  std::string name;
  Slots slots;
  std::string summary;
  bool confirmed = false;  // the caller agreed to the summary
  WallTime created{};
  WallTime updated{};
  std::string hand_over;  // "", "pending", "done", "failed": state of the delivery to the CRM
};
// The identifier of a lead: the same for the same call and key on every node, and no guess for a stranger who knows
// neither.
[[nodiscard]] std::string lead_id(const CallSid& call, std::string_view key);
struct SavedLead {
  std::string id;
  bool created = false;  // false: it was there already and has been updated
};

enum class MessageStatus { kQueued, kSent, kDelivered, kRead, kFailed, kReceived };
[[nodiscard]] std::string_view to_string(MessageStatus status);
[[nodiscard]] std::optional<MessageStatus> parse_message_status(std::string_view text);

struct MessageRecord {
  std::string id;        // ours; given by put_message() when empty
  std::string provider;  // "twilio", "bridge", "meta"
  std::string provider_id;
  bool inbound = false;
  std::string from;  // E.164 without a "whatsapp:" prefix
  std::string to;
  std::string body;
  std::vector<std::string> media;  // URLs
  MessageStatus status = MessageStatus::kQueued;
  std::string error;
  CallSid call;  // the call it belongs to, if any
  WallTime at{};
};

struct CallDetails {
  CallRecord call;
  std::vector<TurnRecord> turns;
  Slots slots;
  std::vector<LeadRecord> leads;
};

// The last row of a page: time and identifier, as the lists are ordered.
struct RecordCursor {
  WallTime at{};
  std::string id;
};
// As text for a URL: "1800000000000-CA…". parse_cursor: nullopt for anything else.
[[nodiscard]] std::string to_string(const RecordCursor& cursor);
[[nodiscard]] std::optional<RecordCursor> parse_cursor(std::string_view text);
[[nodiscard]] RecordCursor cursor_of(const CallRecord& call);
[[nodiscard]] RecordCursor cursor_of(const LeadRecord& lead);
[[nodiscard]] RecordCursor cursor_of(const MessageRecord& message);

// What to list: newest first. Empty fields do not restrict.
struct RecordFilter {
  std::string phone;  // from or to
  CallSid call;
  std::optional<WallTime> since;  // at or after
  std::optional<WallTime> before;
  std::optional<RecordCursor> after;  // the next page: what comes after this row
  std::optional<bool> inbound;        // messages only
  std::string provider_id;            // messages only: what the network calls it
  int limit = 100;                    // 1 .. 10000
};

struct RetentionPolicy {
  std::chrono::days records{90};  // calls, turns, slots, messages; 0 = kept
  std::chrono::days leads{730};   // 0 = kept
};

// What lies outside the database and belongs to a caller.
struct CallerTraces {
  std::vector<CallSid> calls;           // files are named after them
  std::vector<std::string> recordings;  // at Twilio
};

// A written conversation between two messages.
struct ChatRecord {
  std::string state;  // Conversation::save()
  WallTime updated{};
};

// Rows removed.
struct ErasureReport {
  std::size_t calls = 0;
  std::size_t turns = 0;
  std::size_t leads = 0;
  std::size_t messages = 0;
  std::size_t others = 0;  // registry and outbox rows that held the caller's data
  [[nodiscard]] std::size_t total() const { return calls + turns + leads + messages + others; }
};

struct HandOver;  // store/outbox.h

class Records {
 public:
  virtual ~Records() = default;

  // Inserts, or fills in: an empty field leaves what is stored, a status never goes back.
  virtual Result<void> put_call(const CallRecord& call) = 0;
  // False: the call is further already (callbacks arrive late and twice) and nothing was changed. A call that is not
  // known is inserted. A final status sets `ended`.
  virtual Result<bool> set_call_status(const CallSid& call, CallStatus status, WallTime at) = 0;
  // Insert or replace by (call, turn).
  virtual Result<void> put_turn(const TurnRecord& turn) = 0;
  // Replaces the given slots of a call, keeps others.
  virtual Result<void> put_slots(const CallSid& call, const Slots& slots, WallTime at) = 0;

  // Durable: when this returns a value, the lead survives kill -9 and, where the disk is honest, loss of power. Insert
  // or update by (call, key); an older `updated` than the stored one changes nothing. With `hand_over`, the row for the
  // CRM is queued in the same transaction, unless it is there.
  virtual Result<SavedLead> save_lead(const LeadRecord& lead, const HandOver* hand_over = nullptr) = 0;
  // "pending", "done" or "failed", as the outbox row `work_key` ended; unless another version of the lead is still on
  // its way.
  virtual Result<void> set_lead_hand_over(const CallSid& call, std::string_view key, std::string_view state,
                                          std::string_view work_key = {}) = 0;

  // Calls by telephone that are over, began since `began_after`, left a lead with words in it, and whose caller has not
  // been sent anything about it: neither queued (outbox key "summary:<sid>") nor decided against
  // (Registry::first_time() with the same key). Oldest first.
  virtual Result<std::vector<CallDetails>> calls_to_sum_up(WallTime began_after, int limit) = 0;

  // Insert by (provider, provider_id). False: known already (webhooks are repeated for days).
  virtual Result<bool> put_message(const MessageRecord& message) = 0;
  // False: unknown, or further already (read does not become delivered).
  virtual Result<bool> set_message_status(std::string_view provider, std::string_view provider_id, MessageStatus status,
                                          std::string_view error) = 0;

  // kNotFound: no such call.
  virtual Result<CallDetails> call(const CallSid& call) = 0;
  virtual Result<std::vector<CallRecord>> calls(const RecordFilter& filter) = 0;
  virtual Result<std::vector<LeadRecord>> leads(const RecordFilter& filter) = 0;
  virtual Result<std::vector<MessageRecord>> messages(const RecordFilter& filter) = 0;

  // Nobody may be written to who asked for it. Kept as a hash of the number, also through erase_caller(). Durable.
  virtual Result<void> set_opt_out(std::string_view phone, bool out, WallTime at) = 0;
  virtual Result<bool> opted_out(std::string_view phone) = 0;

  virtual Result<void> put_chat(std::string_view phone, const ChatRecord& chat) = 0;
  // kNotFound: none.
  virtual Result<ChatRecord> chat(std::string_view phone) = 0;

  // Calls and recordings of a number: look before erase_caller(), remove the files, then erase.
  virtual Result<CallerTraces> traces(std::string_view phone) = 0;
  // Removes everything that is known of a telephone number, in every table, and overwrites the freed space. Durable.
  virtual Result<ErasureReport> erase_caller(std::string_view phone) = 0;
  // Removes what is older than the policy allows.
  virtual Result<ErasureReport> apply_retention(const RetentionPolicy& policy, WallTime now) = 0;
};

}  // namespace al::store
