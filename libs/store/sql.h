// The little of SQL that both databases share, so that records, registry and outbox are written once. Private to this
// room. Statements use $1, $2 … and only what SQLite 3.35 and PostgreSQL 12 both understand (ON CONFLICT, RETURNING).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/time.h"

namespace al::store::sql {

// NULL, a number or a text. Texts are repaired (UTF-8, no zeros) by the driver.
using Value = std::variant<std::monostate, std::int64_t, std::string>;

[[nodiscard]] inline Value text(std::string_view value) {
  return std::string(value);
}
[[nodiscard]] inline Value number(std::int64_t value) {
  return value;
}
[[nodiscard]] inline Value flag(bool value) {
  return std::int64_t{value ? 1 : 0};
}
[[nodiscard]] inline Value time(WallTime value) {
  return value.time_since_epoch().count();
}
[[nodiscard]] inline Value time(const std::optional<WallTime>& value) {
  return value ? time(*value) : Value{};
}

// The answer to a statement. Cells are texts in both databases.
class Rows {
 public:
  Rows() = default;
  Rows(std::size_t columns, std::vector<std::optional<std::string>> cells, std::size_t affected)
      : columns_(columns), cells_(std::move(cells)), affected_(affected) {}
  [[nodiscard]] std::size_t size() const { return columns_ == 0 ? 0 : cells_.size() / columns_; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  // NULL is "" / 0.
  [[nodiscard]] std::string text(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::int64_t number(std::size_t row, std::size_t column) const;
  [[nodiscard]] bool flag(std::size_t row, std::size_t column) const { return number(row, column) != 0; }
  [[nodiscard]] WallTime time(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::optional<WallTime> maybe_time(std::size_t row, std::size_t column) const;
  // Rows inserted, changed or removed.
  [[nodiscard]] std::size_t affected() const { return affected_; }

 private:
  std::size_t columns_ = 0;
  std::vector<std::optional<std::string>> cells_;
  std::size_t affected_ = 0;
};

// What survives a loss of power when the statement has returned.
enum class Durability {
  kRelaxed,  // maybe not the last moments; always a consistent state
  kDurable,  // this and everything before it
};

class Connection {
 public:
  virtual ~Connection() = default;

  // One statement, in the open transaction or by itself.
  virtual Result<Rows> run(Durability durability, std::string_view statement, std::span<const Value> values) = 0;
  Result<Rows> run(Durability durability, std::string_view statement, std::initializer_list<Value> values = {}) {
    return run(durability, statement, std::span<const Value>(values.begin(), values.size()));
  }
  // begin() takes the write lock at once.
  virtual Result<void> begin(Durability durability) = 0;
  virtual Result<void> commit() = 0;
  virtual void rollback() = 0;

  // After a failure for lack of room: true if room was made and the work is worth repeating.
  virtual bool make_room() { return false; }
  // Appended to the inner SELECT of a claim.
  [[nodiscard]] virtual std::string_view skip_locked() const { return ""; }
  // Statements run once after an erasure, outside a transaction.
  [[nodiscard]] virtual std::vector<std::string> scrub_statements() const = 0;
  // Run first inside the migration's transaction, to be alone.
  [[nodiscard]] virtual std::string_view migration_lock() const { return ""; }
  [[nodiscard]] virtual bool shared() const = 0;
  [[nodiscard]] virtual std::string description() const = 0;
};

// Runs `work` (-> Result<T>) between begin and commit; rolled back when it fails. Repeated once if room could be made.
template <typename Work>
auto transaction(Connection& connection, Durability durability, Work work) -> decltype(work()) {
  for (bool again = true;; again = false) {
    decltype(work()) result = fail(Errc::kInternal, "");
    if (auto begun = connection.begin(durability); !begun) {
      result = fail(begun.error());
    } else {
      result = work();
      if (result) {
        if (auto committed = connection.commit(); !committed) result = fail(committed.error());
      }
      if (!result) connection.rollback();
    }
    if (result || !again || !connection.make_room()) return result;
  }
}

// "$3, $4, $5" for from=3, count=3.
[[nodiscard]] std::string placeholders(std::size_t from, std::size_t count);
// Valid UTF-8 without zeros: what both databases accept as text.
[[nodiscard]] std::string storable(std::string_view text);

}  // namespace al::store::sql
