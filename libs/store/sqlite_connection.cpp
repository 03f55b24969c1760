#include "store/sqlite_connection.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <sqlite3.h>

#include "core/log.h"

namespace al::store::sql {
namespace {

// Statements that are built for one filter are not kept; the fixed ones are far fewer than this.
constexpr std::size_t kMaxCachedStatements = 200;

Errc code_of(int result) {
  switch (result & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
      return Errc::kTimeout;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return Errc::kRejected;
    case SQLITE_CONSTRAINT:
      return Errc::kConflict;
    case SQLITE_NOTADB:
      return Errc::kMalformed;
    default:
      return Errc::kInternal;
  }
}

// What an operator should do about it.
std::string_view advice(int result) {
  switch (result & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process holds the database locked";
    case SQLITE_FULL:
      return "the disk is full";
    case SQLITE_READONLY:
      return "the file or its folder is read-only for this user";
    case SQLITE_CANTOPEN:
      return "cannot be opened: does the folder exist, and may this user write to it?";
    case SQLITE_NOTADB:
      return "this file is not an SQLite database";
    case SQLITE_CORRUPT:
      return "the database file is damaged; restore a backup";
    case SQLITE_IOERR:
      return "the disk reports an error";
    default:
      return "";
  }
}

}  // namespace

Result<std::unique_ptr<Connection>> SqliteConnection::open(const std::string& path, const StoreOptions& options) {
  sqlite3* database = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &database,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(database, path));
  if (result != SQLITE_OK) {
    return fail(code_of(result),
                fmt::format("{}: {}", path, advice(result).empty() ? sqlite3_errstr(result) : advice(result)));
  }
  if (auto ready = connection->set_up(options); !ready) return fail(ready.error());
  return std::unique_ptr<Connection>(std::move(connection));
}

SqliteConnection::~SqliteConnection() {
  for (auto& [text, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(database_);
}

Result<void> SqliteConnection::set_up(const StoreOptions& options) {
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, static_cast<int>(to_ms(options.lock_wait)));
  // secure_delete: an erased caller leaves no bytes. journal_size_limit: the log shrinks again after a burst.
  for (const char* pragma : {"PRAGMA journal_mode=WAL", "PRAGMA secure_delete=ON", "PRAGMA foreign_keys=ON",
                             "PRAGMA journal_size_limit=67108864", "PRAGMA trusted_schema=OFF"}) {
    if (auto done = execute(pragma); !done) return done;
  }
  keep_ballast(options.ballast_bytes);
  return {};
}

void SqliteConnection::keep_ballast(std::size_t bytes) const {
  std::error_code failed;
  if (bytes == 0 || path_ == ":memory:" || std::filesystem::exists(ballast_path(), failed)) return;
  {
    std::ofstream out(ballast_path(), std::ios::binary);
    const std::string block(64 * 1024, 'b');
    for (std::size_t written = 0; out && written < bytes; written += block.size())
      out.write(block.data(), static_cast<std::streamsize>(block.size()));
    if (out.flush()) return;
  }
  // No room for it: better none than a disk that it filled.
  std::filesystem::remove(ballast_path(), failed);
  log::warn("STORE_NO_BALLAST", {{"path", ballast_path()}, {"hint", "little room on the disk"}});
}

bool SqliteConnection::make_room() {
  if (!was_full_) return false;
  was_full_ = false;
  std::error_code failed;
  if (!std::filesystem::remove(ballast_path(), failed)) return false;
  log::error("STORE_DISK_FULL", {{"path", path_}, {"action", "the ballast file was given up; free some space"}});
  return true;
}

Error SqliteConnection::error(std::string_view what) {
  const int result = sqlite3_extended_errcode(database_);
  if ((result & 0xFF) == SQLITE_FULL) was_full_ = true;
  const std::string_view hint = advice(result);
  return {code_of(result), fmt::format("{}: {}{}{}", path_, what, sqlite3_errmsg(database_),
                                       hint.empty() ? "" : fmt::format(" ({})", hint))};
}

Result<void> SqliteConnection::execute(const char* statement) {
  if (sqlite3_exec(database_, statement, nullptr, nullptr, nullptr) != SQLITE_OK) return fail(error(""));
  return {};
}

Result<void> SqliteConnection::set_durability(Durability durability) {
  if (durability_ == durability || in_transaction_) return {};
  auto done = execute(durability == Durability::kDurable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
  if (done) durability_ = durability;
  return done;
}

Result<sqlite3_stmt*> SqliteConnection::prepare(std::string_view statement) {
  std::string key(statement);
  if (const auto found = statements_.find(key); found != statements_.end()) return found->second;
  if (statements_.size() >= kMaxCachedStatements) {
    for (auto& [text, old] : statements_) sqlite3_finalize(old);
    statements_.clear();
  }
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(database_, key.data(), static_cast<int>(key.size()), &prepared, nullptr) != SQLITE_OK) {
    return fail(error("prepare: "));
  }
  statements_.emplace(std::move(key), prepared);
  return prepared;
}

Result<Rows> SqliteConnection::step_all(sqlite3_stmt* statement) {
  const auto columns = static_cast<std::size_t>(sqlite3_column_count(statement));
  std::vector<std::optional<std::string>> cells;
  int result = SQLITE_ROW;
  while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
    for (std::size_t i = 0; i < columns; ++i) {
      const int column = static_cast<int>(i);
      const unsigned char* bytes = sqlite3_column_text(statement, column);
      if (bytes == nullptr) {
        cells.emplace_back();
      } else {
        cells.emplace_back(std::in_place, reinterpret_cast<const char*>(bytes),
                           static_cast<std::size_t>(sqlite3_column_bytes(statement, column)));
      }
    }
  }
  if (result != SQLITE_DONE) return fail(error(""));
  return Rows(columns, std::move(cells), static_cast<std::size_t>(sqlite3_changes(database_)));
}

Result<Rows> SqliteConnection::run(Durability durability, std::string_view statement, std::span<const Value> values) {
  if (auto set = set_durability(durability); !set) return fail(set.error());
  for (bool again = !in_transaction_;; again = false) {
    auto prepared = prepare(statement);
    if (!prepared) return fail(prepared.error());
    sqlite3_stmt* stmt = *prepared;
    for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); ++i) {
      // SQLite numbers "$3" by its first appearance; the name tells which value is meant.
      const std::size_t at = std::stoul(sqlite3_bind_parameter_name(stmt, i) + 1) - 1;
      const Value& value = values[at];
      if (const auto* number = std::get_if<std::int64_t>(&value)) {
        sqlite3_bind_int64(stmt, i, *number);
      } else if (const auto* text = std::get_if<std::string>(&value)) {
        const std::string clean = storable(*text);
        sqlite3_bind_text(stmt, i, clean.data(), static_cast<int>(clean.size()), SQLITE_TRANSIENT);
      } else {
        sqlite3_bind_null(stmt, i);
      }
    }
    auto rows = step_all(stmt);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    if (rows || !again || !make_room()) return rows;
  }
}

Result<void> SqliteConnection::begin(Durability durability) {
  if (auto set = set_durability(durability); !set) return set;
  auto begun = execute("BEGIN IMMEDIATE");
  in_transaction_ = begun.has_value();
  return begun;
}

Result<void> SqliteConnection::commit() {
  auto done = execute("COMMIT");
  if (done) in_transaction_ = false;
  return done;
}

void SqliteConnection::rollback() {
  // After some errors SQLite has rolled back by itself.
  if (sqlite3_get_autocommit(database_) == 0) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  in_transaction_ = false;
}

std::vector<std::string> SqliteConnection::scrub_statements() const {
  return {"PRAGMA wal_checkpoint(TRUNCATE)"};
}

std::string SqliteConnection::description() const {
  return fmt::format("SQLite {}, {}", sqlite3_libversion(), path_);
}

}  // namespace al::store::sql
