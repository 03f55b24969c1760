// One simulated caller in real time on a program's loop, with the daemon's own call driver between the two.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "agentd/bench/provider_program.h"
#include "agentd/call_driver.h"
#include "dialog/simulated_caller.h"

namespace al::agentd::bench {

using Tell = std::function<void(std::string line)>;  // every event of the engine, for a verbose mode; may be empty

// Made, used and destroyed on the loop.
class Caller final : public MediaOut, public CallServices {
 public:
  Caller(Program& program, const dialog::CallOptions& options, dialog::testing::CallerPlan plan, std::uint64_t seed,
         Tell tell);
  ~Caller() override;

  std::atomic<bool> finished{false};
  [[nodiscard]] const dialog::testing::SimulatedCaller& person() const { return person_; }
  // Alive as long as the engine and its driver are: what a leak shows in.
  [[nodiscard]] std::weak_ptr<CallDriver> driver() const { return alive_; }

  void send_media(const audio::UlawFrame& ulaw) override { person_.send_media(ulaw, monotonic_now()); }
  void send_mark(const std::string& name) override { person_.send_mark(name); }
  void clear() override { person_.clear(); }
  void on_input(const dialog::Input& input, Timestamp now) override;
  void on_event(const dialog::CallEvent& event) override;
  void feed_stt_copy(const audio::PcmFrame&) override {}
  void save_lead(const dialog::out::SaveLead&) override {}
  void run_tool(const dialog::out::RunTool&, std::function<void(std::string)> answer) override { answer("ok"); }
  void end_call(const std::string&) override { person_.on_end_call(); }

 private:
  void tick(Timestamp now);
  void stop();

  const Tell tell_;
  const Timestamp start_;
  dialog::testing::SimulatedCaller person_;
  net::Timer timer_;
  std::shared_ptr<CallDriver> driver_;
  std::weak_ptr<CallDriver> alive_;
  int ticks_ = 0;
};

}  // namespace al::agentd::bench
