// How fast agentd answers Twilio while its database is held locked: status routes, new calls and health, before, during
// and after the lock. The lock is held by this process: SQLite BEGIN EXCLUSIVE, PostgreSQL LOCK TABLE … IN ACCESS
// EXCLUSIVE MODE on every table. agentd and the calls on it are started by scripts/bench-locked-store.
//
//   al_agentd_locked_store_bench PORT DATABASE LOCK_SECONDS RATE     DATABASE: an SQLite file or postgresql://…
//   TWILIO_AUTH_TOKEN and PUBLIC_BASE_URL as agentd has them
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sqlite3.h>

#include "agentd/bench/webhook_probe.h"
#include "core/secret.h"
#include "core/settings.h"
#include "twilio/form.h"
#include "twilio/signature.h"

namespace al::agentd::bench {
namespace {

constexpr Duration kFree = seconds{5};  // before and after the lock

// Holds the whole database locked while it lives.
class Lock {
 public:
  virtual ~Lock() = default;
};

class SqliteLock final : public Lock {
 public:
  explicit SqliteLock(const std::string& file) {
    if (sqlite3_open_v2(file.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK)
      throw std::runtime_error(file + " cannot be opened");
    sqlite3_busy_timeout(db_, 2000);
    run("BEGIN EXCLUSIVE");
  }
  ~SqliteLock() override {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    sqlite3_close(db_);
  }

 private:
  void run(const char* statement) {
    if (sqlite3_exec(db_, statement, nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(std::string(statement) + ": " + sqlite3_errmsg(db_));
  }
  sqlite3* db_ = nullptr;
};

class PostgresLock final : public Lock {
 public:
  explicit PostgresLock(const std::string& url) : db_(PQconnectdb(url.c_str())) {
    if (PQstatus(db_) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(db_));
    run("BEGIN");
    run("LOCK TABLE calls, turns, slots, leads, messages, registry, seen, outbox IN ACCESS EXCLUSIVE MODE");
  }
  ~PostgresLock() override {
    PQclear(PQexec(db_, "ROLLBACK"));
    PQfinish(db_);
  }

 private:
  void run(const char* statement) {
    PGresult* result = PQexec(db_, statement);
    const bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    const std::string why = ok ? "" : PQerrorMessage(db_);
    PQclear(result);
    if (!ok) throw std::runtime_error(std::string(statement) + ": " + why);
  }
  PGconn* db_;
};

std::unique_ptr<Lock> lock(const std::string& database) {
  if (database.starts_with("postgres")) return std::make_unique<PostgresLock>(database);
  return std::make_unique<SqliteLock>(database);
}

class Requests {
 public:
  Requests()
      : token_(environment_variable("TWILIO_AUTH_TOKEN").value_or("")),
        base_(environment_variable("PUBLIC_BASE_URL").value_or("")) {}

  [[nodiscard]] std::string get(std::string_view path) const {
    return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", path, host());
  }
  [[nodiscard]] std::string post(std::string_view path, const twilio::FormParams& form) const {
    const std::string body = twilio::encode_form(form);
    return fmt::format(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: {}\r\n"
        "Content-Length: {}\r\n\r\n{}",
        path, host(), twilio::compute_signature(token_, base_ + std::string(path), &form), body.size(), body);
  }
  static twilio::FormParams call(const std::string& sid, std::string_view status) {
    return {{"CallSid", sid},         {"AccountSid", "AC" + std::string(32, '1')},
            {"From", "+15551230001"}, {"To", "+15551230002"},
            {"CallStatus", status},   {"Direction", "inbound"}};
  }

 private:
  [[nodiscard]] std::string host() const { return base_.substr(base_.find("://") + 3); }
  std::string token_;
  std::string base_;
};

// One of `prefix` for each question: nobody asks twice about the same call.
std::string sid(int prefix, int n) {
  return fmt::format("CA{:08x}{:024x}", prefix, n);
}

std::vector<ProbeRoute> routes(const Requests& requests) {
  std::vector<ProbeRoute> out;
  out.push_back({"stream_status", [&](int n) {
                   auto form = Requests::call(sid(1, n), "in-progress");
                   form.add("StreamSid", "MZ" + std::string(32, 'a'));
                   form.add("StreamEvent", "stream-started");
                   form.add("Timestamp", "2026-11-20T10:00:00.000Z");
                   return requests.post("/webhook/stream_status", form);
                 }});
  out.push_back({"call_status",
                 [&](int n) { return requests.post("/webhook/call_status", Requests::call(sid(2, n), "completed")); }});
  // Asked about calls that have ended, as Twilio does when the caller hangs up …
  out.push_back({"stream_ended (over)", [&](int n) {
                   return requests.post("/webhook/stream_ended", Requests::call(sid(3, n), "completed"));
                 }});
  // … and about calls that go on: here the registry is asked, for 50 ms at most.
  out.push_back({"stream_ended (resume)", [&](int n) {
                   return requests.post("/webhook/stream_ended", Requests::call(sid(4, n), "in-progress"));
                 }});
  out.push_back({"incoming_call",
                 [&](int n) { return requests.post("/webhook/incoming_call", Requests::call(sid(5, n), "ringing")); }});
  out.push_back({"version", [&](int) { return requests.get("/version"); }});
  out.push_back({"readyz", [&](int) { return requests.get("/readyz"); }});
  return out;
}

int run(std::uint16_t port, const std::string& database, Duration held, double rate) {
  const Requests requests;
  const std::vector<ProbeRoute> all = routes(requests);
  const Timestamp begin = monotonic_now() + milliseconds{100};
  const Timestamp end = begin + kFree + held + kFree;
  std::vector<std::vector<ProbeAnswer>> answers(all.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < all.size(); ++i) {
    threads.emplace_back([&, i] { answers[i] = probe(port, all[i], rate, begin, end); });
  }
  std::this_thread::sleep_for(begin + kFree - monotonic_now());
  auto taken = lock(database);
  const Timestamp locked = monotonic_now();
  std::this_thread::sleep_for(held);
  const Timestamp unlocked = monotonic_now();
  taken.reset();
  for (std::thread& thread : threads) thread.join();

  std::cout << fmt::format("{:24} {:>9} {:>7} {:>8} {:>8} {:>8}  {}\n", "route (ms)", "store", "count", "p50", "p99",
                           "max", "failed");
  bool failed = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::map<std::string, std::vector<ProbeAnswer>> parts;
    for (const ProbeAnswer& answer : answers[i]) {
      const char* part = answer.due < locked ? "1 free" : answer.due < unlocked ? "2 locked" : "3 after";
      parts[part].push_back(answer);
    }
    for (auto& [part, list] : parts) {
      const Spread spread = spread_of(std::move(list));
      failed = failed || spread.failed > 0;
      std::cout << fmt::format("{:24} {:>9} {:7} {:8.2f} {:8.2f} {:8.2f}  {}\n", all[i].name, part.substr(2),
                               spread.count, spread.p50, spread.p99, spread.max, spread.failed);
    }
  }
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace al::agentd::bench

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: al_agentd_locked_store_bench PORT DATABASE LOCK_SECONDS RATE\n";
    return 2;
  }
  try {
    return al::agentd::bench::run(static_cast<std::uint16_t>(std::stoi(argv[1])), argv[2],
                                  al::Duration{static_cast<std::int64_t>(std::stod(argv[3]) * 1e6)},
                                  std::stod(argv[4]));
  } catch (const std::exception& fault) {
    std::cerr << "al_agentd_locked_store_bench: " << fault.what() << '\n';
    return 1;
  }
}
