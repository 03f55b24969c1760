// The built agentd as processes that die: kill -9 in the middle of conversations, two nodes on one PostgreSQL behind
// HAProxy, a simulated Twilio that asks who goes on. Needs AL_AGENTD (the program) and, for the nodes, PostgreSQL: run
// it by scripts/test-nodes.
#include <cstdlib>
#include <iostream>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agentd/testing_line.h"
#include "agentd/testing_process.h"
#include "core/random.h"
#include "core/settings.h"
#include "store/store_fixture.h"

namespace al::agentd {
namespace {

using test::Node;
using test::TestCall;
using twilio::SimulatedCall;
using Leg = SimulatedCall::Leg;

class ProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    program_ = environment_variable("AL_AGENTD").value_or("");
    if (program_.empty()) GTEST_SKIP() << "SKIPPED: AL_AGENTD does not name the program; run scripts/test-nodes";
    auto world = providers::FakeWorld::start("openai");
    ASSERT_TRUE(world) << to_string(world.error());
    world_ = std::move(*world);
    providers::FakeLatencies quick;
    quick.stt_final = quick.first_token = quick.first_audio = milliseconds{20};
    world_->script().set_latencies(quick);
  }
  std::unique_ptr<Node> new_node(const std::string& name, const std::string& database,
                                 std::initializer_list<std::pair<std::string, std::string>> changes = {}) {
    auto settings = test::agent_settings(*world_, twilio_, folder_.path());
    settings.emplace_back("node_id", name);
    settings.emplace_back("database_url", database);
    for (const auto& change : changes) {
      std::erase_if(settings, [&](const auto& setting) { return setting.first == change.first; });
      settings.push_back(change);
    }
    return std::make_unique<Node>(program_, folder_.path() + "/" + name, settings);
  }

  std::string program_;
  test::TestFolder folder_;
  test::TestTwilio twilio_;
  std::unique_ptr<providers::FakeWorld> world_;
  net::HttpClient http_;
};

class NodesTest : public ProcessTest {
 protected:
  void SetUp() override {
    AL_SKIP_WITHOUT_SERVER("postgres");
    if (!test::Balancer::installed()) GTEST_SKIP() << "SKIPPED: HAProxy is not installed: scripts/setup --test";
    ProcessTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    database_ = std::make_unique<store::testing::Database>("postgres");
    store_ = database_->open();
    ASSERT_NE(store_, nullptr);
    for (const char* name : {"one", "two"}) {
      nodes_.push_back(new_node(name, database_->options().url, {{"llm", "openai"}}));
      ASSERT_TRUE(nodes_.back()->start()) << nodes_.back()->log();
    }
    balancer_ = std::make_unique<test::Balancer>(folder_.path() + "/haproxy",
                                                 std::vector{nodes_[0]->port(), nodes_[1]->port()});
    world_->script().set_transcripts(
        {"I am looking for a flat in Haifa.", "Three rooms please.", "Up to two million."});
  }
  void TearDown() override {
    if (HasFailure() && call_) twilio_.with([&] { std::cerr << call_->timeline(); });
    if (HasFailure()) {
      for (const auto& node : nodes_) std::cerr << "---- " << node->url() << '\n' << node->log();
      if (balancer_) std::cerr << "---- HAProxy\n" << balancer_->log();
    }
    if (call_) twilio_.forget(call_);
    nodes_.clear();
    balancer_.reset();
  }
  void dial(twilio::SimulatedCallOptions options) { call_ = twilio_.dial(std::move(options), balancer_->url()); }
  [[nodiscard]] bool eventually(std::function<bool()> condition) { return twilio_.eventually(std::move(condition)); }
  [[nodiscard]] bool agent_has_spoken(int times) {
    return eventually([&] { return call_->noted("mark", "e") >= times; });
  }
  void say() {
    twilio_.with([&] { call_->say(milliseconds{900}); });
  }
  [[nodiscard]] bool streams(int times) {
    return eventually([&] {
      return call_->sim().streams_opened() == times && call_->sim().leg() == Leg::kStreaming &&
             call_->sim().stream()->media_sent() > 10;
    });
  }
  store::RegistryRow row() {
    const auto found = store_->registry().find(CallSid("CA00000000000000000000000000000001"));
    EXPECT_TRUE(found) << to_string(found.error());
    return found.value_or(store::RegistryRow{});
  }
  // The registry knows what was said.
  [[nodiscard]] bool checkpoint_has(std::string_view words) {
    return eventually([&] { return row().checkpoint.find(words) != std::string::npos; });
  }
  Node& holder() { return row().node == "one" ? *nodes_[0] : *nodes_[1]; }
  Node& other() { return row().node == "one" ? *nodes_[1] : *nodes_[0]; }
  [[nodiscard]] bool is_over() {
    return eventually([&] { return call_->over(); });
  }
  [[nodiscard]] bool is_closed() {
    return eventually([&] { return row().phase == store::Phase::kEnded; });
  }
  store::CallDetails details() {
    auto found = store_->records().call(row().call);
    EXPECT_TRUE(found) << to_string(found.error());
    return std::move(found).value_or(store::CallDetails{});
  }
  // The greeting and a first answer, whose words the registry has.
  void begin(twilio::SimulatedCallOptions options) {
    dial(std::move(options));
    ASSERT_TRUE(agent_has_spoken(1));
    say();
    ASSERT_TRUE(agent_has_spoken(2));
    ASSERT_TRUE(checkpoint_has("Haifa"));
  }

  std::unique_ptr<store::testing::Database> database_;
  std::unique_ptr<store::Store> store_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<test::Balancer> balancer_;
  std::shared_ptr<TestCall> call_;
};

TEST_F(NodesTest, AConversationSurvivesItsProcessTwiceAndIsThenToldGoodbye) {
  begin(twilio_.options());
  {
    Node& dies = holder();
    dies.kill();
    ASSERT_TRUE(streams(2));
    ASSERT_TRUE(dies.start()) << dies.log();
  }
  EXPECT_EQ(row().resumes, 1);
  say();
  ASSERT_TRUE(agent_has_spoken(3));
  ASSERT_TRUE(eventually([&] { return details().slots["rooms"] == "3"; }));
  ASSERT_TRUE(checkpoint_has("Three rooms"));
  {
    Node& dies = holder();
    dies.kill();
    ASSERT_TRUE(streams(3));
    ASSERT_TRUE(dies.start()) << dies.log();
  }
  EXPECT_EQ(row().resumes, 2);
  say();
  ASSERT_TRUE(agent_has_spoken(4));
  holder().kill();
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->end_reason(), "<Hangup>") << "after a spoken goodbye";
    EXPECT_EQ(call_->noted("verb", "<Play>") + call_->noted("verb", "<Say>"), 1);
    EXPECT_EQ(call_->sim().streams_opened(), 3);
    EXPECT_TRUE(twilio_.updates().empty()) << "the watchdog had nothing to do";
  });
  EXPECT_TRUE(is_closed());
  EXPECT_EQ(nodes_[0]->logged("RESUMED") + nodes_[1]->logged("RESUMED"), 2);
  const store::CallDetails call = details();
  EXPECT_EQ(call.slots.at("area"), "Haifa");
  EXPECT_EQ(call.slots.at("rooms"), "3");
  int greetings = 0;
  std::set<std::uint64_t> numbers;
  for (const store::TurnRecord& turn : call.turns) {
    greetings += turn.agent_text == "Hello." ? 1 : 0;
    numbers.insert(turn.turn.value);
  }
  EXPECT_EQ(greetings, 1) << "nobody is greeted twice";
  EXPECT_EQ(numbers.size(), call.turns.size());
  EXPECT_GE(call.turns.size(), 4U) << "the greeting and three answers";
}

TEST_F(NodesTest, WhereTheActionIsNotAskedAfterAResetTheCallEndsAndIsClosed) {
  auto options = twilio_.options();
  options.action_after_reset = false;
  begin(options);
  holder().kill();
  ASSERT_TRUE(is_over());
  twilio_.with([&] { EXPECT_EQ(call_->end_reason(), "the TwiML is done"); });
  EXPECT_TRUE(is_closed()) << "its status came to the other node";
  EXPECT_EQ(details().slots.at("area"), "Haifa");
}

TEST_F(NodesTest, AProcessThatHangsIsLeftAndCannotTakeTheCallBack) {
  auto options = twilio_.options();
  options.half_open_notice = seconds{2};
  begin(options);
  Node& hangs = holder();
  hangs.pause();
  twilio_.with([&] { call_->sim().socket_closed(SimulatedCall::SocketEnd::kHalfOpen, 0, monotonic_now()); });
  ASSERT_TRUE(streams(2));
  EXPECT_NE(&holder(), &hangs);
  hangs.go_on();  // its socket brings no media any more: its watchdog must lose, and it must not go on speaking
  ASSERT_TRUE(eventually([&] { return hangs.logged("STREAM_LOST") == 1 && hangs.logged("WS_DONE") == 1; }));
  say();
  ASSERT_TRUE(agent_has_spoken(3));
  twilio_.with([&] {
    EXPECT_TRUE(twilio_.updates().empty()) << "a live call was sent to the voicemail";
    EXPECT_EQ(call_->sim().leg(), Leg::kStreaming);
    call_->driver().hang_up();
  });
  ASSERT_TRUE(is_over());
  EXPECT_TRUE(is_closed());
  EXPECT_EQ(details().slots.at("rooms"), "3");
}

TEST_F(NodesTest, WhereTheActionIsNotAskedAfterSilenceTheCallEndsAndIsClosed) {
  auto options = twilio_.options();
  options.half_open_notice = seconds{2};
  options.action_after_half_open = false;
  begin(options);
  Node& hangs = holder();
  hangs.pause();
  twilio_.with([&] { call_->sim().socket_closed(SimulatedCall::SocketEnd::kHalfOpen, 0, monotonic_now()); });
  ASSERT_TRUE(is_over());
  EXPECT_TRUE(is_closed());
  EXPECT_EQ(details().slots.at("area"), "Haifa");
}

// ---- kill -9 at any moment
// -------------------------------------------------------------------------------------------

class KillTest : public ProcessTest, public ::testing::WithParamInterface<std::string> {
 protected:
  static constexpr int kCalls = 4;  // at a time

  void SetUp() override {
    AL_SKIP_WITHOUT_SERVER(GetParam());
    ProcessTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    database_ = std::make_unique<store::testing::Database>(GetParam());
    store_ = database_->open();
    ASSERT_NE(store_, nullptr);
    node_ = new_node("node", database_->options().url,
                     {{"watchdog_start_sec", "1"}, {"watchdog_poll_ms", "50"}, {"ai_greeting", ""}});
    world_->script().set_transcripts(
        {"A flat in Haifa.", "Three rooms.", "Up to two million.", "My name is Dan.", "As soon as possible."});
  }
  void TearDown() override {
    if (HasFailure() && node_) std::cerr << node_->log();
    for (auto& call : calls_) twilio_.forget(call);
  }
  static int kills() {
    const int wanted = std::atoi(environment_variable("AL_KILLS").value_or("20").c_str());
    return GetParam() == "sqlite" ? wanted : std::max(1, wanted / 4);
  }
  // What the API says is saved: slots by call.
  std::map<std::string, std::map<std::string, std::string>> leads() {
    net::ClientRequest request;
    request.url = node_->url() + "/api/leads?limit=10000";
    request.headers = {{"Authorization", "Bearer " + std::string(test::kApiKey)}};
    std::map<std::string, std::map<std::string, std::string>> out;
    const auto answer = http_.fetch(request);
    if (!answer || answer->status != 200) return out;
    const auto body = nlohmann::json::parse(answer->body);
    for (const auto& lead : body["leads"]) {
      out[lead["call_sid"]] = lead["slots"].get<std::map<std::string, std::string>>();
    }
    return out;
  }

  std::unique_ptr<store::testing::Database> database_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Node> node_;
  std::vector<std::shared_ptr<TestCall>> calls_;
};

TEST_P(KillTest, NoAcknowledgedLeadIsLostAndNoCallStaysInTheRegistry) {
  Random random(20'261'120);
  std::map<std::string, std::map<std::string, std::string>> acknowledged;
  for (int i = 0; i < kills(); ++i) {
    ASSERT_TRUE(node_->start()) << node_->log();
    for (int n = 0; n < kCalls; ++n) calls_.push_back(twilio_.dial(twilio_.options(), node_->url()));
    // They talk all the time, and the API is asked what is saved until the moment of the kill.
    const auto life = milliseconds{200 + static_cast<std::int64_t>(random.below(2'300))};
    const Timestamp end = monotonic_now() + life;
    while (monotonic_now() < end) {
      twilio_.with([&] {
        for (const auto& call : calls_) {
          auto& sim = call->sim();
          const bool listened_to = sim.leg() == Leg::kStreaming && sim.unsaid_bytes() == 0;
          if (listened_to && sim.frames() % 90 < 10) call->say(milliseconds{600});  // every 1.8 s
        }
      });
      for (auto& [call, slots] : leads()) acknowledged[call] = std::move(slots);
    }
    node_->kill();
  }
  ASSERT_TRUE(node_->start()) << node_->log();
  // Twilio's side of all of them ends, as it may: by itself, or told by nobody. The last ones are still asking.
  EXPECT_TRUE(twilio_.eventually([&] { return store_->registry().live("", 100)->empty(); }))
      << store_->registry().live("", 1000)->size() << " calls stay";
  EXPECT_GT(acknowledged.size(), static_cast<std::size_t>(kills())) << "the test must have seen leads";
  const auto kept = leads();
  for (const auto& [call, slots] : acknowledged) {
    const auto found = kept.find(call);
    ASSERT_NE(found, kept.end()) << call << " is lost";
    for (const auto& [name, value] : slots) EXPECT_TRUE(found->second.contains(name)) << call << " " << name;
  }
  std::cout << kills() << " kills, " << calls_.size() << " calls, " << acknowledged.size() << " acknowledged leads\n";
}

INSTANTIATE_TEST_SUITE_P(On, KillTest, ::testing::Values("sqlite", "postgres"),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace al::agentd
