#include "store/store.h"

#include "store/postgres_connection.h"
#include "store/schema.h"
#include "store/sql_outbox.h"
#include "store/sql_records.h"
#include "store/sql_registry.h"
#include "store/sqlite_connection.h"

namespace al::store {
namespace {

class SqlStore : public Store {
 public:
  explicit SqlStore(std::unique_ptr<sql::Connection> connection)
      : connection_(std::move(connection)), records_(*connection_), registry_(*connection_), outbox_(*connection_) {}

  Records& records() override { return records_; }
  Registry& registry() override { return registry_; }
  Outbox& outbox() override { return outbox_; }

  Result<std::string> agree(std::string_view key, std::string_view proposal) override {
    auto put = connection_->run(sql::Durability::kDurable,
                                "INSERT INTO agreed (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                                {sql::text(key), sql::text(proposal)});
    if (!put) return fail(put.error());
    auto rows =
        connection_->run(sql::Durability::kDurable, "SELECT value FROM agreed WHERE name = $1", {sql::text(key)});
    if (!rows) return fail(rows.error());
    if (rows->empty()) return fail(Errc::kInternal, "a value just agreed on is gone");
    return rows->text(0, 0);
  }

  Result<void> ping() override {
    // A write lock is what the next call needs: a read would succeed beside somebody who holds the database.
    if (auto begun = connection_->begin(sql::Durability::kRelaxed); !begun) return begun;
    connection_->rollback();
    return {};
  }
  bool shared() const override { return connection_->shared(); }
  std::string description() const override { return connection_->description(); }

 private:
  std::unique_ptr<sql::Connection> connection_;
  sql::SqlRecords records_;
  sql::SqlRegistry registry_;
  sql::SqlOutbox outbox_;
};

Result<std::unique_ptr<sql::Connection>> connect(const StoreOptions& options) {
  const std::string_view url = options.url;
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return sql::PostgresConnection::open(options);
  std::string path = url.starts_with("sqlite:") ? std::string(url.substr(7)) : std::string(url);
  if (path.find("://") != std::string::npos) {
    return fail(Errc::kMalformed, "DATABASE_URL must begin with postgresql:// or sqlite:, or be a path");
  }
  if (path.empty()) path = options.default_path;
  return sql::SqliteConnection::open(path, options);
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const StoreOptions& options) {
  auto connection = connect(options);
  if (!connection) return fail(connection.error());
  if (auto ready = sql::migrate(**connection); !ready) return fail(ready.error());
  return std::unique_ptr<Store>(std::make_unique<SqlStore>(*std::move(connection)));
}

}  // namespace al::store
