// Asks one route of a running agentd at a fixed rate, over one kept-alive connection, and measures each answer from the
// moment at which the question was due: an answer that makes the next questions late is counted against all of them.
// Blocking sockets on a thread of its own. For benchmarks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/time.h"

namespace al::agentd::bench {

struct ProbeAnswer {
  Timestamp due;
  double ms = 0;   // from `due` to the last byte of the answer
  int status = 0;  // 0 = none
};

struct ProbeRoute {
  std::string name;
  // The whole request (head and body) of the n-th question.
  std::function<std::string(int n)> request;
};

// Until `end`, `rate` times a second.
[[nodiscard]] std::vector<ProbeAnswer> probe(std::uint16_t port, const ProbeRoute& route, double rate, Timestamp begin,
                                             Timestamp end);

struct Spread {
  std::size_t count = 0;
  std::size_t failed = 0;  // no answer, or 5xx
  double p50 = 0;
  double p99 = 0;
  double max = 0;
};
[[nodiscard]] Spread spread_of(std::vector<ProbeAnswer> answers);

}  // namespace al::agentd::bench
