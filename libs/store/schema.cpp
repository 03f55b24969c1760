#include "store/schema.h"

#include <fmt/format.h>

namespace al::store::sql {
namespace {

// Times are milliseconds since 1970 (…_ms), booleans are 0 or 1, lists and maps are JSON.
constexpr std::string_view kVersion1[] = {
    "CREATE TABLE calls (sid TEXT PRIMARY KEY, channel TEXT NOT NULL, caller TEXT NOT NULL, callee TEXT NOT NULL, "
    "status BIGINT NOT NULL, persona TEXT NOT NULL, language TEXT NOT NULL, node TEXT NOT NULL, started_ms BIGINT NOT "
    "NULL, "
    "ended_ms BIGINT, end_reason TEXT NOT NULL, recording_url TEXT NOT NULL, summary TEXT NOT NULL)",
    "CREATE INDEX calls_started ON calls (started_ms)",
    "CREATE INDEX calls_caller ON calls (caller)",
    "CREATE TABLE turns (call_sid TEXT NOT NULL, turn BIGINT NOT NULL, at_ms BIGINT NOT NULL, caller_text TEXT NOT "
    "NULL, "
    "agent_text TEXT NOT NULL, agent_heard TEXT NOT NULL, interrupted BIGINT NOT NULL, latencies TEXT NOT NULL, "
    "PRIMARY KEY (call_sid, turn))",
    "CREATE TABLE slots (call_sid TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at_ms BIGINT NOT NULL, "
    "PRIMARY KEY (call_sid, name))",
    "CREATE INDEX slots_value ON slots (value)",
    "CREATE TABLE leads (id TEXT PRIMARY KEY, call_sid TEXT NOT NULL, lead_key TEXT NOT NULL, phone TEXT NOT NULL, "
    "name TEXT NOT NULL, slots TEXT NOT NULL, summary TEXT NOT NULL, confirmed BIGINT NOT NULL, created_ms BIGINT NOT "
    "NULL, "
    "updated_ms BIGINT NOT NULL, hand_over TEXT NOT NULL, UNIQUE (call_sid, lead_key))",
    "CREATE INDEX leads_created ON leads (created_ms)",
    "CREATE INDEX leads_phone ON leads (phone)",
    "CREATE TABLE messages (id TEXT PRIMARY KEY, provider TEXT NOT NULL, provider_id TEXT NOT NULL, inbound BIGINT NOT "
    "NULL, "
    "sender TEXT NOT NULL, recipient TEXT NOT NULL, body TEXT NOT NULL, media TEXT NOT NULL, status BIGINT NOT NULL, "
    "error TEXT NOT NULL, call_sid TEXT NOT NULL, at_ms BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX messages_provider ON messages (provider, provider_id) WHERE provider_id <> ''",
    "CREATE INDEX messages_at ON messages (at_ms)",
    "CREATE INDEX messages_sender ON messages (sender)",
    "CREATE INDEX messages_recipient ON messages (recipient)",
    "CREATE TABLE registry (call_sid TEXT PRIMARY KEY, account TEXT NOT NULL, phase BIGINT NOT NULL, node TEXT NOT "
    "NULL, "
    "stream TEXT NOT NULL, deadline_ms BIGINT, resumes BIGINT NOT NULL, finished BIGINT NOT NULL, reason TEXT NOT "
    "NULL, "
    "caller TEXT NOT NULL, called TEXT NOT NULL, checkpoint TEXT NOT NULL, token_hash TEXT NOT NULL, "
    "token_expires_ms BIGINT NOT NULL, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL)",
    "CREATE INDEX registry_due ON registry (deadline_ms) WHERE deadline_ms IS NOT NULL",
    "CREATE TABLE seen (seen_key TEXT PRIMARY KEY, expires_ms BIGINT NOT NULL)",
    "CREATE INDEX seen_expires ON seen (expires_ms)",
    "CREATE TABLE outbox (id TEXT PRIMARY KEY, kind TEXT NOT NULL, work_key TEXT NOT NULL, subject TEXT NOT NULL, "
    "payload TEXT NOT NULL, state BIGINT NOT NULL, attempts BIGINT NOT NULL, created_ms BIGINT NOT NULL, "
    "next_ms BIGINT NOT NULL, node TEXT NOT NULL, last_error TEXT NOT NULL, UNIQUE (kind, work_key))",
    "CREATE INDEX outbox_due ON outbox (kind, next_ms) WHERE state = 0",
    "CREATE TABLE agreed (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
};

// Who asked not to be written to (only a hash: the wish outlives an erasure), and written conversations between two
// messages, so that any node goes on with them.
constexpr std::string_view kVersion2[] = {
    "CREATE TABLE opt_outs (phone_hash TEXT PRIMARY KEY, at_ms BIGINT NOT NULL)",
    "CREATE TABLE chats (phone TEXT PRIMARY KEY, state TEXT NOT NULL, updated_ms BIGINT NOT NULL)",
    "CREATE INDEX messages_call ON messages (call_sid)",
};

struct Step {
  int version;
  std::span<const std::string_view> statements;
};
constexpr Step kSteps[] = {{1, kVersion1}, {2, kVersion2}};

Result<std::int64_t> stored_version(Connection& connection) {
  auto made =
      connection.run(Durability::kDurable, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)");
  if (!made) return fail(made.error());
  auto rows = connection.run(Durability::kDurable, "SELECT COALESCE(MAX(version), 0) FROM schema_version");
  if (!rows) return fail(rows.error());
  return rows->number(0, 0);
}

Result<void> run_steps(Connection& connection) {
  if (const auto lock = connection.migration_lock(); !lock.empty()) {
    if (auto locked = connection.run(Durability::kDurable, lock); !locked) return fail(locked.error());
  }
  const auto version = stored_version(connection);
  if (!version) return fail(version.error());
  if (*version > kSchemaVersion) {
    return fail(Errc::kRejected,
                fmt::format("{}: schema version {} was made by a newer program; this one knows up to {}",
                            connection.description(), *version, kSchemaVersion));
  }
  for (const Step& step : kSteps) {
    if (step.version <= *version) continue;
    for (const std::string_view statement : step.statements) {
      if (auto done = connection.run(Durability::kDurable, statement); !done) return fail(done.error());
    }
    auto noted = connection.run(Durability::kDurable, "INSERT INTO schema_version (version) VALUES ($1)",
                                {number(step.version)});
    if (!noted) return fail(noted.error());
  }
  return {};
}

}  // namespace

Result<void> migrate(Connection& connection) {
  // The usual case, a current database, takes no lock: a start must not wait for a writer.
  const auto rows = connection.run(Durability::kRelaxed, "SELECT MAX(version) FROM schema_version");
  if (rows && rows->number(0, 0) == kSchemaVersion) return {};
  if (!rows && (rows.error().code == Errc::kMalformed || rows.error().code == Errc::kTimeout ||
                rows.error().code == Errc::kClosed)) {
    return fail(rows.error());
  }
  return transaction(connection, Durability::kDurable, [&] { return run_steps(connection); });
}

}  // namespace al::store::sql
