// The operator's API over sockets, with a filled database: lists, pages, exports, erasure, and every way to ask
// wrongly.
#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>

#include "agentd/testing_service.h"

namespace al::agentd {
namespace {

using nlohmann::json;
using store::testing::at;
using store::testing::call_sid;
using test::kPerson;
using test::OtherService;
using ::testing::HasSubstr;

constexpr const char* kOther = "+972547654321";

class ApiTest : public test::ServiceTest {
 protected:
  // Five calls of two people, with turns, slots, leads and messages; names and words as strangers may choose them.
  void fill() {
    const auto db = store();
    for (int i = 1; i <= 5; ++i) {
      store::CallRecord call;
      call.sid = call_sid(i);
      call.from = i == 5 ? kOther : std::string(kPerson);
      call.to = test::kUs;
      call.status = store::CallStatus::kCompleted;
      call.started = at(i <= 3 ? 1000 : 1000 * i);  // three of them in the same millisecond
      call.ended = at(1000 * i + 500);
      ASSERT_TRUE(db->records().put_call(call));
      store::TurnRecord turn;
      turn.call = call.sid;
      turn.turn = TurnId{1};
      turn.at = at(1000 * i + 1);
      turn.caller_text = "=HYPERLINK(\"http://evil\")";
      turn.agent_text = "שלום";
      turn.latencies_ms = {{"stt", 120}};
      ASSERT_TRUE(db->records().put_turn(turn));
      store::LeadRecord lead;
      lead.call = call.sid;
      lead.key = "lead";
      lead.phone = call.from;
      lead.name = i == 1 ? "=1+1" : i == 2 ? "@cmd" : i == 3 ? "-2" : "דנה, \"כהן\"";
      lead.slots = {{"area", "חיפה"}, {"note", "+SUM(A1)"}};
      lead.summary = "area: Haifa";
      lead.created = at(1000 * i);
      ASSERT_TRUE(db->records().save_lead(lead));
      ASSERT_TRUE(db->records().put_slots(call.sid, lead.slots, lead.created));
      store::MessageRecord message;
      message.id = "m" + std::to_string(i);
      message.provider = "twilio";
      message.provider_id = "SM" + std::to_string(i);
      message.inbound = i % 2 == 1;
      (message.inbound ? message.from : message.to) = call.from;
      message.body = "\t=tab";
      message.at = at(1000 * i);
      ASSERT_TRUE(db->records().put_message(message));
    }
  }
  json problem(std::string_view path, int status = 400) {
    const auto answer = api("GET", path);
    EXPECT_EQ(answer.status, status) << path;
    EXPECT_EQ(net::find_header(answer.headers, "Content-Type"), "application/json; charset=utf-8") << path;
    return json::parse(answer.body, nullptr, false);
  }
  json refused_send(const json& body, int status = 400) {
    const auto answer = api("POST", "/api/whatsapp/send", body.dump());
    EXPECT_EQ(answer.status, status) << body << answer.body;
    return json::parse(answer.body, nullptr, false);
  }
};

TEST_F(ApiTest, ListsAreNewestFirstAndFiltered) {
  start();
  fill();
  const json calls = get("/api/calls")["calls"];
  ASSERT_EQ(calls.size(), 5U);
  EXPECT_EQ(calls[0]["call_sid"], call_sid(5).str());
  EXPECT_EQ(calls[0]["status"], "completed");
  EXPECT_EQ(get("/api/calls?phone=" + std::string(kOther))["calls"].size(), 1U) << "a plus may stay a plus";
  EXPECT_EQ(get("/api/calls?phone=%2B972547654321")["calls"].size(), 1U);
  EXPECT_EQ(get("/api/calls?call=" + call_sid(2).str())["calls"][0]["call_sid"], call_sid(2).str());
  const auto ms = [](std::int64_t offset) { return std::to_string(at(offset).time_since_epoch().count()); };
  EXPECT_EQ(get("/api/calls?since_ms=" + ms(4000))["calls"].size(), 2U);
  EXPECT_EQ(get("/api/calls?before_ms=" + ms(4000))["calls"].size(), 3U);
  EXPECT_EQ(get("/api/leads?call=" + call_sid(1).str())["leads"][0]["name"], "=1+1") << "JSON needs no apostrophes";
  EXPECT_EQ(get("/api/whatsapp/messages?direction=in")["messages"].size(), 3U);
  EXPECT_EQ(get("/api/whatsapp/messages?direction=out")["messages"].size(), 2U);
  EXPECT_EQ(net::find_header(api("GET", "/api/calls").headers, "Cache-Control"), "no-store");
}

TEST_F(ApiTest, PagesFollowEachOtherWithoutGapOrRepetition) {
  start();
  fill();
  for (const std::string list : {"calls", "leads", "messages"}) {
    const std::string path = "/api/" + std::string(list == "messages" ? "whatsapp/messages" : list) + "?limit=2";
    std::set<std::string> seen;
    std::string cursor;
    int pages = 0;
    do {
      const json page = get(path + (cursor.empty() ? "" : "&cursor=" + cursor));
      ASSERT_TRUE(page.is_object());
      for (const json& row : page[list]) seen.insert(row[list == "calls" ? "call_sid" : "id"].get<std::string>());
      cursor = page.value("next", "");
      ++pages;
    } while (!cursor.empty() && pages < 9);
    EXPECT_EQ(pages, 3) << list;
    EXPECT_EQ(seen.size(), 5U) << list;
  }
  const auto csv = api("GET", "/api/calls?limit=2&format=csv");
  EXPECT_EQ(net::find_header(csv.headers, "X-Next-Cursor"), get("/api/calls?limit=2")["next"].get<std::string>());
}

TEST_F(ApiTest, ExportsAreHarmlessInASpreadsheet) {
  start();
  fill();
  const auto leads = api("GET", "/api/leads?format=csv");
  EXPECT_EQ(leads.status, 200);
  EXPECT_EQ(net::find_header(leads.headers, "Content-Type"), "text/csv; charset=utf-8");
  EXPECT_THAT(leads.body,
              ::testing::StartsWith("id,call_sid,created,phone,name,confirmed,summary,hand_over,area,note\r\n"));
  for (const char* cell : {",'=1+1,", ",'@cmd,", ",'-2,", ",'+SUM(A1)", ",'+972541234567,", ",\"דנה, \"\"כהן\"\"\","}) {
    EXPECT_THAT(leads.body, HasSubstr(cell));
  }
  EXPECT_THAT(api("GET", "/api/whatsapp/messages?format=csv").body, HasSubstr(",'\t=tab,"));
  EXPECT_THAT(api("GET", "/api/calls?format=csv").body, HasSubstr("'+972541234567"));
  EXPECT_EQ(api("GET", "/api/calls?format=json").body, api("GET", "/api/calls").body);
}

TEST_F(ApiTest, ACallIsShownWithEverythingOrNamedAsUnknown) {
  start();
  fill();
  const json call = get("/api/calls/" + call_sid(1).str());
  EXPECT_EQ(call["call_sid"], call_sid(1).str());
  EXPECT_EQ(call["turns"][0]["caller_text"], "=HYPERLINK(\"http://evil\")");
  EXPECT_EQ(call["turns"][0]["latencies_ms"]["stt"], 120);
  EXPECT_EQ(call["slots"]["area"], "חיפה");
  EXPECT_EQ(call["leads"][0]["name"], "=1+1");
  EXPECT_THAT(problem("/api/calls/" + call_sid(99).str(), 404)["error"].get<std::string>(),
              HasSubstr(call_sid(99).str()));
  EXPECT_EQ(problem("/api/calls/CA12")["field"], "sid");
  EXPECT_EQ(problem("/api/calls/%27%20OR%201=1")["field"], "sid");
}

TEST_F(ApiTest, WrongArgumentsAreNamed) {
  start();
  for (const auto& [argument, field] : {std::pair{"limit=0", "limit"},
                                        {"limit=10001", "limit"},
                                        {"limit=ten", "limit"},
                                        {"limit=1.5", "limit"},
                                        {"limit=", "limit"},
                                        {"since_ms=-1", "since_ms"},
                                        {"before_ms=99999999999999999999", "before_ms"},
                                        {"call=CA1", "call"},
                                        {"phone=", "phone"},
                                        {"cursor=abc", "cursor"},
                                        {"format=xml", "format"},
                                        {"fone=%2B972541234567", "fone"},
                                        {"direction=in", "direction"}}) {
    const json answer = problem("/api/calls?" + std::string(argument));
    EXPECT_EQ(answer["field"], field) << argument;
    EXPECT_FALSE(answer["error"].get<std::string>().empty());
  }
  EXPECT_EQ(problem("/api/whatsapp/messages?direction=sideways")["field"], "direction");
}

TEST_F(ApiTest, TheKeyIsNeededInEitherHeader) {
  start();
  const auto bare = ask("GET", "/api/leads");
  EXPECT_EQ(bare.status, 401);
  EXPECT_EQ(net::find_header(bare.headers, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(ask("GET", "/api/leads", {}, {{"Authorization", "Bearer the-api-kez"}}).status, 401);
  EXPECT_EQ(ask("GET", "/api/leads", {}, {{"Authorization", "Bearer "}}).status, 401);
  EXPECT_EQ(ask("GET", "/api/leads", {}, {{"X-API-Key", "the-api-key"}}).status, 200);
  EXPECT_EQ(
      ask("POST", "/api/whatsapp/send", R"({"to":"+1","text":"x"})", {{"Content-Type", "application/json"}}).status,
      401);
  EXPECT_EQ(ask("DELETE", "/api/callers/+972541234567").status, 401);
  stop();
  start({{"api_key", ""}});
  const auto closed = ask("GET", "/api/leads", {}, {{"Authorization", "Bearer "}});
  EXPECT_EQ(closed.status, 403);
  EXPECT_THAT(closed.body, HasSubstr("API_KEY"));
}

TEST_F(ApiTest, SendingNamesTheFieldThatIsWrong) {
  start({{"whatsapp_provider", "twilio"}, {"whatsapp_template", "HX1"}, {"twilio_api_base_url", "http://127.0.0.1:1"}});
  EXPECT_EQ(refused_send({{"to", "0541234567"}, {"text", "x"}})["field"], "to");
  EXPECT_EQ(refused_send({{"text", "x"}})["field"], "to");
  EXPECT_EQ(refused_send({{"to", 972541234567}, {"text", "x"}})["field"], "to");
  EXPECT_EQ(refused_send({{"to", kPerson}})["field"], "text");
  EXPECT_EQ(refused_send({{"to", kPerson}, {"text", ""}})["field"], "text");
  EXPECT_EQ(refused_send({{"to", kPerson}, {"text", std::string(1601, 'x')}})["field"], "text");
  EXPECT_EQ(refused_send({{"to", kPerson}, {"text", "x"}, {"key", 5}})["field"], "key");
  EXPECT_EQ(refused_send({{"to", kPerson}, {"text", "x"}, {"key", std::string(201, 'k')}})["field"], "key");
  EXPECT_EQ(refused_send({{"to", kPerson}, {"text", "x"}, {"from", "+1"}})["field"], "from");
  EXPECT_EQ(api("POST", "/api/whatsapp/send", "[]").status, 400);
  EXPECT_EQ(api("POST", "/api/whatsapp/send", "{\"to\":").status, 400);
  EXPECT_EQ(api("POST", "/api/whatsapp/send").status, 400);
  EXPECT_TRUE(messages("out").empty());
  // 1600 characters are allowed, whatever they weigh.
  std::string hebrew;
  for (int i = 0; i < 1600; ++i) hebrew += "א";
  EXPECT_EQ(api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", hebrew}}.dump()).status, 202);
}

TEST_F(ApiTest, MethodsTypesAndSizesAreRefusedProperly) {
  start();
  const auto wrong_method = api("POST", "/api/calls", "{}");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_THAT(std::string(net::find_header(wrong_method.headers, "Allow").value_or("")), HasSubstr("GET"));
  EXPECT_EQ(api("GET", "/api/whatsapp/send").status, 405);
  EXPECT_EQ(api("GET", "/api/callers/+972541234567").status, 405);
  EXPECT_EQ(api("POST", "/api/whatsapp/send", "to=x", {{"Content-Type", "application/x-www-form-urlencoded"}}).status,
            415);
  EXPECT_EQ(api("POST", "/api/whatsapp/send", json{{"to", kPerson}, {"text", std::string(70'000, 'x')}}.dump()).status,
            413);
  EXPECT_EQ(api("GET", "/api/nothing").status, 404);
  EXPECT_EQ(api("HEAD", "/api/calls").status, 200);
}

TEST_F(ApiTest, OtherOriginsAreLetInByNameOnly) {
  start({{"cors_origins", "https://crm.example.com"}});
  const auto preflight = [&](const std::string& origin) {
    return ask("OPTIONS", "/api/leads", {},
               {{"Origin", origin},
                {"Access-Control-Request-Method", "GET"},
                {"Access-Control-Request-Headers", "authorization"}});
  };
  const auto ours = preflight("https://crm.example.com");
  EXPECT_EQ(ours.status, 204);
  EXPECT_EQ(net::find_header(ours.headers, "Access-Control-Allow-Origin"), "https://crm.example.com");
  EXPECT_THAT(std::string(net::find_header(ours.headers, "Access-Control-Allow-Headers").value_or("")),
              HasSubstr("Authorization"));
  EXPECT_EQ(net::find_header(ours.headers, "Vary"), "Origin");
  for (const std::string stranger :
       {"https://evil.example", "https://crm.example.com.evil.example", "null", "http://crm.example.com"}) {
    const auto refused = preflight(stranger);
    EXPECT_EQ(refused.status, 403) << stranger;
    EXPECT_FALSE(net::find_header(refused.headers, "Access-Control-Allow-Origin")) << stranger;
  }
  // The answer itself must say so as well, or the browser hides it; and errors, too.
  const auto answer = api("GET", "/api/leads", {}, {{"Origin", "https://crm.example.com"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(net::find_header(answer.headers, "Access-Control-Allow-Origin"), "https://crm.example.com");
  const auto refused = ask("GET", "/api/leads", {}, {{"Origin", "https://crm.example.com"}});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(net::find_header(refused.headers, "Access-Control-Allow-Origin"), "https://crm.example.com");
  EXPECT_FALSE(net::find_header(api("GET", "/api/leads", {}, {{"Origin", "https://evil.example"}}).headers,
                                "Access-Control-Allow-Origin"));
}

TEST_F(ApiTest, TooManyRequestsAreToldWhenToComeBackAndTwilioNever) {
  start({{"api_rate_per_min", "20"}});
  int allowed = 0;
  net::ClientResponse last;
  for (int i = 0; i < 12; ++i) {
    last = api("GET", "/api/leads");
    if (last.status == 200) ++allowed;
  }
  EXPECT_EQ(allowed, 5) << "a quarter of a minute's may come at once";
  EXPECT_EQ(last.status, 429);
  EXPECT_EQ(net::find_header(last.headers, "Retry-After"), "3");
  EXPECT_EQ(json::parse(last.body).count("error"), 1U);
  // Strangers at a signed route run into the same limit; Twilio, from the same address, does not.
  int forbidden = 0;
  int limited = 0;
  for (int i = 0; i < 12; ++i) {
    const auto refused = post_signed("/webhook/whatsapp/incoming", message_form("x", message_sid(i)), false);
    forbidden += refused.status == 403;
    limited += refused.status == 429;
    if (refused.status == 429) {
      EXPECT_TRUE(net::find_header(refused.headers, "Retry-After"));
    }
  }
  EXPECT_EQ(forbidden, 5);
  EXPECT_EQ(limited, 7);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(writes("hello " + std::to_string(i)).status, 200);
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(
        post_signed("/webhook/whatsapp/status", {{"MessageSid", "SM1"}, {"MessageStatus", "read"}}, i % 2 == 0).status,
        204)
        << "a report's answer is always harmless";
  }
}

TEST_F(ApiTest, ErasingACallerRemovesRowsFilesAndRecordingsAndSaysWhatIsLeft) {
  OtherService twilio([](const providers::RawRequest& request, std::size_t) -> OtherService::Answer {
    if (request.target.find("RE" + std::string(32, '2')) != std::string::npos) return {500, "{}"};
    return {204, ""};
  });
  const std::string wavs = folder_.file("wavs");
  const std::string tapes = folder_.file("tapes");
  std::filesystem::create_directories(wavs);
  std::filesystem::create_directories(tapes);
  start({{"twilio_api_base_url", twilio.url()}, {"debug_wav_dir", wavs}, {"call_record_dir", tapes}});
  fill();
  const auto db = store();
  for (int i : {1, 2, 5}) {
    store::CallRecord call;
    call.sid = call_sid(i);
    call.recording_url =
        "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE" + std::string(32, static_cast<char>('0' + i));
    ASSERT_TRUE(db->records().put_call(call));
    std::ofstream(wavs + "/" + call_sid(i).str() + ".wav") << "RIFF";
    std::ofstream(tapes + "/" + call_sid(i).str() + ".jsonl") << "{}\n";
  }
  ASSERT_TRUE(db->records().set_opt_out(kPerson, true, at(0)));

  EXPECT_EQ(api("DELETE", "/api/callers/anonymous").status, 400);
  EXPECT_EQ(json::parse(api("DELETE", "/api/callers/0541234567").body)["field"], "number");
  const auto answer = api("DELETE", "/api/callers/%2B972541234567");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const json report = json::parse(answer.body);
  EXPECT_EQ(report["calls"], 4);
  EXPECT_EQ(report["turns"], 4);
  EXPECT_EQ(report["leads"], 4);
  EXPECT_EQ(report["messages"], 4);
  EXPECT_EQ(report["files"], 4);
  EXPECT_EQ(report["recordings"], 1);
  ASSERT_EQ(report["recordings_left"].size(), 1U);
  EXPECT_THAT(report["recordings_left"][0].get<std::string>(), HasSubstr("RE222"));
  for (const auto& request : twilio.requests()) {
    EXPECT_EQ(request.method, "DELETE");
    EXPECT_THAT(request.target,
                ::testing::StartsWith("/2010-04-01/Accounts/" + std::string(test::kServiceAccount) + "/Recordings/RE"));
  }
  EXPECT_EQ(twilio.requests().size(), 2U) << "the other one's is not touched";
  EXPECT_FALSE(std::filesystem::exists(wavs + "/" + call_sid(1).str() + ".wav"));
  EXPECT_FALSE(std::filesystem::exists(tapes + "/" + call_sid(2).str() + ".jsonl"));
  EXPECT_TRUE(std::filesystem::exists(wavs + "/" + call_sid(5).str() + ".wav"));
  EXPECT_TRUE(std::filesystem::exists(tapes + "/" + call_sid(5).str() + ".jsonl"));
  EXPECT_EQ(get("/api/calls")["calls"].size(), 1U);
  EXPECT_EQ(get("/api/leads")["leads"].size(), 1U);
  EXPECT_EQ(get("/api/whatsapp/messages")["messages"].size(), 1U);
  EXPECT_EQ(db->records().opted_out(kPerson), true) << "a wish not to be written to stays, as a hash";
  EXPECT_EQ(json::parse(api("DELETE", "/api/callers/%2B972541234567").body)["calls"], 0);
}

}  // namespace
}  // namespace al::agentd
