// For tests: Twilio's side of agentd over real sockets. Simulated calls on one loop, with its REST API on a loopback
// port that acts on them; fake recognition and voices; the settings that point an agentd at all of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alctl/line_driver.h"
#include "core/error.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "providers/fakes/fake_world.h"
#include "twilio/fake_rest.h"
#include "twilio/simulated_call.h"

namespace al::agentd::test {

inline constexpr std::string_view kAuthToken = "0123456789abcdef0123456789abcdef";
inline constexpr std::string_view kApiKey = "the-api-key";
inline constexpr std::string_view kAccount = "AC11111111111111111111111111111111";
inline constexpr std::string_view kBase = "https://agent.example.com";
// Far longer than anything takes; only a failing test waits for it.
inline constexpr milliseconds kPatience{25'000};

class TestTwilio;

// One caller. Everything is used on Twilio's loop: see TestTwilio::with().
class TestCall {
 public:
  TestCall(TestTwilio& twilio, twilio::SimulatedCallOptions call, std::string connect_url);
  ~TestCall();

  [[nodiscard]] twilio::SimulatedCall& sim() { return driver_.call(); }
  [[nodiscard]] alctl::LineDriver& driver() { return driver_; }
  void say(milliseconds length);  // a buzz that every detector takes for a voice
  // How often the timeline has a note "<what> <detail>" whose detail contains `part`.
  [[nodiscard]] int noted(std::string_view what, std::string_view part = {}) const;
  [[nodiscard]] std::string timeline() const;
  // Sound of the agent (not silence) on the line since the call was answered.
  [[nodiscard]] Duration agent_sound();
  [[nodiscard]] bool over() const { return over_; }
  [[nodiscard]] const std::string& end_reason() const { return end_reason_; }

 private:
  TestTwilio& twilio_;
  std::vector<twilio::sim::Note> notes_;
  std::string end_reason_;
  bool over_ = false;
  alctl::LineDriver driver_;
};

class TestTwilio {
 public:
  TestTwilio();
  ~TestTwilio();

  [[nodiscard]] std::string rest_url() const { return "http://127.0.0.1:" + std::to_string(rest_port_); }
  [[nodiscard]] net::Loop& loop() { return thread_.loop(); }
  [[nodiscard]] net::HttpClient& http() { return http_; }

  // Runs `work` on the loop and waits for its result.
  template <typename Work>
  auto with(Work work) {
    std::promise<decltype(work())> done;
    thread_.loop().post([&] {
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        done.set_value();
      } else {
        done.set_value(work());
      }
    });
    return done.get_future().get();
  }
  // Waits until `condition` holds; it is looked at on the loop every few milliseconds. False: it never did.
  [[nodiscard]] bool eventually(std::function<bool()> condition, milliseconds patience = kPatience);

  // Options as of a real caller of the test's number; change what the test is about.
  [[nodiscard]] twilio::SimulatedCallOptions options() const;
  // `agent`: where agentd is reached, "http://127.0.0.1:port". The call is known to REST. Dial it with dial().
  std::shared_ptr<TestCall> new_call(twilio::SimulatedCallOptions options, const std::string& agent);
  std::shared_ptr<TestCall> dial(twilio::SimulatedCallOptions options, const std::string& agent);
  // Ends it without a word to the agent (the object dies on the loop).
  void forget(std::shared_ptr<TestCall>& call);

  // REST. On the loop.
  [[nodiscard]] twilio::FakeRest& rest() { return rest_; }
  [[nodiscard]] const std::vector<twilio::FakeCallUpdate>& updates() const { return updates_; }
  [[nodiscard]] int updates_with(std::string_view part) const;  // url or TwiML contains it, or "completed"
  void forget_updates() { updates_.clear(); }
  [[nodiscard]] int rest_requests() const { return rest_requests_; }

 private:
  friend class TestCall;
  net::LoopThread thread_{"twilio"};
  net::HttpClient http_;
  twilio::FakeRest rest_;
  net::HttpServer server_;
  std::uint16_t rest_port_ = 0;
  std::vector<twilio::FakeCallUpdate> updates_;
  int rest_requests_ = 0;
  int calls_ = 0;
};

// Settings of an agentd that talks with fake recognition and voice and answers by the scripted agent: key and value.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> agent_settings(const providers::FakeWorld& world,
                                                                              const TestTwilio& twilio,
                                                                              const std::string& state_folder);

// A temporary folder that goes with the object.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace al::agentd::test
