// For tests: the built agentd as a process of its own, and a load balancer before several of them. Loopback only, free
// ports; every process that was started is ended by its id.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "core/time.h"

namespace al::agentd::test {

class Process {
 public:
  Process() = default;
  ~Process();  // kill -9
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  // Output goes to the end of `log`. `inherit`: this descriptor is number 3 there; -1 = none. `name=value` is added to
  // the environment.
  static Process start(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                       const std::string& log, int inherit = -1);
  [[nodiscard]] bool running();
  void signal(int number);
  int wait();  // for its end: the exit status, or 128 + signal
  void kill();

 private:
  pid_t pid_ = -1;
};

// One agentd: the same name, port and log over all its lives.
class Node {
 public:
  // Settings by key, as test::agent_settings() gives them.
  Node(std::string program, std::string folder, std::vector<std::pair<std::string, std::string>> settings);

  // Starts it and waits until it answers. False: it did not, see log().
  [[nodiscard]] bool start();
  void kill() { process_.kill(); }
  void pause();  // SIGSTOP: it is there and says nothing
  void go_on();
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] int logged(std::string_view part) const;

 private:
  std::string program_;
  std::string folder_;
  std::vector<std::string> environment_;
  std::uint16_t port_ = 0;
  int lives_ = 0;
  Process process_;
};

// HAProxy before these nodes, configured as scripts/deploy/haproxy.cfg is, with quicker checks.
class Balancer {
 public:
  // Starts it and waits until it listens. Empty url(): it did not.
  Balancer(const std::string& folder, const std::vector<std::uint16_t>& nodes);
  ~Balancer();
  Balancer(const Balancer&) = delete;
  Balancer& operator=(const Balancer&) = delete;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] static bool installed();

 private:
  std::string folder_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  Process process_;
};

}  // namespace al::agentd::test
