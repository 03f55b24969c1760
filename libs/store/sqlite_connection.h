// SQLite behind store/sql.h: write-ahead log, bounded waits, synchronous FULL where asked. Private to this room.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "store/sql.h"
#include "store/store.h"

struct sqlite3;
struct sqlite3_stmt;

namespace al::store::sql {

class SqliteConnection : public Connection {
 public:
  // `path` ":memory:" for tests.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, const StoreOptions& options);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  using Connection::run;
  Result<Rows> run(Durability durability, std::string_view statement, std::span<const Value> values) override;
  Result<void> begin(Durability durability) override;
  Result<void> commit() override;
  void rollback() override;
  bool make_room() override;
  [[nodiscard]] std::vector<std::string> scrub_statements() const override;
  [[nodiscard]] bool shared() const override { return false; }
  [[nodiscard]] std::string description() const override;

 private:
  SqliteConnection(sqlite3* database, std::string path) : database_(database), path_(std::move(path)) {}
  Result<void> set_up(const StoreOptions& options);
  void keep_ballast(std::size_t bytes) const;
  Result<void> set_durability(Durability durability);
  Result<void> execute(const char* statement);
  Result<sqlite3_stmt*> prepare(std::string_view statement);
  Result<Rows> step_all(sqlite3_stmt* statement);
  Error error(std::string_view what);
  [[nodiscard]] std::string ballast_path() const { return path_ + ".ballast"; }

  sqlite3* database_;
  std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;  // all statements are constants of this room: bounded
  std::optional<Durability> durability_;
  bool in_transaction_ = false;
  bool was_full_ = false;
};

}  // namespace al::store::sql
