// The model's tools over whole calls: each does what it says, in a confirmed turn only, once, and not outside the
// policy.
#include <fstream>
#include <future>
#include <mutex>
#include <sstream>

#include <gmock/gmock.h>

#include "agentd/testing_phone.h"
#include "agentd/testing_service.h"
#include "agentd/tool_service.h"
#include "core/settings.h"
#include "providers/scheduler.h"

namespace al::agentd {
namespace {

using nlohmann::json;
using test::form_of;
using test::OtherService;
using ::testing::HasSubstr;

// Everything that a lead needs, in one breath.
constexpr const char* kEverything =
    "I want to buy a four room apartment in Haifa for two million shekels in three months, "
    "my name is Dana Cohen and my number is 054 123 4567";

class ToolsTest : public test::PhoneTest {
 protected:
  void begin(std::vector<std::pair<std::string_view, std::string_view>> changes = {}) {
    const std::string bridge = network_.url("/send");
    // The buzz of the test is a voice to this detector every time; the energy detector takes it for hum after a while.
    for (const std::pair<std::string_view, std::string_view> change : {std::pair{"vad_engine", "webrtc"},
                                                                       {"whatsapp_provider", "bridge"},
                                                                       {"whatsapp_bridge_url", bridge.c_str()}}) {
      changes.push_back(change);
    }
    start(changes);
    auto options = twilio_.options();
    options.from = test::kPerson;
    dial(std::move(options));
    ASSERT_TRUE(agent_has_spoken(1));
  }
  // The next transcript is said, as people do a moment after the other one has finished.
  void says() {
    const auto frames = twilio_.with([&] { return call_->sim().stream()->media_sent(); });
    ASSERT_TRUE(eventually([&] { return call_->sim().stream()->media_sent() > frames + 50; }));
    twilio_.with([&] { call_->say(milliseconds{900}); });
  }
  void says_and_is_answered(int answers_so_far) {
    says();
    ASSERT_TRUE(agent_has_spoken(answers_so_far + 1));
  }
  json leads() {
    const json leads = record()["leads"];
    return leads.is_array() ? leads : json::array();
  }
  [[nodiscard]] bool logged(std::string_view part) {
    const auto lines = log_.lines();
    return std::ranges::any_of(lines, [&](const auto& line) { return line.find(part) != std::string::npos; });
  }

  OtherService network_{[](const providers::RawRequest&, std::size_t) -> OtherService::Answer { return {200, "{}"}; }};
};

TEST_F(ToolsTest, ALeadIsSavedWhenTheCallerAgreesAndItsSummarySentWhenTheyAskForIt) {
  world_->script().set_transcripts(
      {kEverything, "Yes, that is correct.", "Please send it to me by WhatsApp.", "Thank you, goodbye."});
  begin({{"whatsapp_call_summary", "true"}});
  says_and_is_answered(1);
  ASSERT_TRUE(eventually([&] { return leads().size() == 1; }));
  EXPECT_EQ(leads()[0]["slots"]["area"], "Haifa") << leads();
  EXPECT_EQ(leads()[0]["confirmed"], false) << "nobody agreed yet";
  EXPECT_TRUE(network_.requests().empty());
  says_and_is_answered(2);
  ASSERT_TRUE(eventually([&] { return leads()[0]["confirmed"] == true; })) << leads();
  EXPECT_TRUE(network_.requests().empty()) << "nobody asked for a message";
  says_and_is_answered(3);
  const json message = json::parse(network_.request(0).body);
  EXPECT_EQ(message["to"], test::kPerson.substr(1)) << "the number the network gave";
  EXPECT_THAT(message["text"].get<std::string>(), HasSubstr("Haifa"));
  twilio_.with([&] { EXPECT_TRUE(twilio_.updates().empty()) << "the call goes on"; });
  says();
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->end_reason(), "completed through REST");
    EXPECT_EQ(twilio_.updates_with("completed"), 1);
  });
  EXPECT_TRUE(eventually([&] { return logged("why=\"it was sent during the call\""); })) << "no second one at the end";
  EXPECT_EQ(network_.requests().size(), 1U);
  EXPECT_EQ(leads().size(), 1U);
  EXPECT_EQ(leads()[0]["confirmed"], true) << "a later saving does not take it back";
}

TEST_F(ToolsTest, ACallThatEndsWithALeadSendsItsSummary) {
  world_->script().set_transcripts({"I am looking for an apartment in Haifa.", "Thank you, goodbye."});
  begin({{"whatsapp_call_summary", "true"}});
  says_and_is_answered(1);
  EXPECT_TRUE(network_.requests().empty());
  says();
  ASSERT_TRUE(is_over());
  const json message = json::parse(network_.request(0).body);
  EXPECT_EQ(message["to"], test::kPerson.substr(1));
  EXPECT_THAT(message["text"].get<std::string>(), ::testing::StartsWith("Harbor Homes\n"));
  EXPECT_THAT(message["text"].get<std::string>(), HasSubstr("Haifa"));
  EXPECT_EQ(network_.requests().size(), 1U);
}

TEST_F(ToolsTest, WhatAModelAsksForOutsideThePolicyDoesNotHappen) {
  // Each turn it asks for something it may not do; told so, it says something harmless.
  const std::vector<providers::FakeAnswer> wishes = {
      {.text = "", .tool_name = "save_lead", .tool_arguments = R"({"area":"Haifa"})"},
      {.text = "", .tool_name = "send_whatsapp", .tool_arguments = R"({"to":"+15550001111","message":"free text"})"},
      {.text = "", .tool_name = "transfer_call", .tool_arguments = R"({"target":"+15550001111"})"},
      {.text = "", .tool_name = "end_call", .tool_arguments = R"({"reason":"completed"})"},
      {.text = "", .tool_name = "delete_everything", .tool_arguments = "{}"}};
  std::mutex mutex;
  std::size_t turn = 0;
  std::vector<std::string> told;  // what the model heard of its tools
  world_->script().set_answerer([&](std::string_view body) -> providers::FakeAnswer {
    const std::lock_guard lock(mutex);
    const json request = json::parse(body, nullptr, false);
    const json last = request.value("messages", json::array()).empty() ? json() : request["messages"].back();
    if (last.is_object() && last.value("role", "") == "tool") {
      told.push_back(last.value("content", ""));
      return {.text = "Which area are you looking in, number " + std::to_string(turn) + "?", .tool_name = {}};
    }
    return wishes[turn++ % wishes.size()];
  });
  world_->script().set_transcripts(
      {"Hello there.", "What do you do?", "How are you today?", "It is sunny.", "Well well."});
  begin({{"llm", "openai"}});
  for (int answers = 1; answers <= static_cast<int>(wishes.size()); ++answers) says_and_is_answered(answers);
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(told.size(), wishes.size());
    for (const std::string& answer : told) EXPECT_FALSE(answer.empty()) << "it is told why not";
  }
  for (const auto& wish : wishes) EXPECT_TRUE(logged("tool=" + wish.tool_name + " why=")) << wish.tool_name;
  EXPECT_TRUE(network_.requests().empty());
  const json saved = leads();
  EXPECT_TRUE(saved.empty() || saved[0]["confirmed"] == false) << saved;
  twilio_.with([&] {
    EXPECT_TRUE(twilio_.updates().empty());
    EXPECT_FALSE(call_->over());
  });
}

TEST_F(ToolsTest, WhoAsksForAPersonIsPutThroughToTheOneThatIsConfigured) {
  std::ifstream original(std::string(AL_SOURCE_DIR) + "/libs/dialog/personas/en-real-estate.toml");
  std::ostringstream text;
  text << original.rdbuf();
  const std::string persona = folder_.path() + "/with-office.toml";
  std::ofstream(persona) << text.str() << "\n[transfer_targets]\noffice = \"+97235551234\"\n";
  world_->script().set_transcripts({"I want to talk to a real person please."});
  begin({{"persona", persona}});
  says();
  ASSERT_TRUE(twilio_.eventually([&] { return twilio_.updates_with("<Dial>") > 0; }));
  twilio_.with([&] {
    EXPECT_EQ(twilio_.updates_with("<Dial>+97235551234</Dial>"), 1);
    EXPECT_EQ(twilio_.updates().size(), 1U);
  });
}

// ---- the service itself ---------------------------------------------------------------------------------------------

class ToolServiceTest : public ::testing::Test {
 protected:
  ToolServiceTest() {
    for (const auto& [key, value] : std::initializer_list<std::pair<std::string_view, std::string>>{
             {"twilio_account_sid", std::string(test::kServiceAccount)},
             {"twilio_auth_token", std::string(test::kServiceToken)},
             {"twilio_api_base_url", twilio_.url()},
             {"whatsapp_provider", "twilio"},
             {"whatsapp_from", std::string(test::kUs)},
             {"whatsapp_template", "HX1"}}) {
      EXPECT_TRUE(settings_.set(key, value));
    }
    auto persona = std::make_shared<dialog::Persona>(**dialog::Persona::built_in("en-real-estate"));
    persona->transfer_targets["office"] = "+97235551234";
    rest_ = std::make_unique<RestService>(settings_, http_, loop_.loop());
    leads_ = std::make_unique<LeadService>(settings_, store_);
    auto sender = make_whatsapp_sender(settings_, http_, loop_.loop(), *scheduler_);
    EXPECT_TRUE(sender);
    messages_ = std::make_unique<MessageService>(settings_, loop_.loop(), store_, std::move(*sender), "node");
    tools_ = std::make_unique<ToolService>(persona, *leads_, messages_.get(), *rest_);
  }
  ~ToolServiceTest() override {
    loop_.stop_and_join();
    store_.stop();
  }
  std::string run(std::string name, const json& arguments, std::string key) {
    dialog::out::RunTool tool;
    tool.name = std::move(name);
    tool.arguments_json = arguments.dump();
    tool.idempotency_key = std::move(key);
    LeadService::Lead lead;
    lead.call = store::testing::call_sid(1);
    lead.caller = test::kPerson;
    lead.slots = {{"area", "Haifa"}};
    lead.summary = "the area: Haifa";
    lead.complete = true;
    const auto answer = std::make_shared<std::promise<std::string>>();
    tools_->run(tool, lead, [answer](std::string result) { answer->set_value(std::move(result)); });
    return answer->get_future().get();
  }
  store::StoreOptions store_options() {
    store::StoreOptions options;
    options.url = "sqlite:" + folder_.file("tools.sqlite");
    options.ballast_bytes = 0;
    return options;
  }

  log::Capture quiet_{log::Level::kInfo};
  store::testing::TemporaryFolder folder_;
  OtherService twilio_{[](const providers::RawRequest& request, std::size_t) -> OtherService::Answer {
    if (request.target.ends_with("/Messages.json")) return {201, R"({"sid":"SM1","status":"queued"})"};
    return {200, R"({"sid":"CA1","status":"in-progress"})"};
  }};
  Settings settings_;
  net::HttpClient http_;
  net::LoopThread loop_{"desk"};
  std::unique_ptr<providers::Scheduler> scheduler_ = providers::make_timer_thread();
  store::AsyncStore store_{*store::open_store(store_options())};
  std::unique_ptr<RestService> rest_;
  std::unique_ptr<LeadService> leads_;
  std::unique_ptr<MessageService> messages_;
  std::unique_ptr<ToolService> tools_;
};

TEST_F(ToolServiceTest, TheSameKeyIsTheSameCommitment) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run("save_lead", json::object(), "save-1"), "saved");
    EXPECT_EQ(run("send_whatsapp", {{"to", test::kPerson}, {"text", "words"}}, "send-1"), "sent");
    EXPECT_EQ(run("transfer_call", {{"target", "office"}}, "transfer-1"), "transferring");
    EXPECT_EQ(run("end_call", {{"reason", "goodbye"}}, "end-1"), "ok");
  }
  EXPECT_EQ(run("send_whatsapp", {{"to", test::kPerson}, {"text", "words"}}, "send-2"), "sent");
  int messages = 0;
  int transfers = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto request = twilio_.request(i);
    if (request.target.ends_with("/Messages.json")) ++messages;
    if (form_of(request.body)["Twiml"].find("<Dial>+97235551234</Dial>") != std::string::npos) ++transfers;
  }
  EXPECT_EQ(messages, 2);
  EXPECT_EQ(transfers, 1);
  auto db = store::open_store(store_options());
  ASSERT_TRUE(db);
  const auto leads = (*db)->records().leads({});
  ASSERT_EQ(leads->size(), 1U);
  EXPECT_TRUE(leads->front().confirmed);
  EXPECT_EQ(twilio_.requests().size(), 3U);
}

TEST_F(ToolServiceTest, ARefusedTransferMayBeTriedAgain) {
  twilio_.answer_with([](const providers::RawRequest&, std::size_t number) -> OtherService::Answer {
    if (number == 0) return {400, R"({"code":21220,"message":"Call is not in-progress","status":400})"};
    if (number == 1) return {401, R"({"code":20003,"message":"Authenticate","status":401})"};
    return {200, "{}"};
  });
  (void)run("transfer_call", {{"target", "office"}}, "other");  // the call is over: nothing to repeat
  EXPECT_THAT(run("transfer_call", {{"target", "office"}}, "t"), HasSubstr("error"));
  EXPECT_EQ(run("transfer_call", {{"target", "office"}}, "t"), "transferring");
  EXPECT_EQ(twilio_.requests().size(), 3U);
}

TEST_F(ToolServiceTest, WhatIsNotPossibleIsAnErrorAndNothingIsClaimed) {
  EXPECT_THAT(run("send_whatsapp", {{"to", "+15550001111"}, {"text", "x"}}, "a"), HasSubstr("error"));
  EXPECT_THAT(run("transfer_call", {{"target", "+15550001111"}}, "b"), HasSubstr("error"));
  EXPECT_THAT(run("hang_glide", json::object(), "c"), HasSubstr("error"));
  auto db = store::open_store(store_options());
  ASSERT_TRUE((*db)->records().set_opt_out(test::kPerson, true, wall_now()));
  EXPECT_THAT(run("send_whatsapp", {{"to", test::kPerson}, {"text", "x"}}, "d"),
              HasSubstr("asked not to be written to"));
  EXPECT_TRUE(twilio_.requests().empty());
}

}  // namespace
}  // namespace al::agentd
