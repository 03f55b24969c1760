// PLAYBACK=redirect over sockets: each answer is a clip that Twilio is told to play.
#include <iostream>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agentd/testing_phone.h"

namespace al::agentd {
namespace {

using nlohmann::json;
using test::PhoneTest;
using test::TestCall;
using twilio::SimulatedCall;

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
