// The store of calls, leads and messages: an SQLite file for one node, PostgreSQL for several. Blocking: run it on a
// worker (store/async_store.h), never on a call's strand. An object is one connection and is used by one thread at a
// time; several objects on one database are fine, in one process or many.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"
#include "store/outbox.h"
#include "store/records.h"
#include "store/registry.h"

namespace al::store {

struct StoreOptions {
  // "" or a path or sqlite:PATH: an SQLite file, made when missing; "sqlite::memory:" for tests. postgresql://… or
  // postgres://…: a server, as libpq reads it.
  std::string url;
  std::string default_path = "agentd.sqlite";  // where `url` is empty
  Duration lock_wait = milliseconds{250};      // SQLite: longest wait for another writer
  Duration statement_limit =
      milliseconds{3000};  // PostgreSQL: longest wait for an answer; then the connection is given up
  Duration connect_limit = milliseconds{2000};
  // SQLite: a file of this size is kept beside the database and removed when the disk is full, so that the lead that is
  // being said can still be written. 0 = none.
  std::size_t ballast_bytes = 4u << 20;
};

class Store {
 public:
  virtual ~Store() = default;
  virtual Records& records() = 0;
  virtual Registry& registry() = 0;
  virtual Outbox& outbox() = 0;

  // The value under `key` that all nodes use: the first proposal wins and stays. For keys made at first start. Durable.
  virtual Result<std::string> agree(std::string_view key, std::string_view proposal) = 0;
  // One round trip: kTimeout or kClosed when the database does not answer.
  virtual Result<void> ping() = 0;
  // Several nodes may share it: decisions need the database, not this process's memory.
  [[nodiscard]] virtual bool shared() const = 0;
  // "SQLite 3.40.1, /var/lib/agentd/agentd.sqlite" or "PostgreSQL at db.example.com/agentd": without passwords.
  [[nodiscard]] virtual std::string description() const = 0;
};

// Opens, and creates or upgrades the schema (several nodes may start at once). kRejected: a schema newer than this
// program, or no permission; kClosed, kTimeout: the server is away; kMalformed: not a URL or not a database.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store(const StoreOptions& options);

}  // namespace al::store
