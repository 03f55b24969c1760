// The outbox over SQL. Private to this room.
#pragma once

#include "store/outbox.h"
#include "store/sql.h"

namespace al::store::sql {

class SqlOutbox : public Outbox {
 public:
  explicit SqlOutbox(Connection& connection) : connection_(connection) {}

  Result<bool> enqueue(const HandOver& work, WallTime now) override;
  Result<std::vector<OutboxRow>> claim(std::string_view kind, std::string_view node, WallTime now, Duration lease,
                                       int limit) override;
  Result<bool> done(std::string_view id, std::string_view node, WallTime now) override;
  Result<bool> retry(std::string_view id, std::string_view node, WallTime at, std::string_view error) override;
  Result<bool> give_up(std::string_view id, std::string_view node, WallTime now, std::string_view error) override;
  Result<OutboxCounts> counts(std::string_view kind) override;
  Result<std::vector<OutboxRow>> list(std::string_view kind, int limit) override;
  Result<std::size_t> revive(std::string_view kind, WallTime now) override;

 private:
  Result<bool> change(std::string_view statement, std::initializer_list<Value> values);
  Connection& connection_;
};

}  // namespace al::store::sql
