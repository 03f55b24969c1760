// PostgreSQL behind store/sql.h, over libpq's non-blocking calls: every wait has an end, also when the server is
// frozen. A lost connection is made again when it is next needed, not more often than the server can bear. Private to
// this room.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "store/sql.h"
#include "store/store.h"

struct pg_conn;
struct pg_result;

namespace al::store::sql {

class PostgresConnection : public Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(const StoreOptions& options);
  ~PostgresConnection() override;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  using Connection::run;
  Result<Rows> run(Durability durability, std::string_view statement, std::span<const Value> values) override;
  Result<void> begin(Durability durability) override;
  Result<void> commit() override;
  void rollback() override;
  [[nodiscard]] std::string_view skip_locked() const override { return " FOR UPDATE SKIP LOCKED"; }
  [[nodiscard]] std::vector<std::string> scrub_statements() const override;
  [[nodiscard]] std::string_view migration_lock() const override;
  [[nodiscard]] bool shared() const override { return true; }
  [[nodiscard]] std::string description() const override { return description_; }

 private:
  using Steady = std::chrono::steady_clock;
  explicit PostgresConnection(const StoreOptions& options) : options_(options) {}
  Result<void> connect();
  Result<void> ensure_connected();
  Result<void> set_durability(Durability durability);
  Result<Rows> exchange(std::string_view statement, std::span<const Value> values);
  Result<void> simple(const char* statement);
  Result<void> wait(short events, Steady::time_point until, const char* what);
  Result<Rows> collect(Steady::time_point until);
  void drop();

  StoreOptions options_;
  std::string description_;
  pg_conn* connection_ = nullptr;
  std::optional<Durability> durability_;
  bool in_transaction_ = false;
  Steady::time_point next_connect_{};
  Duration connect_backoff_{};
};

}  // namespace al::store::sql
