#include "store/sql_registry.h"

#include <algorithm>
#include <tuple>

#include "store/registry_rules.h"

namespace al::store::sql {
namespace {

// Phases as stored: 0 expected, 1 started, 2 media, 3 redirecting, 4 redirected, 5 ended.
static_assert(static_cast<int>(Phase::kExpected) == 0 && static_cast<int>(Phase::kEnded) == 5);

#define AL_REGISTRY_COLUMNS                                                                                      \
  "call_sid, account, phase, node, stream, deadline_ms, resumes, finished, reason, caller, called, checkpoint, " \
  "created_ms, "                                                                                                 \
  "updated_ms"

RegistryRow row_of(const Rows& rows, std::size_t i) {
  RegistryRow row;
  row.call = CallSid(rows.text(i, 0));
  row.account = AccountSid(rows.text(i, 1));
  row.phase = static_cast<Phase>(rows.number(i, 2));
  row.node = rows.text(i, 3);
  row.stream = StreamSid(rows.text(i, 4));
  row.deadline = rows.maybe_time(i, 5);
  row.resumes = static_cast<int>(rows.number(i, 6));
  row.finished = rows.flag(i, 7);
  row.reason = rows.text(i, 8);
  row.caller = rows.text(i, 9);
  row.called = rows.text(i, 10);
  row.checkpoint = rows.text(i, 11);
  row.created = rows.time(i, 12);
  row.updated = rows.time(i, 13);
  return row;
}

std::vector<RegistryRow> rows_of(const Rows& rows) {
  std::vector<RegistryRow> out;
  for (std::size_t i = 0; i < rows.size(); ++i) out.push_back(row_of(rows, i));
  std::sort(out.begin(), out.end(), [](const RegistryRow& a, const RegistryRow& b) {
    return std::tie(a.created, a.call) < std::tie(b.created, b.call);
  });
  return out;
}

WallTime after(WallTime now, Duration lease) {
  return now + std::chrono::ceil<milliseconds>(lease);
}

constexpr Durability kRelaxed = Durability::kRelaxed;

}  // namespace

Result<bool> SqlRegistry::change(std::string_view statement, std::initializer_list<Value> values) {
  const auto rows = connection_.run(kRelaxed, statement, values);
  if (!rows) return fail(rows.error());
  return !rows->empty();
}

Result<RegistryRow> SqlRegistry::offer_stream(const StreamOffer& offer, WallTime now) {
  Result<Rows> rows = Rows();
  if (offer.kind == OfferKind::kNewCall) {
    rows = connection_.run(
        kRelaxed,
        "INSERT INTO registry (call_sid, account, phase, node, stream, deadline_ms, resumes, finished, reason, caller, "
        "called, "
        "checkpoint, token_hash, token_expires_ms, created_ms, updated_ms) "
        "VALUES ($1, $2, 0, $3, '', $4, 0, 0, '', $5, $6, '', $7, $8, $9, $10) "
        "ON CONFLICT (call_sid) DO UPDATE SET node = excluded.node, deadline_ms = excluded.deadline_ms, "
        "token_hash = excluded.token_hash, token_expires_ms = excluded.token_expires_ms, updated_ms = "
        "excluded.updated_ms "
        "WHERE registry.phase = 0 RETURNING " AL_REGISTRY_COLUMNS,
        {text(offer.call.str()), text(offer.account.str()), text(offer.node), time(offer.deadline), text(offer.caller),
         text(offer.called), text(offer.token_hash), time(offer.token_expires), time(now), time(now)});
  } else {
    const bool counts = offer.kind == OfferKind::kResume;
    rows = connection_.run(
        kRelaxed,
        "UPDATE registry SET phase = 0, stream = '', resumes = resumes + $2, node = $3, deadline_ms = $4, "
        "token_hash = $5, token_expires_ms = $6, updated_ms = $7 WHERE call_sid = $1 AND finished = 0 AND phase <= 2 "
        "AND (resumes < $8 OR $2 = 0) RETURNING " AL_REGISTRY_COLUMNS,
        {text(offer.call.str()), number(counts ? 1 : 0), text(offer.node), time(offer.deadline), text(offer.token_hash),
         time(offer.token_expires), time(now), number(offer.max_resumes)});
  }
  if (!rows) return fail(rows.error());
  if (!rows->empty()) return row_of(*rows, 0);
  auto found = find(offer.call);
  if (!found || goes_to_voicemail(*found)) return found;
  return fail(why_not_offered(*found, offer));
}

Result<RegistryRow> SqlRegistry::accept_stream(const StreamStart& start, WallTime now) {
  const auto rows = connection_.run(
      kRelaxed,
      "UPDATE registry SET phase = 1, stream = $4, node = $5, deadline_ms = $6, token_hash = '', updated_ms = $7 "
      "WHERE call_sid = $1 AND phase = 0 AND (account = $2 OR account = '') AND token_hash = $3 AND token_hash <> '' "
      "AND "
      "token_expires_ms >= $7 RETURNING " AL_REGISTRY_COLUMNS,
      {text(start.call.str()), text(start.account.str()), text(start.token_hash), text(start.stream.str()),
       text(start.node), time(start.media_deadline), time(now)});
  if (!rows) return fail(rows.error());
  if (!rows->empty()) return row_of(*rows, 0);
  const auto found = find(start.call);
  if (!found) return fail(found.error());
  if (is_repeated_start(*found, start)) return *found;
  return fail(why_not_accepted(*found));
}

Result<bool> SqlRegistry::media_arrived(const CallSid& call, const StreamSid& stream, WallTime now) {
  return change(
      "UPDATE registry SET phase = 2, deadline_ms = NULL, updated_ms = $3 WHERE call_sid = $1 AND stream = $2 AND "
      "stream <> '' AND "
      "phase IN (1, 2) RETURNING call_sid",
      {text(call.str()), text(stream.str()), time(now)});
}

Result<bool> SqlRegistry::save_checkpoint(const CallSid& call, const StreamSid& stream, std::string_view checkpoint,
                                          WallTime now) {
  return change(
      "UPDATE registry SET checkpoint = $3, updated_ms = $4 WHERE call_sid = $1 AND stream = $2 AND stream <> '' AND "
      "phase IN (1, 2) RETURNING call_sid",
      {text(call.str()), text(stream.str()), text(checkpoint), time(now)});
}

Result<bool> SqlRegistry::keep_alive(const CallSid& call, const StreamSid& stream, WallTime until, WallTime now) {
  return change(
      "UPDATE registry SET deadline_ms = $3, updated_ms = $4 WHERE call_sid = $1 AND stream = $2 AND stream <> '' AND "
      "phase IN (1, 2) RETURNING call_sid",
      {text(call.str()), text(stream.str()), time(until), time(now)});
}

Result<std::size_t> SqlRegistry::orphan(std::string_view node, WallTime deadline, WallTime now) {
  const auto rows = connection_.run(kRelaxed,
                                    "UPDATE registry SET deadline_ms = $2, updated_ms = $3 WHERE phase IN (1, 2) AND "
                                    "(node = $1 OR $1 = '') RETURNING call_sid",
                                    {text(node), time(deadline), time(now)});
  if (!rows) return fail(rows.error());
  return rows->size();
}

Result<bool> SqlRegistry::close_stream(const CallSid& call, const StreamSid& stream, bool finished,
                                       std::string_view reason, WallTime now) {
  return change(
      "UPDATE registry SET finished = $3, reason = $4, updated_ms = $5 WHERE call_sid = $1 AND "
      "stream = $2 AND "
      "stream <> '' AND phase IN (1, 2) RETURNING call_sid",
      {text(call.str()), text(stream.str()), flag(finished), text(reason), time(now)});
}

Result<std::vector<RegistryRow>> SqlRegistry::claim_due(std::string_view node, WallTime now, Duration lease,
                                                        int limit) {
  const auto rows =
      connection_.run(kRelaxed,
                      "UPDATE registry SET phase = 3, node = $1, deadline_ms = $3, updated_ms = $2 WHERE call_sid IN "
                      "(SELECT call_sid FROM registry "
                      "WHERE deadline_ms <= $2 AND phase IN (0, 1, 2, 3) ORDER BY deadline_ms, call_sid LIMIT " +
                          std::to_string(std::max(limit, 1)) + std::string(connection_.skip_locked()) +
                          ") RETURNING " AL_REGISTRY_COLUMNS,
                      {text(node), time(now), time(after(now, lease))});
  if (!rows) return fail(rows.error());
  return rows_of(*rows);
}

Result<bool> SqlRegistry::claim_redirect(const CallSid& call, const StreamSid& stream, std::string_view node,
                                         WallTime now, Duration lease) {
  return change(
      "UPDATE registry SET phase = 3, node = $3, deadline_ms = $5, updated_ms = $4 WHERE call_sid = $1 AND stream = $2 "
      "AND "
      "((phase = 0 AND stream = '') OR (phase IN (1, 2) AND stream <> '')) RETURNING call_sid",
      {text(call.str()), text(stream.str()), text(node), time(now), time(after(now, lease))});
}

Result<bool> SqlRegistry::finish_redirect(const CallSid& call, std::string_view node, RedirectEnd end, WallTime now,
                                          WallTime again_at) {
  const bool back = end == RedirectEnd::kNotSent || end == RedirectEnd::kFailed;
  if (back) {
    const Value deadline = end == RedirectEnd::kNotSent ? time(again_at) : Value{};
    return change(
        "UPDATE registry SET phase = CASE WHEN stream = '' THEN 0 ELSE 1 END, deadline_ms = $3, updated_ms = $4 "
        "WHERE call_sid = $1 AND node = $2 AND phase = 3 RETURNING call_sid",
        {text(call.str()), text(node), deadline, time(now)});
  }
  const Phase phase = end == RedirectEnd::kDone ? Phase::kRedirected : Phase::kEnded;
  return change(
      "UPDATE registry SET phase = $3, deadline_ms = NULL, token_hash = '', updated_ms = $4 WHERE call_sid = $1 AND "
      "node = $2 AND "
      "phase = 3 RETURNING call_sid",
      {text(call.str()), text(node), number(static_cast<int>(phase)), time(now)});
}

Result<bool> SqlRegistry::end_call(const CallSid& call, std::string_view reason, WallTime now) {
  return change(
      "UPDATE registry SET phase = 5, deadline_ms = NULL, token_hash = '', checkpoint = '', reason = $2, updated_ms = "
      "$3 "
      "WHERE call_sid = $1 AND phase <> 5 RETURNING call_sid",
      {text(call.str()), text(reason), time(now)});
}

Result<RegistryRow> SqlRegistry::find(const CallSid& call) {
  const auto rows =
      connection_.run(kRelaxed, "SELECT " AL_REGISTRY_COLUMNS " FROM registry WHERE call_sid = $1", {text(call.str())});
  if (!rows) return fail(rows.error());
  if (rows->empty()) return fail(Errc::kNotFound, "call " + call.str() + " is not in the registry");
  return row_of(*rows, 0);
}

Result<std::vector<RegistryRow>> SqlRegistry::live(std::string_view node, int limit) {
  const auto rows = connection_.run(
      kRelaxed,
      "SELECT " AL_REGISTRY_COLUMNS
      " FROM registry WHERE phase <> 5 AND (node = $1 OR $1 = '') ORDER BY created_ms, call_sid LIMIT " +
          std::to_string(std::clamp(limit, 1, 100000)),
      {text(node)});
  if (!rows) return fail(rows.error());
  return rows_of(*rows);
}

Result<std::size_t> SqlRegistry::purge(WallTime ended_before, WallTime lost_before) {
  const auto rows =
      connection_.run(kRelaxed, "DELETE FROM registry WHERE (phase = 5 AND updated_ms < $1) OR updated_ms < $2",
                      {time(ended_before), time(lost_before)});
  if (!rows) return fail(rows.error());
  const auto seen = connection_.run(kRelaxed, "DELETE FROM seen WHERE expires_ms < $1", {time(ended_before)});
  if (!seen) return fail(seen.error());
  return rows->affected();
}

Result<bool> SqlRegistry::first_time(std::string_view key, WallTime now, Duration keep) {
  return change(
      "INSERT INTO seen (seen_key, expires_ms) VALUES ($1, $2) ON CONFLICT (seen_key) DO UPDATE SET expires_ms = "
      "excluded.expires_ms "
      "WHERE seen.expires_ms <= $3 RETURNING seen_key",
      {text(key), time(after(now, keep)), time(now)});
}

}  // namespace al::store::sql
