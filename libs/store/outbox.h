// Work for the outside that must not be lost: leads for the CRM, WhatsApp messages, REST requests. One of the three
// parts of store/store.h.
//
// At least once: a row is claimed for a while, tried, then finished. Who dies in between loses the claim, and the row
// is tried again; receivers see the same key. Every write is durable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"

namespace al::store {

// What is to be queued.
struct HandOver {
  std::string kind;     // "crm", "whatsapp", "rest"
  std::string key;      // the same kind and key is the same work
  std::string subject;  // telephone number of the person concerned, for erasure
  std::string payload;  // JSON
};

struct OutboxRow {
  std::string id;
  HandOver work;
  int attempts = 0;  // tries that began, this one included
  WallTime created{};
  WallTime next{};
  std::string last_error;
  bool failed = false;  // put aside for an operator
};

struct OutboxCounts {
  std::int64_t pending = 0;
  std::int64_t failed = 0;
  std::optional<WallTime> oldest;  // of the pending ones
};

class Outbox {
 public:
  virtual ~Outbox() = default;

  // False: it is there already.
  virtual Result<bool> enqueue(const HandOver& work, WallTime now) = 0;
  // Takes up to `limit` due rows of a kind for `node`, each by one node only, until now + lease. `attempts` is counted
  // here: a row that kills its worker still runs out of attempts.
  virtual Result<std::vector<OutboxRow>> claim(std::string_view kind, std::string_view node, WallTime now,
                                               Duration lease, int limit) = 0;
  // The rest: false when `node` has no claim on it any more.
  virtual Result<bool> done(std::string_view id, std::string_view node, WallTime now) = 0;
  virtual Result<bool> retry(std::string_view id, std::string_view node, WallTime at, std::string_view error) = 0;
  virtual Result<bool> give_up(std::string_view id, std::string_view node, WallTime now, std::string_view error) = 0;

  virtual Result<OutboxCounts> counts(std::string_view kind) = 0;
  // Pending and failed rows, oldest first.
  virtual Result<std::vector<OutboxRow>> list(std::string_view kind, int limit) = 0;
  // Failed rows of a kind are due again, with fresh attempts. Returns how many.
  virtual Result<std::size_t> revive(std::string_view kind, WallTime now) = 0;
};

}  // namespace al::store
