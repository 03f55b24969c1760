// For tests: a small server that answers Twilio as agentd should, over real sockets, with faults to choose from. Its
// agent greets with a tone, answers each pause of the caller with a tone, and stops when the caller speaks over it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "net/http_server.h"
#include "net/loop.h"

namespace al::alctl::test {

enum class Fault {
  kNoSubprotocolEcho,
  kWrongContentType,
  kHttpAction,   // wss stream, but http action
  kSlowStatus,   // stream_status after 300 ms
  kStatusError,  // call_status answers 500
  kPlayFirst,
  kByteOrderMark,
  kQueryInStream,
  kOtherHost,
  kAcceptsUnsigned,
  kAcceptsWrongSignature,
  kRefusesRightSignature,
  kNoSlash,
  kStrangersStay,
  kSilentAgent,
  kLateAgent,  // first sound 3 s after start
  kNoVersion,
  kDraining,
  kClosesWithError,  // 1011 in the middle of the greeting
  kStutters,         // 100 ms gap in the greeting
};

class ModelServer {
 public:
  static constexpr const char* kToken = "model-auth-token";

  explicit ModelServer(std::set<Fault> faults = {});
  ~ModelServer();
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int clears_sent() const { return clears_; }
  [[nodiscard]] int marks_returned() const { return marks_; }
  [[nodiscard]] std::string digits() const;

 private:
  class Agent;
  friend class Agent;
  [[nodiscard]] bool has(Fault fault) const { return faults_.contains(fault); }
  [[nodiscard]] std::string twiml() const;
  [[nodiscard]] net::ListenSpec routes();
  [[nodiscard]] bool is_signed(const net::HttpRequest& request) const;
  [[nodiscard]] net::WsDecision accept(const net::HttpRequest& request);

  std::set<Fault> faults_;
  net::LoopThread thread_{"model-server"};
  net::HttpServer server_;
  std::vector<std::unique_ptr<net::Timer>> slow_answers_;  // the loop's own
  std::uint16_t port_ = 0;
  std::atomic<int> clears_{0};
  std::atomic<int> marks_{0};
  mutable std::mutex mutex_;
  std::string digits_;
};

// Forwards TCP to a server and writes `header` into every 101 answer that passes: what a wrong proxy or framework does.
class InjectingProxy {
 public:
  InjectingProxy(std::uint16_t to_port, std::string header);
  ~InjectingProxy();
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  void serve();
  void forward(int client);
  std::uint16_t to_port_;
  std::string header_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace al::alctl::test
