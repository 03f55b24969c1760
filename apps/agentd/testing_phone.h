// For tests of whole calls: an agentd in this process, fake recognition and voice, Twilio's side on a simulated line.
#pragma once

#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agentd/daemon.h"
#include "agentd/testing_line.h"
#include "core/log.h"
#include "core/settings.h"

namespace al::agentd::test {

class PhoneTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto world = providers::FakeWorld::start("openai");
    ASSERT_TRUE(world) << to_string(world.error());
    world_ = std::move(*world);
    providers::FakeLatencies quick;
    quick.stt_final = quick.first_token = quick.first_audio = milliseconds{20};
    world_->script().set_latencies(quick);
  }
  void TearDown() override {
    if (HasFailure() && call_) twilio_.with([&] { std::cerr << call_->timeline(); });
    if (HasFailure()) {
      for (const std::string& line : log_.lines()) std::cerr << line << '\n';
    }
    if (call_) twilio_.forget(call_);
    daemon_.reset();
  }
  // Starts agentd with these changes of the test's settings.
  void start(const std::vector<std::pair<std::string_view, std::string_view>>& changes = {}) {
    Settings settings;
    for (const auto& [key, value] : agent_settings(*world_, twilio_, folder_.path())) {
      const auto set = settings.set(key, value);
      ASSERT_TRUE(set) << to_string(set.error());
    }
    for (const auto& [key, value] : changes) {
      const auto set = settings.set(key, value);
      ASSERT_TRUE(set) << to_string(set.error());
    }
    auto made = Daemon::make(settings);
    ASSERT_TRUE(made) << to_string(made.error());
    daemon_ = std::move(*made);
  }
  [[nodiscard]] std::string agent() const { return "http://127.0.0.1:" + std::to_string(daemon_->port()); }
  void dial(twilio::SimulatedCallOptions options) {
    call_ = twilio_.dial(std::move(options), agent());
    sid_ = twilio_.with([&] { return call_->sim().options().call_sid.str(); });
  }
  [[nodiscard]] bool eventually(std::function<bool()> condition) { return twilio_.eventually(std::move(condition)); }
  [[nodiscard]] bool reaches(twilio::SimulatedCall::Leg leg) {
    return eventually([&] { return call_->sim().leg() == leg; });
  }
  // The agent has said something and is quiet again.
  [[nodiscard]] bool agent_has_spoken(int times) {
    return eventually([&] { return call_->noted("mark", "e") >= times; });
  }
  [[nodiscard]] bool is_over() {
    return eventually([&] { return call_->over(); });
  }
  // What /api/calls/{sid} says of the call.
  nlohmann::json record() {
    net::ClientRequest request;
    request.url = agent() + "/api/calls/" + sid_;
    request.headers = {{"Authorization", "Bearer " + std::string(kApiKey)}};
    const auto answer = http_.fetch(request);
    if (!answer) return {{"error", to_string(answer.error())}};
    return answer->status == 200 ? nlohmann::json::parse(answer->body) : nlohmann::json{{"status", answer->status}};
  }
  // All that is known of the call here is gone.
  [[nodiscard]] bool forgotten() {
    return eventually([&] { return daemon_->calls() == 0 && daemon_->streams() == 0; });
  }

  log::Capture log_{log::Level::kInfo};
  TestFolder folder_;
  TestTwilio twilio_;
  std::unique_ptr<providers::FakeWorld> world_;
  net::HttpClient http_;
  std::unique_ptr<Daemon> daemon_;
  std::shared_ptr<TestCall> call_;
  std::string sid_;
};

}  // namespace al::agentd::test
