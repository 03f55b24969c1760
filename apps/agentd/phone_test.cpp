// Whole calls through agentd over its sockets, with Twilio's side simulated: its webhooks, its REST API, its silence.
#include <iostream>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include "agentd/testing_phone.h"

namespace al::agentd {
namespace {

using nlohmann::json;
using test::PhoneTest;
using test::TestCall;
using twilio::SimulatedCall;

TEST_F(PhoneTest, AStreamThatNeverStartsGoesToTheVoicemailOnce) {
  start({{"watchdog_start_sec", "0.5"}, {"watchdog_poll_ms", "20"}});
  auto options = twilio_.options();
  options.lost_sockets = 1;
  dial(options);
  ASSERT_TRUE(reaches(SimulatedCall::Leg::kRecording));
  twilio_.with([&] { call_->say(milliseconds{500}); });
  ASSERT_TRUE(eventually([&] { return call_->sim().unsaid_bytes() == 0; }));
  twilio_.with([&] { call_->driver().press('#'); });
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->noted("rest", "/webhook/handle_recording"), 1);
    EXPECT_EQ(call_->noted("verb", "<Record>"), 1);
    EXPECT_EQ(call_->sim().streams_opened(), 1);
    EXPECT_EQ(call_->end_reason(), "<Hangup>") << "after the thanks";
    EXPECT_EQ(twilio_.updates().size(), 1U);
  });
  EXPECT_TRUE(forgotten());
  ASSERT_TRUE(eventually([&] { return record()["status"] == "completed"; })) << record().dump();
  EXPECT_NE(record()["recording_url"].get<std::string>().find("/Recordings/RE"), std::string::npos);
}

TEST_F(PhoneTest, AStreamWithoutMediaGoesToTheVoicemailOnce) {
  start({{"watchdog_media_sec", "0.5"}, {"watchdog_poll_ms", "20"}, {"ai_greeting", ""}});
  auto options = twilio_.options();
  options.loss = 1;
  dial(options);
  ASSERT_TRUE(eventually([&] { return call_->noted("verb", "<Say>") == 1; }));
  twilio_.with([&] { call_->driver().hang_up(); });
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->noted("stream_start"), 1);
    EXPECT_EQ(twilio_.updates().size(), 1U);
    EXPECT_EQ(twilio_.updates_with("/webhook/handle_recording"), 1);
  });
  EXPECT_TRUE(forgotten());
}

TEST_F(PhoneTest, ATerminalStatusClosesTheCallEverywhere) {
  start();
  dial(twilio_.options());
  ASSERT_TRUE(agent_has_spoken(1));
  EXPECT_EQ(daemon_->streams(), 1);
  twilio_.with([&] { call_->driver().hang_up(); });
  ASSERT_TRUE(is_over());
  EXPECT_TRUE(forgotten());
  ASSERT_TRUE(eventually([&] { return record()["status"] == "completed"; })) << record().dump();
  // The same once more, and an older one late: nothing moves back.
  twilio_.with([&] { EXPECT_TRUE(twilio_.updates().empty()) << "nobody needs to end it"; });
}

TEST_F(PhoneTest, ACallThatIsCompletedElsewhereEndsItsStreamHere) {
  start();
  auto options = twilio_.options();
  dial(options);
  ASSERT_TRUE(agent_has_spoken(1));
  twilio_.with([&] { call_->sim().rest_complete(monotonic_now()); });
  ASSERT_TRUE(is_over());
  EXPECT_TRUE(forgotten());
}

TEST_F(PhoneTest, AHandshakeThatIsRefusedIsTriedTwiceMoreThenToldGoodbye) {
  start({{"ws_signature", "require"}});
  auto options = twilio_.options();
  options.sign_upgrade = false;
  dial(options);
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->noted("error", "31920"), 3) << "the call's own, and two resumes";
    EXPECT_EQ(call_->noted("request", "/webhook/stream_ended"), 3);
    EXPECT_EQ(call_->noted("verb", "<Say>") + call_->noted("verb", "<Play>"), 1);
    EXPECT_EQ(call_->end_reason(), "<Hangup>");
  });
  EXPECT_TRUE(forgotten());
}

TEST_F(PhoneTest, WhereTheActionIsNotAskedAfterARefusedHandshakeTheCallEndsAndIsClosed) {
  start({{"ws_signature", "require"}});
  auto options = twilio_.options();
  options.sign_upgrade = false;
  options.action_after_failed_handshake = false;
  dial(options);
  ASSERT_TRUE(is_over());
  twilio_.with([&] { EXPECT_EQ(call_->end_reason(), "the TwiML is done"); });
  EXPECT_TRUE(forgotten());
  EXPECT_TRUE(eventually([&] { return record()["status"] == "completed"; })) << record().dump();
}

// Holds the database locked, as another process would.
class LockedDatabase {
 public:
  explicit LockedDatabase(const std::string& file) {
    EXPECT_EQ(sqlite3_open_v2(file.c_str(), &db_, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
    sqlite3_busy_timeout(db_, 10'000);
    EXPECT_EQ(sqlite3_exec(db_, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db_);
  }
  ~LockedDatabase() {
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    sqlite3_close(db_);
  }
  LockedDatabase(const LockedDatabase&) = delete;
  LockedDatabase& operator=(const LockedDatabase&) = delete;

 private:
  sqlite3* db_ = nullptr;
};

TEST_F(PhoneTest, WhileTheDatabaseIsLockedABrokenStreamGoesOnFromMemory) {
  start();
  world_->script().set_transcripts({"I am looking for a flat in Haifa.", "Three rooms please."});
  dial(twilio_.options());
  ASSERT_TRUE(agent_has_spoken(1));
  twilio_.with([&] { call_->say(milliseconds{900}); });
  ASSERT_TRUE(agent_has_spoken(2));
  std::shared_ptr<TestCall> second;
  {
    const LockedDatabase locked(folder_.path() + "/agentd.sqlite");
    daemon_->hand_over();  // the streams end, and Twilio asks who goes on
    ASSERT_TRUE(eventually([&] { return call_->sim().streams_opened() == 2; }));
    ASSERT_TRUE(eventually([&] { return log_.count("RESUMED") == 1; }));
    // And a new call is taken.
    second = twilio_.dial(twilio_.options(), agent());
    EXPECT_TRUE(eventually([&] { return second->noted("mark", "e") == 1; }));
  }
  twilio_.with([&] { call_->say(milliseconds{900}); });
  ASSERT_TRUE(agent_has_spoken(3));
  // The database knows both when it is back: the calls end in it, and nothing is overdue.
  twilio_.with([&] {
    call_->driver().hang_up();
    second->driver().hang_up();
  });
  ASSERT_TRUE(is_over());
  ASSERT_TRUE(eventually([&] { return second->over(); }));
  EXPECT_TRUE(forgotten());
  ASSERT_TRUE(eventually([&] { return record()["status"] == "completed"; })) << record().dump();
  EXPECT_EQ(record()["slots"]["area"], "Haifa");
  EXPECT_EQ(record()["slots"]["rooms"], "3");
  twilio_.with([&] { EXPECT_TRUE(twilio_.updates().empty()); });
  twilio_.forget(second);
}

class GoodbyeTest : public PhoneTest {
 protected:
  // A call whose caller says goodbye after the greeting.
  void call_and_say_goodbye() {
    world_->script().set_transcripts({"Thank you, goodbye."});
    dial(twilio_.options());
    ASSERT_TRUE(agent_has_spoken(1));
    twilio_.with([&] { call_->say(milliseconds{900}); });
  }
};

TEST_F(GoodbyeTest, TheCallIsCompletedThroughRestAfterTheLastMark) {
  start();
  call_and_say_goodbye();
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->end_reason(), "completed through REST");
    EXPECT_EQ(call_->noted("mark", "e"), 2);
    EXPECT_EQ(twilio_.updates_with("completed"), 1);
    EXPECT_EQ(twilio_.updates().size(), 1U);
    EXPECT_LT(call_->timeline().rfind("mark e"), call_->timeline().find("completed through REST"));
  });
  EXPECT_TRUE(forgotten());
}

TEST_F(GoodbyeTest, TooManyRequestsAndServerErrorsAreRepeated) {
  start();
  twilio_.with([&] { twilio_.rest().fail_next(1, 429, "1"); });
  call_and_say_goodbye();
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->end_reason(), "completed through REST");
    EXPECT_EQ(twilio_.rest_requests(), 2);
    twilio_.rest().fail_next(2, 503);
  });
  twilio_.forget(call_);
  call_and_say_goodbye();
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->end_reason(), "completed through REST");
    EXPECT_EQ(twilio_.rest_requests(), 5);
  });
}

TEST_F(GoodbyeTest, ACallThatTwilioSaysIsOverIsOver) {
  start();
  for (const auto& [status, code] : {std::pair{400, 21220}, {404, 20404}}) {
    const int before = twilio_.with([&] {
      twilio_.rest().fail_next(1, status, {}, code);
      return twilio_.rest_requests();
    });
    call_and_say_goodbye();
    ASSERT_TRUE(eventually([&] { return twilio_.rest_requests() > before; }));
    // Nothing is repeated and nobody hangs up a second time; the end comes from Twilio.
    ASSERT_TRUE(eventually([&] { return call_->noted("mark", "e") == 2; }));
    twilio_.with([&] { call_->driver().hang_up(); });
    ASSERT_TRUE(is_over());
    EXPECT_TRUE(forgotten());
    EXPECT_EQ(twilio_.with([&] { return twilio_.rest_requests(); }), before + 1);
    twilio_.forget(call_);
  }
}

TEST_F(GoodbyeTest, WhereRestGivesUpTheStreamIsClosedAndTheActionHangsUp) {
  start({{"twilio_rest_attempts", "2"}});
  twilio_.with([&] { twilio_.rest().fail_next(100, 500); });
  call_and_say_goodbye();
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(twilio_.rest_requests(), 2) << "TWILIO_REST_ATTEMPTS";
    EXPECT_EQ(call_->end_reason(), "<Hangup>");
    EXPECT_EQ(call_->noted("request", "/webhook/stream_ended"), 1);
    EXPECT_EQ(call_->sim().streams_opened(), 1) << "the conversation was finished";
  });
  EXPECT_TRUE(forgotten());
}

TEST_F(PhoneTest, TheWatchdogTakesACallThatIsOverAsOver) {
  start({{"watchdog_start_sec", "0.5"}, {"watchdog_poll_ms", "20"}});
  auto options = twilio_.options();
  options.lost_sockets = 1;
  twilio_.with([&] { twilio_.rest().fail_next(1, 404, {}, 20404); });
  dial(options);
  ASSERT_TRUE(eventually([&] { return twilio_.rest_requests() == 1; }));
  EXPECT_TRUE(forgotten());
  EXPECT_EQ(twilio_.with([&] { return twilio_.rest_requests(); }), 1);
}

// ---- PLAYBACK=redirect
// -----------------------------------------------------------------------------------------------

class RedirectTest : public PhoneTest {
 protected:
  using Changes = std::vector<std::pair<std::string_view, std::string_view>>;
  void start_redirecting(Changes changes = {}) {
    changes.emplace_back("playback", "redirect");
    start(changes);
  }
  // So many clips were played and the stream behind the last one is open.
  [[nodiscard]] bool listens_after(int clips) {
    return eventually([&] {
      return call_->noted("verb", "<Play>") == clips && call_->sim().streams_opened() == clips + 1 &&
             call_->sim().leg() == SimulatedCall::Leg::kStreaming && call_->sim().stream()->media_sent() > 10;
    });
  }
  void say() {
    twilio_.with([&] { call_->say(milliseconds{900}); });
  }
};

TEST_F(RedirectTest, EachAnswerIsAClipAndTheConversationGoesOn) {
  start_redirecting({{"watchdog_start_sec", "0.5"}, {"watchdog_poll_ms", "20"}, {"max_resumes", "1"}});
  world_->script().set_transcripts({"I am looking for a flat in Haifa.", "Three rooms please.", "Up to two million."});
  dial(twilio_.options());
  for (int answers = 1; answers <= 4; ++answers) {  // the greeting, then one for each line
    ASSERT_TRUE(listens_after(answers));
    EXPECT_EQ(daemon_->calls(), 1);
    if (answers < 4) say();
  }
  twilio_.with([&] {
    EXPECT_EQ(twilio_.updates_with("<Play>"), 4);
    EXPECT_EQ(twilio_.updates().size(), 4U) << "the watchdog knows that clips are played, longer than its patience";
    EXPECT_EQ(call_->sim().stream()->media_received(), 0U) << "nothing was sent through the stream";
    EXPECT_GT(call_->agent_sound(), seconds{3});
    call_->driver().hang_up();
  });
  ASSERT_TRUE(is_over());
  EXPECT_TRUE(forgotten());
  const json call = record();
  EXPECT_EQ(call["slots"]["area"], "Haifa") << call.dump();
  EXPECT_EQ(call["slots"]["rooms"], "3") << "slots of all streams";
  std::set<std::int64_t> numbers;
  int greetings = 0;
  for (const json& turn : call["turns"]) {
    numbers.insert(turn["turn"].get<std::int64_t>());
    greetings += turn["agent_text"] == "Hello." ? 1 : 0;
    EXPECT_EQ(turn["agent_heard"], turn["agent_text"]) << "a clip is heard to its end";
  }
  EXPECT_EQ(numbers.size(), 4U) << "no stream writes over the turns of another: " << call["turns"].dump();
  EXPECT_EQ(greetings, 1);
}

TEST_F(RedirectTest, TheActionOfTheReplacedConnectChangesNothing) {
  using AfterUpdate = twilio::SimulatedCallOptions::AfterUpdate;
  start_redirecting({{"max_resumes", "1"}});
  for (const AfterUpdate after : {AfterUpdate::kAskedAndIgnored, AfterUpdate::kAskedAndFollowed}) {
    world_->script().set_transcripts({"I am looking for a flat in Haifa."});
    auto options = twilio_.options();
    options.action_after_update = after;
    dial(options);
    for (int answers = 1; answers <= 3; ++answers) {
      ASSERT_TRUE(eventually([&] {
        return twilio_.updates_with("<Play>") == answers && call_->sim().streams_opened() == answers + 1 &&
               call_->sim().leg() == SimulatedCall::Leg::kStreaming && call_->sim().stream()->media_sent() > 10;
      })) << "answer "
          << answers;
      if (answers < 3) say();
    }
    twilio_.with([&] {
      EXPECT_EQ(call_->noted("request", "stream_ended"), 3);
      call_->driver().hang_up();
    });
    ASSERT_TRUE(is_over());
    EXPECT_TRUE(forgotten());
    twilio_.forget(call_);
    twilio_.with([&] { twilio_.forget_updates(); });
  }
}

TEST_F(RedirectTest, WhatRestDoesNotTakeIsSpokenInTheStream) {
  start_redirecting();
  world_->script().set_transcripts({"I am looking for a flat in Haifa."});
  twilio_.with([&] { twilio_.rest().fail_next(1, 400, {}, 21218); });
  dial(twilio_.options());
  ASSERT_TRUE(agent_has_spoken(1));
  twilio_.with([&] {
    EXPECT_GT(call_->sim().stream()->media_received(), 10U);
    EXPECT_EQ(call_->noted("verb", "<Play>"), 0);
  });
  EXPECT_EQ(log_.count("PLAYBACK_FALLBACK"), 1U);
  say();  // the stream is alive, and the next answer is a clip again
  ASSERT_TRUE(eventually([&] { return call_->noted("verb", "<Play>") == 1; }));
  ASSERT_TRUE(eventually([&] { return call_->sim().streams_opened() == 2; }));
  twilio_.with([&] { call_->driver().hang_up(); });
  ASSERT_TRUE(is_over());
  EXPECT_TRUE(forgotten());
}

TEST_F(RedirectTest, TheGoodbyeIsPlayedAndTwilioHangsUp) {
  start_redirecting();
  world_->script().set_transcripts({"Thank you, goodbye."});
  dial(twilio_.options());
  ASSERT_TRUE(listens_after(1));
  say();
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->end_reason(), "<Hangup>");
    EXPECT_EQ(call_->noted("verb", "<Play>"), 2);
    EXPECT_EQ(call_->sim().streams_opened(), 2);
    EXPECT_EQ(twilio_.updates_with("completed"), 0) << "that would cut the goodbye";
  });
  EXPECT_TRUE(forgotten());
}

TEST_F(RedirectTest, AGoodbyeThatRestDoesNotTakeIsSpokenBeforeTheCallIsCompleted) {
  start_redirecting();
  world_->script().set_transcripts({"Thank you, goodbye."});
  dial(twilio_.options());
  ASSERT_TRUE(listens_after(1));
  twilio_.with([&] { twilio_.rest().fail_next(1, 400, {}, 21218); });
  say();
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->end_reason(), "completed through REST");
    EXPECT_EQ(call_->noted("verb", "<Play>"), 1);
    EXPECT_GT(call_->sim().stream()->media_received(), 10U);
    EXPECT_EQ(call_->noted("mark", "e"), 1) << "not before it was heard";
  });
  EXPECT_TRUE(forgotten());
}

TEST_F(RedirectTest, ASilentCallerIsAskedTwiceAndThenToldGoodbye) {
  start_redirecting({{"idle_prompt_sec", "2"}});
  dial(twilio_.options());
  ASSERT_TRUE(is_over());
  twilio_.with([&] {
    EXPECT_EQ(call_->noted("verb", "<Play>"), 4) << "greeting, two prompts, goodbye";
    EXPECT_EQ(call_->end_reason(), "<Hangup>");
  });
  EXPECT_TRUE(forgotten());
}

TEST_F(RedirectTest, AClipCanBeFetchedByItsNameOnly) {
  start_redirecting();
  dial(twilio_.options());
  ASSERT_TRUE(listens_after(1));
  const std::string document = twilio_.with([&] { return twilio_.updates().at(0).twiml; });
  const std::string url_start = std::string(test::kBase) + "/static/tts/answer-";
  const std::size_t from = document.find(url_start);
  ASSERT_NE(from, std::string::npos) << document;
  std::string path = document.substr(from + test::kBase.size());
  path = path.substr(0, path.find('<'));
  net::ClientRequest request;
  request.url = agent() + path;
  const auto whole = http_.fetch(request);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->status, 200);
  EXPECT_EQ(net::find_header(whole->headers, "Content-Type"), "audio/wav");
  EXPECT_TRUE(whole->body.starts_with("RIFF"));
  request.method = "HEAD";
  const auto head = http_.fetch(request);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(net::find_header(head->headers, "Content-Length"), std::to_string(whole->body.size()));
  request.method = "GET";
  request.url[request.url.size() - 5] = request.url[request.url.size() - 5] == '0' ? '1' : '0';
  EXPECT_EQ(http_.fetch(request)->status, 404);
}

TEST_F(RedirectTest, WithoutCredentialsForRestItDoesNotStart) {
  Settings settings;
  for (const auto& [key, value] : test::agent_settings(*world_, twilio_, folder_.path())) {
    if (key == "twilio_account_sid") continue;
    ASSERT_TRUE(settings.set(key, value));
  }
  ASSERT_TRUE(settings.set("playback", "redirect"));
  const auto made = Daemon::make(settings);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().detail.find("twilio_account_sid"), std::string::npos) << made.error().detail;
}

}  // namespace
}  // namespace al::agentd
