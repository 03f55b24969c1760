// The reading half of SqlRecords.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "store/sql_records.h"

namespace al::store::sql {
namespace {

constexpr int kMaxRows = 10000;

template <typename Map>
Map map_of(const std::string& json) {
  Map out;
  const auto parsed = parse_json(json);
  if (!parsed || !parsed->is_object()) return out;
  for (const auto& [key, value] : parsed->items()) {
    using Mapped = typename Map::mapped_type;
    if constexpr (std::is_same_v<Mapped, std::string>) {
      if (value.is_string()) out[key] = value.template get<std::string>();
    } else {
      if (value.is_number_integer()) out[key] = value.template get<Mapped>();
    }
  }
  return out;
}

std::vector<std::string> list_of(const std::string& json) {
  std::vector<std::string> out;
  const auto parsed = parse_json(json);
  if (!parsed || !parsed->is_array()) return out;
  for (const auto& item : *parsed) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

// A list with conditions that are only there when the filter asks for them.
class Query {
 public:
  explicit Query(std::string select) : text_(std::move(select)) {}
  // `condition` has one # where the value goes (or several, for the same value).
  void where(std::string_view condition, Value value) {
    values_.push_back(std::move(value));
    text_ += values_.size() == 1 ? " WHERE (" : " AND (";
    for (const char c : condition) {
      if (c == '#') {
        text_ += '$' + std::to_string(values_.size());
      } else {
        text_ += c;
      }
    }
    text_ += ')';
  }
  // Rows behind `cursor` in the order "newest first, then by identifier".
  void after(const std::string& time_column, const std::string& id_column, const RecordCursor& cursor) {
    where(time_column + " <= #", time(cursor.at));
    const std::string at = "$" + std::to_string(values_.size());
    where(time_column + " < " + at + " OR " + id_column + " > #", text(cursor.id));
  }
  Result<Rows> run(Connection& connection, std::string_view order, int limit) {
    text_ += " ORDER BY ";
    text_ += order;
    text_ += " LIMIT " + std::to_string(std::clamp(limit, 1, kMaxRows));
    return connection.run(Durability::kRelaxed, text_, std::span<const Value>(values_));
  }

 private:
  std::string text_;
  std::vector<Value> values_;
};

void common_conditions(Query& query, const RecordFilter& filter, std::string_view phone_condition,
                       std::string_view call_column, const std::string& time_column, const std::string& id_column) {
  if (!filter.phone.empty()) query.where(phone_condition, text(filter.phone));
  if (!filter.call.empty()) query.where(std::string(call_column) + " = #", text(filter.call.str()));
  if (filter.since) query.where(time_column + " >= #", time(*filter.since));
  if (filter.before) query.where(time_column + " < #", time(*filter.before));
  if (filter.after) query.after(time_column, id_column, *filter.after);
}

CallRecord call_at(const Rows& rows, std::size_t row) {
  CallRecord call;
  call.sid = CallSid(rows.text(row, 0));
  call.channel = rows.text(row, 1);
  call.from = rows.text(row, 2);
  call.to = rows.text(row, 3);
  call.status = static_cast<CallStatus>(rows.number(row, 4));
  call.persona = rows.text(row, 5);
  call.language = rows.text(row, 6);
  call.node = rows.text(row, 7);
  call.started = rows.time(row, 8);
  call.ended = rows.maybe_time(row, 9);
  call.end_reason = rows.text(row, 10);
  call.recording_url = rows.text(row, 11);
  call.summary = rows.text(row, 12);
  return call;
}

}  // namespace

Result<CallDetails> SqlRecords::call(const CallSid& call) {
  RecordFilter filter;
  filter.call = call;
  filter.limit = 1;
  auto found = calls(filter);
  if (!found) return fail(found.error());
  if (found->empty()) return fail(Errc::kNotFound, "no call " + call.str());
  CallDetails details;
  details.call = std::move(found->front());

  const auto turns =
      connection_.run(Durability::kRelaxed,
                      "SELECT turn, at_ms, caller_text, agent_text, agent_heard, interrupted, latencies FROM turns "
                      "WHERE call_sid = $1 ORDER BY turn",
                      {text(call.str())});
  if (!turns) return fail(turns.error());
  for (std::size_t i = 0; i < turns->size(); ++i) {
    TurnRecord turn;
    turn.call = call;
    turn.turn = TurnId{static_cast<std::uint64_t>(turns->number(i, 0))};
    turn.at = turns->time(i, 1);
    turn.caller_text = turns->text(i, 2);
    turn.agent_text = turns->text(i, 3);
    turn.agent_heard = turns->text(i, 4);
    turn.interrupted = turns->flag(i, 5);
    turn.latencies_ms = map_of<std::map<std::string, std::int64_t>>(turns->text(i, 6));
    details.turns.push_back(std::move(turn));
  }
  const auto slots =
      connection_.run(Durability::kRelaxed, "SELECT name, value FROM slots WHERE call_sid = $1", {text(call.str())});
  if (!slots) return fail(slots.error());
  for (std::size_t i = 0; i < slots->size(); ++i) details.slots[slots->text(i, 0)] = slots->text(i, 1);
  filter.limit = kMaxRows;
  auto its_leads = leads(filter);
  if (!its_leads) return fail(its_leads.error());
  details.leads = *std::move(its_leads);
  return details;
}

Result<std::vector<CallDetails>> SqlRecords::calls_to_sum_up(WallTime began_after, int limit) {
  // The status of a call comes from Twilio; where nobody reports it, the registry still knows that the conversation
  // came to its end (phase 5) or was finished.
  const auto rows = connection_.run(
      Durability::kRelaxed,
      "SELECT DISTINCT c.sid, c.started_ms FROM calls c JOIN leads l ON l.call_sid = c.sid "
      "LEFT JOIN registry r ON r.call_sid = c.sid "
      "WHERE c.channel = 'phone' AND c.started_ms >= $1 AND l.slots <> '{}' AND l.summary <> '' "
      "AND (c.status >= 3 OR r.phase = 5 OR r.finished = 1) "
      "AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.kind = 'whatsapp' AND o.work_key = 'summary:' || c.sid) "
      "AND NOT EXISTS (SELECT 1 FROM seen s WHERE s.seen_key = 'summary:' || c.sid) "
      "ORDER BY c.started_ms, c.sid LIMIT " +
          std::to_string(std::clamp(limit, 1, kMaxRows)),
      {time(began_after)});
  if (!rows) return fail(rows.error());
  std::vector<CallDetails> out;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    auto details = call(CallSid(rows->text(i, 0)));
    if (!details) return fail(details.error());
    out.push_back(*std::move(details));
  }
  return out;
}

Result<std::vector<CallRecord>> SqlRecords::calls(const RecordFilter& filter) {
  Query query(
      "SELECT sid, channel, caller, callee, status, persona, language, node, started_ms, ended_ms, end_reason, "
      "recording_url, "
      "summary FROM calls");
  common_conditions(query, filter, "caller = # OR callee = #", "sid", "started_ms", "sid");
  const auto rows = query.run(connection_, "started_ms DESC, sid", filter.limit);
  if (!rows) return fail(rows.error());
  std::vector<CallRecord> out;
  for (std::size_t i = 0; i < rows->size(); ++i) out.push_back(call_at(*rows, i));
  return out;
}

Result<std::vector<LeadRecord>> SqlRecords::leads(const RecordFilter& filter) {
  Query query(
      "SELECT id, call_sid, lead_key, phone, name, slots, summary, confirmed, created_ms, updated_ms, hand_over FROM "
      "leads");
  common_conditions(query, filter, "phone = #", "call_sid", "created_ms", "id");
  const auto rows = query.run(connection_, "created_ms DESC, id", filter.limit);
  if (!rows) return fail(rows.error());
  std::vector<LeadRecord> out;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    LeadRecord lead;
    lead.id = rows->text(i, 0);
    lead.call = CallSid(rows->text(i, 1));
    lead.key = rows->text(i, 2);
    lead.phone = rows->text(i, 3);
    lead.name = rows->text(i, 4);
    lead.slots = map_of<Slots>(rows->text(i, 5));
    lead.summary = rows->text(i, 6);
    lead.confirmed = rows->flag(i, 7);
    lead.created = rows->time(i, 8);
    lead.updated = rows->time(i, 9);
    lead.hand_over = rows->text(i, 10);
    out.push_back(std::move(lead));
  }
  return out;
}

Result<std::vector<MessageRecord>> SqlRecords::messages(const RecordFilter& filter) {
  Query query(
      "SELECT id, provider, provider_id, inbound, sender, recipient, body, media, status, error, call_sid, at_ms FROM "
      "messages");
  common_conditions(query, filter, "sender = # OR recipient = #", "call_sid", "at_ms", "id");
  if (filter.inbound) query.where("inbound = #", flag(*filter.inbound));
  if (!filter.provider_id.empty()) query.where("provider_id = #", text(filter.provider_id));
  const auto rows = query.run(connection_, "at_ms DESC, id", filter.limit);
  if (!rows) return fail(rows.error());
  std::vector<MessageRecord> out;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    MessageRecord message;
    message.id = rows->text(i, 0);
    message.provider = rows->text(i, 1);
    message.provider_id = rows->text(i, 2);
    message.inbound = rows->flag(i, 3);
    message.from = rows->text(i, 4);
    message.to = rows->text(i, 5);
    message.body = rows->text(i, 6);
    message.media = list_of(rows->text(i, 7));
    message.status = static_cast<MessageStatus>(rows->number(i, 8));
    message.error = rows->text(i, 9);
    message.call = CallSid(rows->text(i, 10));
    message.at = rows->time(i, 11);
    out.push_back(std::move(message));
  }
  return out;
}

}  // namespace al::store::sql
