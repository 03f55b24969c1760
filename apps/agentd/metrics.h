// What Prometheus reads on the admin listener: calls, turns, latencies by stage, barge-ins, underruns, provider errors,
// closes of the media socket, loop lag. No label names a call or a person; the number of series is bounded.
// Thread-safe: counters are atomics behind prometheus-cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/engine_io.h"

namespace al::agentd {

class Metrics {
 public:
  explicit Metrics(std::string_view version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void call_started();
  void call_ended(std::string_view how);          // finished, handed_over, redirected, refused, lost
  void on_event(const dialog::CallEvent& event);  // turns, barge-ins, latencies, underruns
  void provider_event(std::string_view provider, std::string_view stage, std::string_view outcome, Duration took);
  void stream_fault(std::string_view fault, bool closed);
  void webhook(std::string_view route, int status_class);

  // A value that is read when Prometheus asks: queue depths, loop lag, calls now. `read` must be quick and thread-safe.
  // `counter` = it only grows. Names without the prefix; one call a name and label.
  void watch(std::string name, std::string help, bool counter, std::function<double()> read,
             std::string label_name = {}, std::string label_value = {});

  // Prometheus text exposition format 0.0.4.
  [[nodiscard]] std::string render();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace al::agentd
