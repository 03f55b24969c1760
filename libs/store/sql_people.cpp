// The part of SqlRecords that is about a person rather than a call: their wish not to be written to, their chat, and
// what must go: by request or by age.
#include "core/secret.h"
#include "store/sql_records.h"

namespace al::store::sql {
namespace {

// The wish outlives an erasure, so the number itself is not kept.
std::string phone_hash(std::string_view phone) {
  return to_hex(as_bytes(sha256("opt-out\n" + std::string(phone))));
}

// Conversations that are written with a person have no identifier of a network: see agentd's ChatService.
std::string chat_call(std::string_view phone) {
  return "WA" + std::string(phone);
}

}  // namespace

Result<void> SqlRecords::set_opt_out(std::string_view phone, bool out, WallTime at) {
  const std::string hash = phone_hash(phone);
  const auto done =
      out ? connection_.run(Durability::kDurable,
                            "INSERT INTO opt_outs (phone_hash, at_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                            {text(hash), time(at)})
          : connection_.run(Durability::kDurable, "DELETE FROM opt_outs WHERE phone_hash = $1", {text(hash)});
  if (!done) return fail(done.error());
  return {};
}

Result<bool> SqlRecords::opted_out(std::string_view phone) {
  const auto rows =
      connection_.run(Durability::kRelaxed, "SELECT 1 FROM opt_outs WHERE phone_hash = $1", {text(phone_hash(phone))});
  if (!rows) return fail(rows.error());
  return !rows->empty();
}

Result<void> SqlRecords::put_chat(std::string_view phone, const ChatRecord& chat) {
  const auto done = connection_.run(
      Durability::kRelaxed,
      "INSERT INTO chats (phone, state, updated_ms) VALUES ($1, $2, $3) ON CONFLICT (phone) DO UPDATE SET "
      "state = excluded.state, updated_ms = excluded.updated_ms WHERE chats.updated_ms <= excluded.updated_ms",
      {text(phone), text(chat.state), time(chat.updated)});
  if (!done) return fail(done.error());
  return {};
}

Result<ChatRecord> SqlRecords::chat(std::string_view phone) {
  const auto rows =
      connection_.run(Durability::kRelaxed, "SELECT state, updated_ms FROM chats WHERE phone = $1", {text(phone)});
  if (!rows) return fail(rows.error());
  if (rows->empty()) return fail(Errc::kNotFound, "no conversation with this number");
  return ChatRecord{rows->text(0, 0), rows->time(0, 1)};
}

Result<std::size_t> SqlRecords::remove(std::string_view statement, std::initializer_list<Value> values) {
  auto rows = connection_.run(Durability::kDurable, statement, values);
  if (!rows) return fail(rows.error());
  return rows->affected();
}

Result<std::vector<std::string>> SqlRecords::calls_of(std::string_view phone) {
  const auto found = connection_.run(
      Durability::kDurable,
      "SELECT sid FROM calls WHERE caller = $1 OR sid = $2 UNION SELECT call_sid FROM leads WHERE phone = $1 OR "
      "call_sid = $2 UNION SELECT call_sid FROM slots WHERE value = $1 OR call_sid = $2 "
      "UNION SELECT call_sid FROM registry WHERE caller = $1",
      {text(phone), text(chat_call(phone))});
  if (!found) return fail(found.error());
  std::vector<std::string> sids;
  for (std::size_t i = 0; i < found->size(); ++i) sids.push_back(found->text(i, 0));
  return sids;
}

Result<CallerTraces> SqlRecords::traces(std::string_view phone) {
  const auto sids = calls_of(phone);
  if (!sids) return fail(sids.error());
  CallerTraces traces;
  for (const std::string& sid : *sids) {
    traces.calls.emplace_back(sid);
    const auto row = connection_.run(
        Durability::kRelaxed, "SELECT recording_url FROM calls WHERE sid = $1 AND recording_url <> ''", {text(sid)});
    if (!row) return fail(row.error());
    if (!row->empty()) traces.recordings.push_back(row->text(0, 0));
  }
  return traces;
}

Result<ErasureReport> SqlRecords::erase_caller(std::string_view phone) {
  ErasureReport report;
  const Value who = text(phone);
  const auto erased = transaction(connection_, Durability::kDurable, [&]() -> Result<bool> {
    report = {};
    const auto found = calls_of(phone);
    if (!found) return fail(found.error());
    struct Removal {
      std::size_t* count;
      std::string_view statement;
    };
    // The keys of queued work name the call: "lead:<sid>:…", "summary:<sid>".
    const Removal by_call[] = {
        {&report.turns, "DELETE FROM turns WHERE call_sid = $1"},
        {&report.others, "DELETE FROM slots WHERE call_sid = $1"},
        {&report.leads, "DELETE FROM leads WHERE call_sid = $1"},
        {&report.messages, "DELETE FROM messages WHERE call_sid = $1"},
        {&report.others, "DELETE FROM registry WHERE call_sid = $1"},
        {&report.others, "DELETE FROM outbox WHERE work_key LIKE 'lead:' || $1 || ':%' OR work_key = 'summary:' || $1"},
        {&report.calls, "DELETE FROM calls WHERE sid = $1"}};
    for (const std::string& sid : *found) {
      for (const Removal& removal : by_call) {
        auto count = remove(removal.statement, {text(sid)});
        if (!count) return fail(count.error());
        *removal.count += *count;
      }
    }
    const Removal by_person[] = {
        {&report.messages,
         "DELETE FROM messages WHERE (inbound = 1 AND sender = $1) OR (inbound = 0 AND recipient = $1)"},
        {&report.others, "DELETE FROM outbox WHERE subject = $1"},
        {&report.others, "DELETE FROM chats WHERE phone = $1"}};
    for (const Removal& removal : by_person) {
      auto count = remove(removal.statement, {who});
      if (!count) return fail(count.error());
      *removal.count += *count;
    }
    return true;
  });
  if (!erased) return fail(erased.error());
  for (const std::string& statement : connection_.scrub_statements()) {
    if (auto done = connection_.run(Durability::kDurable, statement); !done) return fail(done.error());
  }
  return report;
}

Result<ErasureReport> SqlRecords::apply_retention(const RetentionPolicy& policy, WallTime now) {
  return transaction(connection_, Durability::kDurable, [&]() -> Result<ErasureReport> {
    ErasureReport report;
    struct Removal {
      std::size_t* count;
      std::string_view statement;
      std::chrono::days age;
    };
    // Turns and slots also by their own age: those of written conversations have no call.
    const Removal removals[] = {
        {&report.turns,
         "DELETE FROM turns WHERE at_ms < $1 OR call_sid IN (SELECT sid FROM calls WHERE started_ms < $1)",
         policy.records},
        {&report.others,
         "DELETE FROM slots WHERE at_ms < $1 OR call_sid IN (SELECT sid FROM calls WHERE started_ms < $1)",
         policy.records},
        {&report.messages, "DELETE FROM messages WHERE at_ms < $1", policy.records},
        {&report.calls, "DELETE FROM calls WHERE started_ms < $1", policy.records},
        {&report.others, "DELETE FROM chats WHERE updated_ms < $1", policy.records},
        {&report.leads, "DELETE FROM leads WHERE updated_ms < $1", policy.leads},
        {&report.others, "DELETE FROM outbox WHERE state <> 0 AND created_ms < $1", policy.records}};
    for (const Removal& removal : removals) {
      if (removal.age.count() == 0) continue;
      auto count = remove(removal.statement, {time(now - removal.age)});
      if (!count) return fail(count.error());
      *removal.count += *count;
    }
    return report;
  });
}

}  // namespace al::store::sql
