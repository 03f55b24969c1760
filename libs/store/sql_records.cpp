#include "store/sql_records.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"

namespace al::store::sql {
namespace {

std::string json_of(const Slots& slots) {
  return dump_json(nlohmann::json(slots));
}
std::string json_of(const std::map<std::string, std::int64_t>& numbers) {
  return dump_json(nlohmann::json(numbers));
}
std::string json_of(const std::vector<std::string>& items) {
  return dump_json(nlohmann::json(items));
}

Result<void> nothing(const Result<Rows>& rows) {
  if (!rows) return fail(rows.error());
  return {};
}

}  // namespace

Result<void> SqlRecords::put_call(const CallRecord& call) {
  // A status is final from kCompleted on; `ended` is set once.
  return nothing(connection_.run(
      Durability::kRelaxed,
      "INSERT INTO calls (sid, channel, caller, callee, status, persona, language, node, started_ms, ended_ms, "
      "end_reason, "
      "recording_url, summary) VALUES (" +
          placeholders(1, 13) +
          ") ON CONFLICT (sid) DO UPDATE SET "
          "channel = excluded.channel, "
          "caller = CASE WHEN excluded.caller = '' THEN calls.caller ELSE excluded.caller END, "
          "callee = CASE WHEN excluded.callee = '' THEN calls.callee ELSE excluded.callee END, "
          "status = CASE WHEN calls.status >= 3 OR excluded.status < calls.status THEN calls.status ELSE "
          "excluded.status END, "
          "persona = CASE WHEN excluded.persona = '' THEN calls.persona ELSE excluded.persona END, "
          "language = CASE WHEN excluded.language = '' THEN calls.language ELSE excluded.language END, "
          "node = CASE WHEN excluded.node = '' THEN calls.node ELSE excluded.node END, "
          "started_ms = CASE WHEN excluded.started_ms = 0 THEN calls.started_ms ELSE excluded.started_ms END, "
          "ended_ms = COALESCE(calls.ended_ms, excluded.ended_ms), "
          "end_reason = CASE WHEN excluded.end_reason = '' THEN calls.end_reason ELSE excluded.end_reason END, "
          "recording_url = CASE WHEN excluded.recording_url = '' THEN calls.recording_url ELSE excluded.recording_url "
          "END, "
          "summary = CASE WHEN excluded.summary = '' THEN calls.summary ELSE excluded.summary END",
      {text(call.sid.str()), text(call.channel), text(call.from), text(call.to), number(static_cast<int>(call.status)),
       text(call.persona), text(call.language), text(call.node), time(call.started), time(call.ended),
       text(call.end_reason), text(call.recording_url), text(call.summary)}));
}

Result<bool> SqlRecords::set_call_status(const CallSid& call, CallStatus status, WallTime at) {
  const std::optional<WallTime> ended = is_final(status) ? std::optional(at) : std::nullopt;
  const auto rows =
      connection_.run(Durability::kRelaxed,
                      "INSERT INTO calls (sid, channel, caller, callee, status, persona, language, node, started_ms, "
                      "ended_ms, end_reason, "
                      "recording_url, summary) VALUES ($1, 'phone', '', '', $2, '', '', '', $3, $4, '', '', '') "
                      "ON CONFLICT (sid) DO UPDATE SET status = excluded.status, ended_ms = COALESCE(calls.ended_ms, "
                      "excluded.ended_ms) "
                      "WHERE calls.status < 3 AND calls.status < excluded.status RETURNING sid",
                      {text(call.str()), number(static_cast<int>(status)), time(at), time(ended)});
  if (!rows) return fail(rows.error());
  return !rows->empty();
}

Result<void> SqlRecords::put_turn(const TurnRecord& turn) {
  return nothing(connection_.run(
      Durability::kRelaxed,
      "INSERT INTO turns (call_sid, turn, at_ms, caller_text, agent_text, agent_heard, interrupted, latencies) VALUES "
      "(" +
          placeholders(1, 8) +
          ") ON CONFLICT (call_sid, turn) DO UPDATE SET at_ms = excluded.at_ms, caller_text = excluded.caller_text, "
          "agent_text = excluded.agent_text, agent_heard = excluded.agent_heard, interrupted = excluded.interrupted, "
          "latencies = excluded.latencies",
      {text(turn.call.str()), number(static_cast<std::int64_t>(turn.turn.value)), time(turn.at), text(turn.caller_text),
       text(turn.agent_text), text(turn.agent_heard), flag(turn.interrupted), text(json_of(turn.latencies_ms))}));
}

Result<void> SqlRecords::put_slots(const CallSid& call, const Slots& slots, WallTime at) {
  return transaction(connection_, Durability::kRelaxed, [&]() -> Result<void> {
    for (const auto& [name, value] : slots) {
      auto done =
          connection_.run(Durability::kRelaxed,
                          "INSERT INTO slots (call_sid, name, value, at_ms) VALUES ($1, $2, $3, $4) "
                          "ON CONFLICT (call_sid, name) DO UPDATE SET value = excluded.value, at_ms = excluded.at_ms",
                          {text(call.str()), text(name), text(value), time(at)});
      if (!done) return fail(done.error());
    }
    return {};
  });
}

Result<SavedLead> SqlRecords::save_lead(const LeadRecord& lead, const HandOver* hand_over) {
  const std::string id = lead_id(lead.call, lead.key);
  const WallTime updated = std::max(lead.created, lead.updated);
  return transaction(connection_, Durability::kDurable, [&]() -> Result<SavedLead> {
    const auto inserted = connection_.run(
        Durability::kDurable,
        "INSERT INTO leads (id, call_sid, lead_key, phone, name, slots, summary, confirmed, created_ms, updated_ms, "
        "hand_over) "
        "VALUES (" +
            placeholders(1, 10) + ", '') ON CONFLICT DO NOTHING RETURNING id",
        {text(id), text(lead.call.str()), text(lead.key), text(lead.phone), text(lead.name), text(json_of(lead.slots)),
         text(lead.summary), flag(lead.confirmed), time(lead.created), time(updated)});
    if (!inserted) return fail(inserted.error());
    if (inserted->empty()) {
      const auto changed = connection_.run(Durability::kDurable,
                                           "UPDATE leads SET phone = $2, name = $3, slots = $4, summary = $5, "
                                           "confirmed = $6, updated_ms = $7 WHERE id = $1 AND updated_ms <= $7",
                                           {text(id), text(lead.phone), text(lead.name), text(json_of(lead.slots)),
                                            text(lead.summary), flag(lead.confirmed), time(updated)});
      if (!changed) return fail(changed.error());
      if (changed->affected() == 0) return SavedLead{id, false};  // overtaken by a later word
    }
    if (hand_over != nullptr) {
      const auto queued = enqueue_work(connection_, *hand_over, updated);
      if (!queued) return fail(queued.error());
      const auto marked = !*queued
                              ? Result<Rows>(Rows())
                              : connection_.run(Durability::kDurable,
                                                "UPDATE leads SET hand_over = 'pending' WHERE id = $1", {text(id)});
      if (!marked) return fail(marked.error());
    }
    return SavedLead{id, !inserted->empty()};
  });
}

Result<void> SqlRecords::set_lead_hand_over(const CallSid& call, std::string_view key, std::string_view state,
                                            std::string_view work_key) {
  return nothing(connection_.run(
      Durability::kDurable,
      "UPDATE leads SET hand_over = $3 WHERE call_sid = $1 AND lead_key = $2 AND NOT EXISTS (SELECT 1 FROM outbox "
      "WHERE "
      "kind = 'crm' AND state = 0 AND work_key <> $4 AND work_key LIKE 'lead:' || $1 || ':' || $2 || ':%')",
      {text(call.str()), text(key), text(state), text(work_key)}));
}

Result<bool> SqlRecords::put_message(const MessageRecord& message) {
  const std::string id = message.id.empty() ? random_token() : message.id;
  const auto rows = transaction(connection_, Durability::kDurable, [&]() -> Result<bool> {
    if (!message.provider_id.empty()) {
      const auto known =
          connection_.run(Durability::kDurable, "SELECT id FROM messages WHERE provider = $1 AND provider_id = $2",
                          {text(message.provider), text(message.provider_id)});
      if (!known) return fail(known.error());
      if (!known->empty() && known->text(0, 0) != id) return false;
    }
    const auto put = connection_.run(
        Durability::kDurable,
        "INSERT INTO messages (id, provider, provider_id, inbound, sender, recipient, body, media, status, error, "
        "call_sid, at_ms) "
        "VALUES (" +
            placeholders(1, 12) +
            ") ON CONFLICT (id) DO UPDATE SET provider = excluded.provider, "
            "provider_id = CASE WHEN excluded.provider_id = '' THEN messages.provider_id ELSE excluded.provider_id "
            "END, "
            "status = CASE WHEN excluded.status > messages.status THEN excluded.status ELSE messages.status END, "
            "error = excluded.error",
        {text(id), text(message.provider), text(message.provider_id), flag(message.inbound), text(message.from),
         text(message.to), text(message.body), text(json_of(message.media)), number(static_cast<int>(message.status)),
         text(message.error), text(message.call.str()), time(message.at)});
    if (!put) return fail(put.error());
    return true;
  });
  // Another node took the same webhook between our look and our insert.
  if (!rows && rows.error().code == Errc::kConflict) return false;
  return rows;
}

Result<bool> SqlRecords::set_message_status(std::string_view provider, std::string_view provider_id,
                                            MessageStatus status, std::string_view error) {
  const auto rows =
      connection_.run(Durability::kRelaxed,
                      "UPDATE messages SET status = $3, error = $4 WHERE provider = $1 AND provider_id = $2 AND "
                      "provider_id <> '' AND status < $3 AND status <> 5 AND NOT (status >= 2 AND $3 = 4) RETURNING id",
                      {text(provider), text(provider_id), number(static_cast<int>(status)), text(error)});
  if (!rows) return fail(rows.error());
  return !rows->empty();
}

}  // namespace al::store::sql
