#include "store/sql_outbox.h"

#include <algorithm>
#include <tuple>

#include "core/secret.h"
#include "store/sql_records.h"

namespace al::store::sql {
namespace {

// State: 0 pending, 1 done, 2 failed. A row that is done stays without its payload, as the memory of its key.
#define AL_OUTBOX_COLUMNS "id, kind, work_key, subject, payload, state, attempts, created_ms, next_ms, last_error"

std::vector<OutboxRow> rows_of(const Rows& rows) {
  std::vector<OutboxRow> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    OutboxRow row;
    row.id = rows.text(i, 0);
    row.work = {rows.text(i, 1), rows.text(i, 2), rows.text(i, 3), rows.text(i, 4)};
    row.failed = rows.number(i, 5) == 2;
    row.attempts = static_cast<int>(rows.number(i, 6));
    row.created = rows.time(i, 7);
    row.next = rows.time(i, 8);
    row.last_error = rows.text(i, 9);
    out.push_back(std::move(row));
  }
  // RETURNING gives no order.
  std::sort(out.begin(), out.end(), [](const OutboxRow& a, const OutboxRow& b) {
    return std::tie(a.created, a.id) < std::tie(b.created, b.id);
  });
  return out;
}

}  // namespace

Result<bool> enqueue_work(Connection& connection, const HandOver& work, WallTime now) {
  const auto rows = connection.run(
      Durability::kDurable,
      "INSERT INTO outbox (id, kind, work_key, subject, payload, state, attempts, created_ms, next_ms, node, "
      "last_error) "
      "VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $7, '', '') ON CONFLICT (kind, work_key) DO NOTHING RETURNING id",
      {text(random_token()), text(work.kind), text(work.key), text(work.subject), text(work.payload), time(now),
       time(now)});
  if (!rows) return fail(rows.error());
  return !rows->empty();
}

Result<bool> SqlOutbox::enqueue(const HandOver& work, WallTime now) {
  return enqueue_work(connection_, work, now);
}

Result<std::vector<OutboxRow>> SqlOutbox::claim(std::string_view kind, std::string_view node, WallTime now,
                                                Duration lease, int limit) {
  const auto rows =
      connection_.run(Durability::kDurable,
                      "UPDATE outbox SET node = $2, attempts = attempts + 1, next_ms = $4 WHERE id IN (SELECT id FROM "
                      "outbox WHERE kind = $1 AND "
                      "state = 0 AND next_ms <= $3 ORDER BY next_ms, id LIMIT " +
                          std::to_string(std::max(limit, 1)) + std::string(connection_.skip_locked()) +
                          ") RETURNING " AL_OUTBOX_COLUMNS,
                      {text(kind), text(node), time(now), time(now + std::chrono::ceil<milliseconds>(lease))});
  if (!rows) return fail(rows.error());
  return rows_of(*rows);
}

Result<bool> SqlOutbox::change(std::string_view statement, std::initializer_list<Value> values) {
  const auto rows = connection_.run(Durability::kDurable, statement, values);
  if (!rows) return fail(rows.error());
  return !rows->empty();
}

Result<bool> SqlOutbox::done(std::string_view id, std::string_view node, WallTime now) {
  return change(
      "UPDATE outbox SET state = 1, payload = '', subject = '', last_error = '', next_ms = $3 WHERE id = $1 AND node = "
      "$2 AND "
      "state = 0 RETURNING id",
      {text(id), text(node), time(now)});
}

Result<bool> SqlOutbox::retry(std::string_view id, std::string_view node, WallTime at, std::string_view error) {
  return change(
      "UPDATE outbox SET node = '', next_ms = $3, last_error = $4 WHERE id = $1 AND node = $2 AND state = 0 RETURNING "
      "id",
      {text(id), text(node), time(at), text(error)});
}

Result<bool> SqlOutbox::give_up(std::string_view id, std::string_view node, WallTime now, std::string_view error) {
  return change(
      "UPDATE outbox SET state = 2, next_ms = $3, last_error = $4 WHERE id = $1 AND node = $2 AND state = 0 RETURNING "
      "id",
      {text(id), text(node), time(now), text(error)});
}

Result<OutboxCounts> SqlOutbox::counts(std::string_view kind) {
  const auto rows = connection_.run(Durability::kRelaxed,
                                    "SELECT COALESCE(SUM(CASE WHEN state = 0 THEN 1 ELSE 0 END), 0), "
                                    "COALESCE(SUM(CASE WHEN state = 2 THEN 1 ELSE 0 END), 0), "
                                    "MIN(CASE WHEN state = 0 THEN created_ms END) FROM outbox WHERE kind = $1",
                                    {text(kind)});
  if (!rows) return fail(rows.error());
  return OutboxCounts{rows->number(0, 0), rows->number(0, 1), rows->maybe_time(0, 2)};
}

Result<std::vector<OutboxRow>> SqlOutbox::list(std::string_view kind, int limit) {
  const auto rows = connection_.run(Durability::kRelaxed,
                                    "SELECT " AL_OUTBOX_COLUMNS
                                    " FROM outbox WHERE kind = $1 AND state <> 1 ORDER BY created_ms, id LIMIT " +
                                        std::to_string(std::clamp(limit, 1, 10000)),
                                    {text(kind)});
  if (!rows) return fail(rows.error());
  return rows_of(*rows);
}

Result<std::size_t> SqlOutbox::revive(std::string_view kind, WallTime now) {
  const auto rows = connection_.run(
      Durability::kDurable,
      "UPDATE outbox SET state = 0, attempts = 0, next_ms = $2, node = '' WHERE kind = $1 AND state = 2",
      {text(kind), time(now)});
  if (!rows) return fail(rows.error());
  return rows->affected();
}

}  // namespace al::store::sql
