// `alctl leads|calls|whatsapp` with real data: over an SQLite file, over PostgreSQL, and through a running agentd. What
// a person or a script sees is the same in all of them.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "agentd/testing_service.h"
#include "alctl/commands.h"

namespace al::alctl {
namespace {

using agentd::test::kPerson;
using agentd::test::OtherService;
using nlohmann::json;
using store::testing::at;
using store::testing::call_sid;
using ::testing::HasSubstr;

constexpr const char* kOther = "+972547654321";

struct Ran {
  ExitCode code = ExitCode::kFailed;
  std::string out;
  std::string err;
  [[nodiscard]] json parsed() const { return json::parse(out, nullptr, false); }
};

Ran alctl(std::vector<std::string> words) {
  std::ostringstream out;
  std::ostringstream err;
  Io io{out, err};
  Ran ran;
  ran.code = run_command_line(records_commands(), words, io);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

// Where the records lie and who is asked: "sqlite", "postgres", "server" (agentd over SQLite), "server_postgres".
class RecordsTest : public agentd::test::ServiceTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (GetParam().ends_with("postgres")) {
      AL_SKIP_WITHOUT_SERVER("postgres");
      schema_ = std::make_unique<store::testing::TemporarySchema>();
      database_ = schema_->url();
    }
    wavs_ = folder_.file("wavs");
    std::filesystem::create_directories(wavs_);
    if (through_server()) {
      start({{"debug_wav_dir", wavs_},
             {"call_record_dir", folder_.file("tapes")},
             {"whatsapp_provider", "twilio"},
             {"whatsapp_template", "HX1"},
             {"twilio_api_base_url", network_.url()}});
    }
    configure(std::string(agentd::test::kServiceKey));
    fill();
  }
  void TearDown() override {
    ServiceTest::TearDown();
    schema_.reset();
  }
  [[nodiscard]] bool through_server() const { return GetParam().starts_with("server"); }
  void configure(const std::string& key) {
    std::ofstream(config()) << "api_key = \"" << key << "\"\ndebug_wav_dir = \"" << wavs_ << "\"\ncall_record_dir = \""
                            << folder_.file("tapes") << "\"\n";
  }
  std::string config() { return folder_.file("agentd.toml"); }
  std::string server_url() { return "http://127.0.0.1:" + std::to_string(daemon_->port()); }
  // The command with where it looks.
  Ran run(std::vector<std::string> words) {
    words.insert(words.end(), {"--config", config()});
    if (through_server()) {
      words.insert(words.end(), {"--server", server_url()});
    } else {
      words.insert(words.end(), {"--database", database_.empty() ? folder_.file("agentd.sqlite") : database_});
    }
    return alctl(std::move(words));
  }
  void fill() {
    const auto db = store();
    for (int i = 1; i <= 3; ++i) {
      store::CallRecord call;
      call.sid = call_sid(i);
      call.from = i == 3 ? kOther : std::string(kPerson);
      call.to = agentd::test::kUs;
      call.status = store::CallStatus::kCompleted;
      call.started = at(1000 * i);
      call.end_reason = "goodbye";
      if (i == 1)
        call.recording_url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE" + std::string(32, 'a');
      ASSERT_TRUE(db->records().put_call(call));
      store::TurnRecord turn;
      turn.call = call.sid;
      turn.turn = TurnId{1};
      turn.at = at(1000 * i + 1);
      turn.caller_text = "אני מחפש דירה בחיפה";
      turn.agent_text = "Haifa, lovely. How many rooms do you need?";
      turn.agent_heard = "Haifa, lovely.";
      turn.interrupted = true;
      turn.latencies_ms = {{"stt", 120}, {"total", 800}};
      ASSERT_TRUE(db->records().put_turn(turn));
      store::LeadRecord lead;
      lead.call = call.sid;
      lead.key = "lead";
      lead.phone = call.from;
      lead.name = i == 1 ? "=cmd()" : "Dana";
      lead.slots = {{"area", "Haifa"}, {"rooms", "4"}};
      lead.confirmed = i == 2;
      lead.created = lead.updated = at(1000 * i);
      ASSERT_TRUE(db->records().save_lead(lead));
      store::MessageRecord message;
      message.id = "m" + std::to_string(i);
      message.provider = "twilio";
      message.inbound = i == 2;
      (message.inbound ? message.from : message.to) = call.from;
      message.body = "Hello " + std::to_string(i);
      message.status = i == 1 ? store::MessageStatus::kFailed : store::MessageStatus::kReceived;
      message.error = i == 1 ? "63024 Invalid message recipient" : "";
      message.at = at(1000 * i);
      ASSERT_TRUE(db->records().put_message(message));
      std::ofstream(wavs_ + "/" + call_sid(i).str() + ".wav") << "RIFF";
    }
  }

  OtherService network_{[](const providers::RawRequest& request, std::size_t) -> OtherService::Answer {
    if (request.method == "DELETE") return {204, ""};
    return {201, json{{"sid", "SM" + std::string(32, 'e')}, {"status", "queued"}}.dump()};
  }};
  std::unique_ptr<store::testing::TemporarySchema> schema_;
  std::string wavs_;
};

TEST_P(RecordsTest, ListsSayTheSameToPeopleAndToScripts) {
  const Ran leads = run({"leads", "list"});
  ASSERT_EQ(leads.code, ExitCode::kOk) << leads.err;
  EXPECT_LT(leads.out.find(kOther), leads.out.find(kPerson)) << "newest first";
  EXPECT_THAT(leads.out, HasSubstr("area Haifa, rooms 4"));
  EXPECT_THAT(leads.out, HasSubstr("confirmed"));
  const json of_one = run({"leads", "list", "--phone", kOther, "--json"}).parsed();
  EXPECT_EQ(of_one["schema"], 1);
  ASSERT_EQ(of_one["leads"].size(), 1U);
  EXPECT_EQ(of_one["leads"][0]["call_sid"], call_sid(3).str());
  EXPECT_EQ(run({"calls", "list", "--limit", "2", "--json"}).parsed()["calls"].size(), 2U);
  EXPECT_THAT(run({"calls", "list"}).out, HasSubstr(call_sid(1).str()));
  EXPECT_THAT(run({"whatsapp", "list"}).out, HasSubstr("63024 Invalid message recipient"));
  EXPECT_EQ(run({"whatsapp", "list", "--json"}).parsed()["messages"][0]["body"], "Hello 3");
  EXPECT_THAT(run({"leads", "list", "--phone", "+15551230000"}).out, HasSubstr("No leads."));
  EXPECT_EQ(run({"leads", "list", "--limit", "0"}).code, ExitCode::kUsage);
}

TEST_P(RecordsTest, OneIsShownOrNamedAsUnknown) {
  const Ran call = run({"calls", "show", call_sid(2).str()});
  ASSERT_EQ(call.code, ExitCode::kOk) << call.err;
  EXPECT_THAT(call.out, HasSubstr("caller: אני מחפש דירה בחיפה"));
  EXPECT_THAT(call.out, HasSubstr("agent:  Haifa, lovely. [interrupted]"));
  EXPECT_THAT(call.out, HasSubstr("stt 120 ms, total 800 ms"));
  const json parsed = run({"calls", "show", call_sid(2).str(), "--json"}).parsed();
  EXPECT_EQ(parsed["schema"], 1);
  EXPECT_EQ(parsed["turns"][0]["latencies_ms"]["total"], 800);
  const std::string id = run({"leads", "list", "--json"}).parsed()["leads"][1]["id"];
  for (const std::string& name : {id, call_sid(2).str()}) {
    EXPECT_THAT(run({"leads", "show", name}).out, HasSubstr("Dana"));
    EXPECT_EQ(run({"leads", "show", name, "--json"}).parsed()["lead"]["id"], id);
  }
  EXPECT_EQ(run({"whatsapp", "show", "m1", "--json"}).parsed()["message"]["status"], "failed");

  const Ran unknown = run({"calls", "show", call_sid(77).str()});
  EXPECT_EQ(unknown.code, ExitCode::kNotFound);
  EXPECT_THAT(unknown.err, HasSubstr(call_sid(77).str()));
  EXPECT_EQ(run({"leads", "show", "nobody"}).code, ExitCode::kNotFound);
  const Ran as_json = run({"whatsapp", "show", "m9", "--json"});
  EXPECT_EQ(as_json.code, ExitCode::kNotFound);
  EXPECT_EQ(as_json.parsed()["error"]["exit_code"], 4) << "errors are JSON as well";
}

TEST_P(RecordsTest, ExportsAreForSpreadsheetsAndPrograms) {
  const Ran csv = run({"leads", "export"});
  ASSERT_EQ(csv.code, ExitCode::kOk) << csv.err;
  EXPECT_THAT(csv.out,
              ::testing::StartsWith("id,call_sid,created,phone,name,confirmed,summary,hand_over,area,rooms\r\n"));
  EXPECT_THAT(csv.out, HasSubstr(",'=cmd(),"));
  EXPECT_THAT(csv.out, HasSubstr(",'+972541234567,"));
  const std::string file = folder_.file("out.csv");
  EXPECT_EQ(run({"leads", "export", "--format", "csv", "--out", file}).code, ExitCode::kOk);
  std::ostringstream written;
  written << std::ifstream(file, std::ios::binary).rdbuf();
  EXPECT_EQ(written.str(), csv.out);
  const json leads = run({"leads", "export", "--format", "json"}).parsed();
  ASSERT_EQ(leads.size(), 3U);
  EXPECT_EQ(leads[2]["name"], "=cmd()");
  const json calls = run({"calls", "export", "--format", "json"}).parsed();
  EXPECT_EQ(calls[0]["turns"][0]["agent_heard"], "Haifa, lovely.");
  EXPECT_EQ(calls[0]["leads"].size(), 1U);
  EXPECT_THAT(run({"calls", "export"}).out, HasSubstr(call_sid(3).str()));
  EXPECT_THAT(run({"whatsapp", "export", "--limit", "1"}).out, HasSubstr("Hello 3"));
  EXPECT_EQ(run({"leads", "export", "--out", "/nowhere/at/all.csv"}).code, ExitCode::kFailed);
}

TEST_P(RecordsTest, ErasingNeedsAWordAndRemovesFilesToo) {
  const Ran unasked = run({"leads", "erase", std::string(kPerson), "--json"});
  EXPECT_EQ(unasked.code, ExitCode::kUsage);
  EXPECT_THAT(unasked.out, HasSubstr("--yes"));
  EXPECT_EQ(run({"leads", "erase", "0541234567", "--yes"}).code, ExitCode::kUsage);
  EXPECT_EQ(store()->records().calls({})->size(), 3U);

  const Ran erased = run({"calls", "erase", std::string(kPerson), "--yes", "--json"});
  ASSERT_EQ(erased.code, ExitCode::kOk) << erased.err << erased.out;
  const json report = erased.parsed();
  EXPECT_EQ(report["calls"], 2);
  EXPECT_EQ(report["turns"], 2);
  EXPECT_EQ(report["leads"], 2);
  EXPECT_EQ(report["messages"], 2);
  EXPECT_EQ(report["files"], 2);
  EXPECT_FALSE(std::filesystem::exists(wavs_ + "/" + call_sid(1).str() + ".wav"));
  EXPECT_TRUE(std::filesystem::exists(wavs_ + "/" + call_sid(3).str() + ".wav"));
  // Only a running server has what it takes to remove a recording at Twilio.
  EXPECT_EQ(report["recordings"], through_server() ? 1 : 0);
  EXPECT_EQ(report["recordings_left"].size(), through_server() ? 0U : 1U);
  EXPECT_EQ(run({"leads", "list", "--json"}).parsed()["leads"].size(), 1U);
  EXPECT_EQ(run({"whatsapp", "erase", std::string(kPerson), "--yes"}).code, ExitCode::kNotFound) << "nothing is left";
  EXPECT_THAT(run({"leads", "erase", kOther, "--yes"}).out, HasSubstr("Erased: 1 calls"));
}

TEST_P(RecordsTest, SendingGoesThroughTheServer) {
  const std::string stranger = "+972549999999";  // never wrote to us
  if (!through_server()) {
    const Ran away = alctl({"whatsapp", "send", stranger, "x", "--config", config(), "--server", "http://127.0.0.1:1"});
    EXPECT_EQ(away.code, ExitCode::kUnreachable) << away.err;
    return;
  }
  const Ran sent = alctl({"whatsapp", "send", stranger, "We have a flat", "--key", "offer-1", "--config", config(),
                          "--server", server_url()});
  ASSERT_EQ(sent.code, ExitCode::kOk) << sent.err;
  EXPECT_EQ(sent.out, "Queued as api:offer-1.\n");
  EXPECT_EQ(agentd::test::form_of(network_.request(0).body)["ContentVariables"], R"({"1":"We have a flat"})");
  EXPECT_TRUE(eventually([&] {
    return run({"whatsapp", "show", "api:offer-1", "--json"}).parsed()["message"]["status"] == "sent";
  }));
  const Ran wrong = alctl({"whatsapp", "send", "0541234567", "x", "--config", config(), "--server", server_url()});
  EXPECT_EQ(wrong.code, ExitCode::kUsage);
  EXPECT_THAT(wrong.err, HasSubstr("to: not an international number"));
}

TEST_P(RecordsTest, WhatIsWrongIsSaidInWords) {
  if (!through_server()) {
    const Ran nowhere = alctl({"leads", "list", "--database", folder_.file("none.sqlite"), "--config", config()});
    EXPECT_EQ(nowhere.code, ExitCode::kNotFound);
    EXPECT_THAT(nowhere.err, HasSubstr("none.sqlite"));
    const Ran both = run({"leads", "list", "--server", "http://127.0.0.1:1"});
    EXPECT_EQ(both.code, ExitCode::kUsage);
    return;
  }
  configure("another-key");
  const Ran denied = run({"leads", "list"});
  EXPECT_EQ(denied.code, ExitCode::kDenied);
  EXPECT_THAT(denied.err, HasSubstr("API_KEY must be the same here and there"));
  configure("");
  const Ran keyless = run({"leads", "list"});
  EXPECT_EQ(keyless.code, ExitCode::kConfig);
  EXPECT_THAT(keyless.err, HasSubstr("API_KEY is not set"));
  configure(std::string(agentd::test::kServiceKey));
  const Ran away = alctl({"leads", "list", "--server", "http://127.0.0.1:1", "--config", config()});
  EXPECT_EQ(away.code, ExitCode::kUnreachable);
  EXPECT_THAT(away.err, HasSubstr("is agentd running there?"));
  EXPECT_EQ(alctl({"leads", "list", "--server", "ftp://x", "--config", config()}).code, ExitCode::kUsage);
  OtherService stranger([](const providers::RawRequest&, std::size_t) -> OtherService::Answer {
    return {200, "<html>"};
  });
  const Ran other = alctl({"leads", "list", "--server", stranger.url(), "--config", config()});
  EXPECT_EQ(other.code, ExitCode::kFailed);
  EXPECT_THAT(other.err, HasSubstr("not as agentd does"));
  stranger.answer_with([](const providers::RawRequest&, std::size_t) -> OtherService::Answer {
    return {429, R"({"error":"too many"})", {{"Retry-After", "7"}}};
  });
  const Ran busy = alctl({"leads", "list", "--server", stranger.url(), "--config", config()});
  EXPECT_EQ(busy.code, ExitCode::kLimit);
  EXPECT_THAT(busy.err, HasSubstr("7 s"));
}

INSTANTIATE_TEST_SUITE_P(Over, RecordsTest, ::testing::Values("sqlite", "postgres", "server", "server_postgres"),
                         [](const auto& kind) { return kind.param; });

}  // namespace
}  // namespace al::alctl
