#include "agentd/bench/webhook_probe.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace al::agentd::bench {
namespace {

class Connection {
 public:
  explicit Connection(std::uint16_t port) : port_(port) {}
  ~Connection() { drop(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The status of the answer; 0 = none.
  int ask(const std::string& request) {
    if (fd_ < 0 && !open()) return 0;
    if (send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      drop();
      return 0;
    }
    const int status = read_answer();
    if (status == 0 || close_) drop();
    return status;
  }

 private:
  bool open() {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    timeval limit{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
    drop();
    return false;
  }
  void drop() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  int read_answer() {
    std::string bytes;
    std::array<char, 8192> piece{};
    std::size_t head = std::string::npos;
    std::size_t length = 0;
    close_ = false;
    while (head == std::string::npos || bytes.size() < head + 4 + length) {
      const ssize_t count = recv(fd_, piece.data(), piece.size(), 0);
      if (count <= 0) return 0;
      bytes.append(piece.data(), static_cast<std::size_t>(count));
      if (head != std::string::npos) continue;
      head = bytes.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const std::size_t field = bytes.find("Content-Length: ");
      if (field < head) std::from_chars(bytes.data() + field + 16, bytes.data() + head, length);
      close_ = bytes.substr(0, head).find("Connection: close") != std::string::npos;
    }
    return bytes.size() > 12 ? std::stoi(bytes.substr(9, 3)) : 0;
  }

  std::uint16_t port_;
  int fd_ = -1;
  bool close_ = false;
};

}  // namespace

std::vector<ProbeAnswer> probe(std::uint16_t port, const ProbeRoute& route, double rate, Timestamp begin,
                               Timestamp end) {
  std::vector<ProbeAnswer> answers;
  Connection connection(port);
  for (int n = 0;; ++n) {
    const Timestamp due = begin + Duration{static_cast<std::int64_t>(n * 1e6 / rate)};
    if (due >= end) return answers;
    const std::string request = route.request(n);
    if (const Duration left = due - monotonic_now(); left > Duration{0}) std::this_thread::sleep_for(left);
    const int status = connection.ask(request);
    answers.push_back({due, std::chrono::duration<double, std::milli>(monotonic_now() - due).count(), status});
  }
}

Spread spread_of(std::vector<ProbeAnswer> answers) {
  Spread out;
  out.count = answers.size();
  if (answers.empty()) return out;
  std::sort(answers.begin(), answers.end(), [](const auto& a, const auto& b) { return a.ms < b.ms; });
  for (const ProbeAnswer& answer : answers) out.failed += answer.status == 0 || answer.status >= 500 ? 1 : 0;
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(answers.size())));
    return answers[std::clamp<std::size_t>(rank, 1, answers.size()) - 1].ms;
  };
  out.p50 = at(0.5);
  out.p99 = at(0.99);
  out.max = answers.back().ms;
  return out;
}

}  // namespace al::agentd::bench
