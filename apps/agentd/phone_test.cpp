// Whole calls through agentd over its sockets, with Twilio's side simulated: its webhooks, its REST API, its silence.

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

}  // namespace
}  // namespace al::agentd
