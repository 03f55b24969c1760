// The graph of the daemon, built top to bottom: settings, loops, store, providers, services, server. Owns everything
// that main() runs; destroyed in the reverse order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/settings.h"
#include "core/time.h"

namespace al::agentd {

class Daemon {
 public:
  // Opens the store, loads models, binds the listeners and begins to answer. Errors name the setting or the file;
  // kMalformed and kRejected are matters of configuration (exit 78).
  static Result<std::unique_ptr<Daemon>> make(const Settings& settings);
  ~Daemon();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::uint16_t admin_port() const;

  // No new calls; those in progress go on. /readyz says 503 from now on.
  void drain();
  [[nodiscard]] int streams() const;
  // Offered or streaming: whoever got TwiML from us may still come.
  [[nodiscard]] int calls() const;
  // Closes the streams that are left. Twilio then asks /webhook/stream_ended who goes on; this process answers that
  // until stop().
  void hand_over();
  // Stops the server; streams that are still open are closed.
  void stop();

  // Every loop turned within the last `limit`.
  [[nodiscard]] bool loops_alive(Duration limit) const;
  [[nodiscard]] std::string status_line() const;
  // SIGHUP: takes over what may change while running; returns what needs a restart.
  std::vector<std::string_view> reload(const Settings& settings);

 private:
  struct Graph;
  explicit Daemon(std::unique_ptr<Graph> graph);
  std::unique_ptr<Graph> graph_;
};

}  // namespace al::agentd
