// Many telephone lines at once, as Twilio would connect them: each sends one 20 ms media message every 20 ms and takes
// what comes back. One thread, one epoll set, plain sockets, so that it costs less than what it measures.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/time.h"

namespace al::bench {

struct LineLoadOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::string path = "/ws/twilio-media";
  int lines = 300;
  std::string token;   // in every `start` message
  bool quiet = false;  // the lines send silence instead of sound
};

struct LineLoadReport {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::vector<std::int32_t> deviation_us;  // |time between two frames of a line - 20 ms|, each frame
  std::vector<std::int32_t> echo_us;       // from our send to the frame that came back for it
  std::vector<std::int32_t> send_lag_us;   // how late we were ourselves: above 2 ms at p99 a run says nothing
  int lines_lost = 0;
};

class LineLoad {
 public:
  explicit LineLoad(LineLoadOptions options);
  ~LineLoad();
  LineLoad(const LineLoad&) = delete;
  LineLoad& operator=(const LineLoad&) = delete;

  // Connects, upgrades and sends `start` on every line. kClosed or kRejected: names the line.
  Result<void> connect();
  // Speaks on all lines for so long; what came in the first `warm_up` is not in the report.
  LineLoadReport run(milliseconds warm_up, milliseconds measured);

 private:
  struct Line;
  void send_due(Timestamp now, bool measured, LineLoadReport& report);
  void receive(Line& line, bool measured, LineLoadReport& report);

  LineLoadOptions options_;
  std::string payload_;  // of every frame, in base64
  std::vector<std::unique_ptr<Line>> lines_;
  std::size_t next_line_ = 0;  // whose turn to send it is; lines are spread evenly over 20 ms
  Timestamp next_due_{};
  int epoll_ = -1;
};

// Of sorted or unsorted values; 0 for none. `share` 0..1.
[[nodiscard]] std::int32_t percentile(std::vector<std::int32_t> values, double share);

}  // namespace al::bench
