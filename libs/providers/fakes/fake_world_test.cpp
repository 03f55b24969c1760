// Every provider that settings can name, made by the factory from nothing but what a FakeWorld says, over real sockets.
#include "providers/fakes/fake_world.h"

#include <array>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/json.h"
#include "core/settings.h"
#include "core/text.h"
#include "dialog/chat_driver.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/factory.h"
#include "providers/fakes/fake_agent.h"
#include "providers/testing_sinks.h"

namespace al::providers {
namespace {

using dialog::Persona;

class AnswerEnd final : public dialog::ModelSink, public testing::Recorder {
 public:
  void on_delta(TurnId, std::string) override {}
  void on_tool_call(TurnId, std::string, std::string, std::string) override {}
  void on_done(TurnId, dialog::ModelUsage) override {
    note([&] { outcome_ = "ok"; });
  }
  void on_failed(TurnId, Error error) override {
    note([&] { outcome_ = to_string(error); });
  }
  [[nodiscard]] std::string wait() const {
    EXPECT_TRUE(wait_until([this] { return !outcome_.empty(); }));
    return read(outcome_);
  }

 private:
  std::string outcome_;
};

class FakeWorldTest : public ::testing::Test {
 protected:
  ~FakeWorldTest() override { std::filesystem::remove_all(folder_); }

  void start(std::string_view name, const std::vector<std::pair<std::string, std::string>>& more = {}) {
    set_ = {};  // before the fakes it talks to
    auto started = FakeWorld::start(name);
    ASSERT_TRUE(started) << to_string(started.error());
    world_ = std::move(*started);
    world_->script().set_latencies({.stt_final = {}, .first_token = {}, .token_gap = {}, .first_audio = {}});
    Settings settings;
    for (const auto& [key, value] : world_->settings()) {
      const auto set = settings.set(key, value);
      ASSERT_TRUE(set) << to_string(set.error());
    }
    for (const auto& [key, value] : more) ASSERT_TRUE(settings.set(key, value)) << key;
    ASSERT_TRUE(settings.set("state_dir", folder_));
    ASSERT_TRUE(settings.set("tts_cache_mb", "0"));
    auto made =
        make_providers(settings, persona_, {http_, loop_.loop(), *scheduler_, nullptr}, {.warm_phrases = false});
    ASSERT_TRUE(made) << name << ": " << to_string(made.error());
    set_ = std::move(*made);
  }

  std::string hear() {
    const auto sink = std::make_shared<testing::SttRecorder>();
    const auto session = set_.stt->open({.language = "he-IL", .hints = {"חיפה"}, .call = "CA1"}, sink);
    std::array<std::int16_t, 160> frame{};
    frame.fill(900);
    session->start_turn(TurnId{1});
    for (int i = 0; i < 50; ++i) session->feed(TurnId{1}, frame);
    session->finish_turn(TurnId{1});
    EXPECT_TRUE(sink->wait());
    const auto ends = sink->ends();
    if (ends.empty()) return "no end";
    return ends.front().error ? to_string(*ends.front().error) : ends.front().text;
  }
  // "ok", or what went wrong.
  std::string ask(const dialog::ModelRequest& request) {
    const auto sink = std::make_shared<AnswerEnd>();
    const auto session = set_.llm->start(request, sink);
    return sink->wait();
  }
  std::size_t speak() {
    const auto sink = std::make_shared<testing::TtsRecorder>();
    dialog::TtsRequest request;
    request.speech = {1};
    request.text = "שלום וברוכים הבאים";
    request.voice.language = "he-IL";
    const auto session = set_.tts->start(std::move(request), sink);
    EXPECT_TRUE(sink->wait());
    if (const auto error = sink->error()) ADD_FAILURE() << to_string(*error);
    return sink->audio().size();
  }

  const std::string folder_ =
      (std::filesystem::temp_directory_path() / ("al-world-" + std::to_string(::getpid()))).string();
  const std::shared_ptr<const Persona> persona_ = *Persona::built_in("he-real-estate");
  net::HttpClient http_;
  net::LoopThread loop_{"test"};
  std::unique_ptr<Scheduler> scheduler_ = make_timer_thread();
  std::unique_ptr<FakeWorld> world_;
  ProviderSet set_;
};

TEST_F(FakeWorldTest, SettingsAloneLeadEveryAdapterToItsFake) {
  for (const std::string& name : fake_world_names()) {
#if !AL_GRPC
    if (name == "google") continue;
#endif
    SCOPED_TRACE(name);
    start(name);
    if (HasFatalFailure()) return;
    EXPECT_EQ(hear(), "שלום, אני מחפש דירה בתל אביב");
    EXPECT_GT(speak(), 8000U);  // more than a second
    EXPECT_EQ(join(world_->script().problems(), "; "), "");
  }
}

TEST_F(FakeWorldTest, AModelThatTakesToolsWithoutReasoningOnlyIsUnderstoodFromItsRefusal) {
  start("openai");
  if (HasFatalFailure()) return;
  world_->script().tools_without_reasoning = true;
  dialog::ModelRequest request;
  request.turn = TurnId{1};
  request.messages = {{dialog::Role::kSystem, "x", "", ""}, {dialog::Role::kCaller, "שלום", "", ""}};
  request.tools = {{"end_call", "ends", R"({"type":"object","properties":{}})"}};
  EXPECT_EQ(ask(request), "ok");
  EXPECT_EQ(ask(request), "ok");
  EXPECT_EQ(world_->script().requests(FakeStage::kModel), 3);  // refused once, in the first turn
  EXPECT_NE(world_->script().recorded().back().body.find(R"("reasoning_effort":"none")"), std::string::npos);
}

TEST_F(FakeWorldTest, ElevenLabsModelsOfOtherFamiliesGoOverHttp) {
  start("elevenlabs", {{"elevenlabs_model", "eleven_flash_v2_5"}});
  if (HasFatalFailure()) return;
  EXPECT_GT(speak(), 8000U);
  EXPECT_TRUE(world_->script().recorded().back().target.starts_with("/v1/text-to-speech/fake-voice/stream"));
}

TEST_F(FakeWorldTest, TemperatureGoesOutWhenItIsGivenAndOnlyWhereItIsTaken) {
  dialog::ModelRequest request;
  request.turn = TurnId{1};
  request.messages = {{dialog::Role::kCaller, "שלום", "", ""}};
  const auto sent = [&](std::string_view name, const std::vector<std::pair<std::string, std::string>>& more) {
    start(name, more);
    EXPECT_EQ(ask(request), "ok");
    return world_->script().recorded().back().body;
  };
  const std::string member = R"("temperature":0.3)";
  EXPECT_EQ(sent("openai", {}).find("temperature"), std::string::npos);
  EXPECT_NE(sent("openai", {{"llm_temperature", "0.3"}}).find(member), std::string::npos);
  EXPECT_NE(sent("anthropic", {{"llm_temperature", "0.3"}}).find(member), std::string::npos);
  EXPECT_EQ(sent("anthropic", {{"llm_temperature", "0.3"}, {"anthropic_version", "2026-10-21"}}).find("temperature"),
            std::string::npos);  // refused there
  const std::string both =
      sent("openai", {{"llm_temperature", "0.3"}, {"llm_extra_json", R"({"temperature":0.9,"seed":5})"}});
  EXPECT_NE(both.find(R"("temperature":0.9)"), std::string::npos) << "what is said by hand wins";
  EXPECT_NE(both.find(R"("seed":5)"), std::string::npos);
}

TEST_F(FakeWorldTest, AnAccountMayExchangeItsTokens) {
  start("azure", {{"google_auth", "exchange"}, {"tts", "google"}});
  if (HasFatalFailure()) return;
  EXPECT_GT(speak(), 8000U);
  bool exchanged = false;
  for (const RecordedRequest& request : world_->script().recorded()) {
    exchanged = exchanged || request.target == "/token";
    const bool spoken = request.target == "/v1/text:synthesize";
    const auto token = net::find_header(request.headers, "authorization");
    EXPECT_TRUE(!spoken || (token && token->starts_with("Bearer ya29.fake-")));
  }
  EXPECT_TRUE(exchanged);
}

TEST_F(FakeWorldTest, ItsSettingsHideEveryAddressAndKeyOfARealAccount) {
#if AL_GRPC
  start("google");
#else
  start("openai");
#endif
  for (const SettingSpec& spec : setting_table()) {
    const bool remote =
        spec.group == "stt" || spec.group == "llm" || spec.group == "tts" || spec.group == "credentials";
    const bool address = spec.type == SettingType::kUrl || spec.key == "google_stt_endpoint";
    if (!remote || (!address && !spec.secret)) continue;
#if !AL_GRPC
    if (spec.key == "google_stt_endpoint") continue;
#endif
    const auto& settings = world_->settings();
    const auto set = std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.first == spec.key; });
    EXPECT_NE(set, settings.end()) << spec.key << " is left as it was";
  }
}

TEST_F(FakeWorldTest, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  const auto started = FakeWorld::start("gogle");
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::kNotFound);
  for (const std::string& name : fake_world_names())
    EXPECT_NE(started.error().detail.find(name), std::string::npos) << name;
}

#if !AL_GRPC
TEST_F(FakeWorldTest, WithoutGrpcTheGoogleRecogniserIsRefusedInWords) {
  const auto started = FakeWorld::start("google");
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::kUnsupported);
  EXPECT_NE(started.error().detail.find("gRPC"), std::string::npos);
}
#endif

// Without a socket: the agent behind the fakes of models leads the built-in personas to a saved lead.
TEST(FakeAgent, LeadsItsCallerToASavedLeadInBothLanguages) {
  for (const std::string& id : Persona::built_in_ids()) {
    SCOPED_TRACE(id);
    const std::shared_ptr<const Persona> persona = *Persona::built_in(id);
    const auto agent = fake_agent(persona);
    const auto model = [&](const dialog::ModelRequest& request) {
      std::string body = R"({"messages":[)";
      for (const dialog::Message& message : request.messages) {
        const char* role = message.role == dialog::Role::kSystem       ? "system"
                           : message.role == dialog::Role::kCaller     ? "user"
                           : message.role == dialog::Role::kToolResult ? "tool"
                                                                       : "assistant";
        if (body.back() != '[') body += ',';
        body += std::string(R"({"role":")") + role + R"(","content":)";
        append_json_string(body, message.text);
        body += '}';
      }
      const FakeAnswer answer = agent(body + "]}");
      dialog::ScriptedAnswer out;
      if (!answer.text.empty()) out.sentences.push_back(answer.text);
      if (!answer.tool_name.empty()) out.tools.push_back({answer.tool_name, answer.tool_arguments});
      return out;
    };
    dialog::ChatDriver chat(persona, {}, 1, model);
    chat.greet();
    std::vector<std::string> tools;
    bool ended = false;
    std::string transcript;
    for (const std::string& line : fake_caller_lines(*persona)) {
      const dialog::ChatTurn turn = chat.say(line);
      transcript += "caller: " + line + "\nagent: " + turn.agent + "\n";
      EXPECT_FALSE(turn.agent.empty());
      for (const auto& tool : turn.tools) tools.push_back(tool.name);
      EXPECT_TRUE(turn.refused.empty()) << join(turn.refused, "; ");
      ended = turn.ends;
    }
    EXPECT_TRUE(chat.conversation().complete()) << transcript;
    EXPECT_EQ(join(tools, ","), "save_lead") << transcript;
    EXPECT_TRUE(ended) << transcript;
  }
}

}  // namespace
}  // namespace al::providers
