#include "store/postgres_connection.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include "core/log.h"
#include "core/text.h"

namespace al::store::sql {
namespace {

constexpr Duration kFirstBackoff = milliseconds{100};
constexpr Duration kLongestBackoff = seconds{2};
// Any number that no other program is likely to use for an advisory lock: "agentd" as bytes.
constexpr std::string_view kMigrationLock = "SELECT pg_advisory_xact_lock(106968084178020)";

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, ResultDeleter>;

std::string one_line(const char* message) {
  return replace_all(trim(message == nullptr ? "" : message), "\n", " ");
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html: the first two characters are the class.
Errc code_of(std::string_view sqlstate) {
  const std::string_view kind = sqlstate.substr(0, 2);
  if (sqlstate == "55P03" || sqlstate == "57014" || kind == "40")
    return Errc::kTimeout;  // lock, cancelled, rolled back
  if (kind == "08" || kind == "57") return Errc::kClosed;
  if (kind == "53")
    return sqlstate == "53100" ? Errc::kInternal : Errc::kTimeout;  // disk full; too many connections, …
  if (kind == "23") return Errc::kConflict;
  if (kind == "28" || kind == "42" || kind == "25") return Errc::kRejected;  // credentials, privileges, read-only
  return Errc::kInternal;
}

}  // namespace

Result<std::unique_ptr<Connection>> PostgresConnection::open(const StoreOptions& options) {
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(options));
  if (auto connected = connection->connect(); !connected) return fail(connected.error());
  return std::unique_ptr<Connection>(std::move(connection));
}

PostgresConnection::~PostgresConnection() {
  drop();
}

void PostgresConnection::drop() {
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
  durability_.reset();
  in_transaction_ = false;
}

Result<void> PostgresConnection::wait(short events, Steady::time_point until, const char* what) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(until - Steady::now());
    pollfd entry{PQsocket(connection_), events, 0};
    const int ready = left.count() <= 0 ? 0 : poll(&entry, 1, static_cast<int>(left.count()));
    if (ready > 0) return {};
    if (ready < 0 && errno == EINTR) continue;
    return fail(Errc::kTimeout,
                fmt::format("{}: no answer within {} ms ({})", description_, to_ms(options_.statement_limit), what));
  }
}

Result<void> PostgresConnection::connect() {
  drop();
  const auto until = Steady::now() + options_.connect_limit;
  connection_ = PQconnectStart(options_.url.c_str());
  const auto host = [this] {
    const char* name = connection_ == nullptr ? nullptr : PQhost(connection_);
    const char* database = connection_ == nullptr ? nullptr : PQdb(connection_);
    return fmt::format("PostgreSQL at {}/{}", name == nullptr || *name == '\0' ? "localhost" : name,
                       database == nullptr ? "" : database);
  };
  if (connection_ == nullptr || PQstatus(connection_) == CONNECTION_BAD) {
    Error error{Errc::kClosed,
                fmt::format("DATABASE_URL: {}",
                            connection_ == nullptr ? "out of memory" : one_line(PQerrorMessage(connection_)))};
    drop();
    return fail(std::move(error));
  }
  description_ = host();
  // Notices of the server belong in our log's errors, not on standard error.
  PQsetNoticeProcessor(
      connection_, [](void*, const char*) {}, nullptr);
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    if (auto ready = wait(state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until, "connecting"); !ready) {
      drop();
      return ready;
    }
    state = PQconnectPoll(connection_);
  }
  if (state != PGRES_POLLING_OK) {
    const std::string message = one_line(PQerrorMessage(connection_));
    const bool refused_login =
        message.find("authentication") != std::string::npos || message.find("does not exist") != std::string::npos;
    drop();
    return fail(refused_login ? Errc::kRejected : Errc::kClosed, fmt::format("{}: {}", description_, message));
  }
  description_ = host();
  PQsetnonblocking(connection_, 1);
  // The server gives up before we do, so that a slow statement costs an error and not the connection.
  const auto limit = std::max<std::int64_t>(to_ms(options_.statement_limit) * 3 / 4, 1);
  auto set = simple(
      fmt::format("SET statement_timeout = {}; SET lock_timeout = {}; SET client_min_messages = warning", limit, limit)
          .c_str());
  if (!set) drop();
  return set;
}

Result<void> PostgresConnection::ensure_connected() {
  if (connection_ != nullptr) {
    // Notice a server that went away since the last statement, before anything is sent.
    pollfd entry{PQsocket(connection_), POLLIN, 0};
    if (poll(&entry, 1, 0) > 0) PQconsumeInput(connection_);
    if (PQstatus(connection_) == CONNECTION_OK) return {};
    drop();
  }
  const auto now = Steady::now();
  if (now < next_connect_) return fail(Errc::kClosed, description_ + ": away; trying again shortly");
  auto connected = connect();
  if (connected) {
    if (connect_backoff_.count() > 0) log::info("STORE_BACK", {{"store", description_}});
    connect_backoff_ = Duration{0};
  } else {
    if (connect_backoff_.count() == 0)
      log::warn("STORE_AWAY", {{"store", description_}, {"why", connected.error().detail}});
    connect_backoff_ = std::clamp(connect_backoff_ * 2, kFirstBackoff, kLongestBackoff);
    next_connect_ = Steady::now() + connect_backoff_;
  }
  return connected;
}

Result<void> PostgresConnection::simple(const char* statement) {
  if (PQsendQuery(connection_, statement) != 1) return fail(Errc::kClosed, one_line(PQerrorMessage(connection_)));
  auto rows = collect(Steady::now() + options_.statement_limit);
  if (!rows) return fail(rows.error());
  return {};
}

// Sends what is left, reads all results, keeps the last; an error of any of them is the answer.
Result<Rows> PostgresConnection::collect(Steady::time_point until) {
  while (PQflush(connection_) == 1) {
    if (auto ready = wait(POLLIN | POLLOUT, until, "sending"); !ready) {
      drop();
      return fail(ready.error());
    }
    PQconsumeInput(connection_);
  }
  Result<Rows> answer = Rows();
  while (true) {
    while (PQisBusy(connection_) != 0) {
      if (auto ready = wait(POLLIN, until, "answer"); !ready) {
        drop();
        return fail(ready.error());
      }
      if (PQconsumeInput(connection_) != 1) break;
    }
    const PgResult result(PQgetResult(connection_));
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      if (!answer) continue;
      const auto rows = static_cast<std::size_t>(PQntuples(result.get()));
      const auto columns = static_cast<std::size_t>(PQnfields(result.get()));
      std::vector<std::optional<std::string>> cells;
      cells.reserve(rows * columns);
      for (std::size_t i = 0; i < rows * columns; ++i) {
        const int row = static_cast<int>(i / columns);
        const int column = static_cast<int>(i % columns);
        if (PQgetisnull(result.get(), row, column) != 0) {
          cells.emplace_back();
        } else {
          cells.emplace_back(std::in_place, PQgetvalue(result.get(), row, column),
                             static_cast<std::size_t>(PQgetlength(result.get(), row, column)));
        }
      }
      const std::string affected = PQcmdTuples(result.get());
      answer = Rows(columns, std::move(cells), affected.empty() ? 0 : std::stoul(affected));
    } else {
      const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
      const Errc code = state == nullptr ? Errc::kClosed : code_of(state);
      answer = fail(code, fmt::format("{}: {}", description_, one_line(PQresultErrorMessage(result.get()))));
    }
  }
  if (PQstatus(connection_) != CONNECTION_OK) {
    Error error{Errc::kClosed, fmt::format("{}: {}", description_, one_line(PQerrorMessage(connection_)))};
    drop();
    return fail(std::move(error));
  }
  return answer;
}

Result<Rows> PostgresConnection::exchange(std::string_view statement, std::span<const Value> values) {
  std::vector<std::string> texts(values.size());
  std::vector<const char*> pointers(values.size(), nullptr);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (const auto* number = std::get_if<std::int64_t>(&values[i])) {
      texts[i] = std::to_string(*number);
    } else if (const auto* text = std::get_if<std::string>(&values[i])) {
      texts[i] = storable(*text);
    } else {
      continue;
    }
    pointers[i] = texts[i].c_str();
  }
  const std::string query(statement);
  if (PQsendQueryParams(connection_, query.c_str(), static_cast<int>(values.size()), nullptr, pointers.data(), nullptr,
                        nullptr, 0) != 1) {
    Error error{Errc::kClosed, fmt::format("{}: {}", description_, one_line(PQerrorMessage(connection_)))};
    drop();
    return fail(std::move(error));
  }
  return collect(Steady::now() + options_.statement_limit);
}

Result<void> PostgresConnection::set_durability(Durability durability) {
  if (durability_ == durability) return {};
  auto done =
      simple(durability == Durability::kDurable ? "SET synchronous_commit = on" : "SET synchronous_commit = off");
  if (done) durability_ = durability;
  return done;
}

Result<Rows> PostgresConnection::run(Durability durability, std::string_view statement, std::span<const Value> values) {
  if (!in_transaction_) {
    if (auto connected = ensure_connected(); !connected) return fail(connected.error());
    if (auto set = set_durability(durability); !set) return fail(set.error());
  } else if (connection_ == nullptr) {
    return fail(Errc::kClosed, description_ + ": the connection was lost inside a transaction");
  }
  return exchange(statement, values);
}

Result<void> PostgresConnection::begin(Durability durability) {
  if (auto connected = ensure_connected(); !connected) return connected;
  if (auto set = set_durability(durability); !set) return set;
  auto begun = simple("BEGIN");
  in_transaction_ = begun.has_value();
  return begun;
}

Result<void> PostgresConnection::commit() {
  if (connection_ == nullptr)
    return fail(Errc::kClosed, description_ + ": the connection was lost inside a transaction");
  auto done = simple("COMMIT");
  in_transaction_ = false;
  return done;
}

void PostgresConnection::rollback() {
  if (connection_ != nullptr && PQtransactionStatus(connection_) != PQTRANS_IDLE && !simple("ROLLBACK")) drop();
  in_transaction_ = false;
}

std::vector<std::string> PostgresConnection::scrub_statements() const {
  return {"VACUUM calls",    "VACUUM turns",    "VACUUM slots", "VACUUM leads",
          "VACUUM messages", "VACUUM registry", "VACUUM outbox"};
}

std::string_view PostgresConnection::migration_lock() const {
  return kMigrationLock;
}

}  // namespace al::store::sql
