// Whole calls in virtual time: what the caller does, what the caller hears.
#include "dialog/call_engine.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dialog/call_engine_stories.h"
#include "dialog/virtual_call.h"

namespace al::dialog {
namespace {

using testing::greeting;
using ::testing::HasSubstr;
using testing::ModelScript;
using testing::number;
using testing::phrases;
using testing::reply;
using testing::SttScript;
using testing::text;
using testing::transcript;
using testing::VirtualCall;

// ---- greeting -------------------------------------------------------------------------------------------------------

TEST(CallEngine, GreetsIntoSilenceAfterEightHundredMilliseconds) {
  VirtualCall call;
  call.advance(milliseconds{790});
  EXPECT_TRUE(call.texts().empty());
  call.advance(milliseconds{300});
  ASSERT_TRUE(call.heard(greeting()));
  EXPECT_LE(*call.first_heard(greeting()) - call.start(), milliseconds{1000});
  call.advance_until_quiet();
  EXPECT_EQ(call.state(), "LISTENING");
}

TEST(CallEngine, DoesNotGreetACallerWhoSpeaksFirst) {
  VirtualCall call;
  call.advance(milliseconds{300});
  call.say("I am looking for a flat", seconds{2});
  call.advance(seconds{8});
  EXPECT_FALSE(call.heard(greeting()));
  EXPECT_TRUE(call.heard("Very well"));
}

TEST(CallEngine, AnEmptyGreetingMeansNone) {
  CallOptions options = VirtualCall::options();
  options.greeting = "";
  VirtualCall call(options);
  call.advance(seconds{4});
  EXPECT_TRUE(call.texts().empty());
  EXPECT_EQ(call.state(), "LISTENING");
}

TEST(CallEngine, GreetsWithTheVoiceWhenThereIsNoClip) {
  CallOptions options = VirtualCall::options();
  options.clips[greeting()] = nullptr;
  VirtualCall call(options);
  call.advance(milliseconds{1100});
  EXPECT_TRUE(call.heard(greeting()));
}

// ---- a turn ---------------------------------------------------------------------------------------------------------

TEST(CallEngine, AnswersATurnAndListensAgain) {
  VirtualCall call;
  call.advance_until_quiet();
  call.say("I am looking for a flat in Haifa", seconds{2});
  call.advance(seconds{4});
  EXPECT_TRUE(call.heard("Very well, Haifa is lovely."));
  call.advance_until_quiet();
  EXPECT_TRUE(call.heard("How many rooms do you need?"));
  EXPECT_EQ(call.state(), "LISTENING");
  ASSERT_EQ(call.model_requests().size(), 1U);
  EXPECT_THAT(call.model_requests()[0].messages.back().text, HasSubstr("Haifa"));
  EXPECT_EQ(call.count("TTS_END"), 2);  // greeting, answer
  EXPECT_EQ(text(call.events("TTS_END").back(), "reason"), "mark");
}

TEST(CallEngine, TheRecogniserGetsTheFirstSyllable) {
  VirtualCall call;
  call.advance_until_quiet();
  call.say(seconds{1});
  call.advance(milliseconds{600});
  int frames = 0;
  for (const auto& [when, output] : call.outputs()) {
    if (std::holds_alternative<out::StartStt>(output)) frames = 0;
    if (std::holds_alternative<out::FeedStt>(output)) ++frames;
  }
  EXPECT_GE(frames * 20, 570 + 200);  // all of the speech (less the way up) and at least 200 ms before it
}

TEST(CallEngine, TheLedgerAddsUpToTheWholeDelay) {
  VirtualCall call;
  call.advance_until_quiet();
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{6});
  const auto ledgers = call.events("LATENCY");
  ASSERT_EQ(ledgers.size(), 1U);
  std::int64_t sum = 0;
  for (const char* part : {"endpointing_ms", "stt_ms", "model_ms", "clause_ms", "tts_ms", "playout_ms"}) {
    EXPECT_GE(number(ledgers[0], part), 0);
    sum += number(ledgers[0], part);
  }
  EXPECT_EQ(sum, number(ledgers[0], "total_ms"));
  const std::int64_t at_the_ear = to_ms(*call.first_heard("Very well") - call.last_voice());
  EXPECT_NEAR(static_cast<double>(at_the_ear), static_cast<double>(number(ledgers[0], "total_ms")), 120.0);
}

TEST(CallEngine, NeverAnswersBeforeTheSmallestPause) {
  CallOptions options = VirtualCall::options();
  options.turn.resp_min_delay = options.turn.resp_max_delay = milliseconds{1000};
  VirtualCall call(options);
  call.advance_until_quiet();
  call.model.push_back(reply({"Yes. "}, milliseconds{10}));
  call.say("a flat", seconds{1});
  call.advance(seconds{4});
  ASSERT_TRUE(call.heard("Yes."));
  EXPECT_GE(*call.first_heard("Yes.") - call.last_voice(), milliseconds{1000});
  EXPECT_LE(*call.first_heard("Yes.") - call.last_voice(), milliseconds{1150});
}

TEST(CallEngine, WordsSaidWhileWeThinkBecomeOneTurn) {
  VirtualCall call;
  call.advance_until_quiet();
  call.stt = {transcript("I am looking for a flat", milliseconds{300}), transcript("in Haifa", milliseconds{300})};
  call.say(seconds{2});
  call.advance(milliseconds{2700});
  call.say(seconds{1});
  call.advance(seconds{5});
  ASSERT_GE(call.model_requests().size(), 1U);
  std::string last;
  for (const Message& message : call.model_requests().back().messages) last += message.text + " ";
  EXPECT_THAT(last, HasSubstr("I am looking for a flat"));
  EXPECT_THAT(last, HasSubstr("in Haifa"));
  const std::vector<std::string> texts = call.texts();
  EXPECT_EQ(std::count(texts.begin(), texts.end(), "Very well, Haifa is lovely."), 1);
}

TEST(CallEngine, AnAnswerToAnOlderTurnIsDropped) {
  VirtualCall call;
  call.deliver_cancelled = true;
  call.advance_until_quiet();
  call.stt = {transcript("a flat in Haifa"), transcript("no, in Eilat")};
  call.model = {reply({"Haifa it is. "}, milliseconds{1200}), reply({"Eilat it is. "}, milliseconds{300})};
  call.say(seconds{1});
  call.advance(milliseconds{2000});
  call.say(seconds{1});
  call.advance(seconds{6});
  EXPECT_TRUE(call.heard("Eilat it is.")) << call.story();
  EXPECT_FALSE(call.heard("Haifa it is."));
}

TEST(CallEngine, AnEmptyTranscriptIsAskedAboutAndNotMetWithSilence) {
  VirtualCall call;
  call.advance_until_quiet();
  call.stt.push_back(transcript(""));
  call.say(seconds{2});
  call.advance(seconds{5});
  EXPECT_EQ(call.texts().size(), 2U);  // the greeting and a question
  EXPECT_LE(call.longest_owed_silence(), milliseconds{1500});
}

TEST(CallEngine, ASecondFinalOfATurnIsIgnored) {
  VirtualCall call;
  call.advance_until_quiet();
  call.stt.push_back(transcript("a flat in Haifa"));
  call.stt.back().copies = 3;
  call.say(seconds{2});
  call.advance(seconds{6});
  EXPECT_EQ(call.model_requests().size(), 1U);
}

TEST(CallEngine, AskingEarlyShortensTheAnswerWhenTheWordsStayTheSame) {
  const auto delay = [](milliseconds speculate_after, const std::string& final_text) {
    CallOptions options = VirtualCall::options();
    options.turn.speculate_after = speculate_after;
    VirtualCall call(options);
    call.advance_until_quiet();
    SttScript script = transcript(final_text);
    script.partials = {{milliseconds{400}, "a flat"}, {milliseconds{1500}, "a flat in Haifa"}};
    call.stt.push_back(script);
    call.model_default = [] { return reply({"Haifa it is. "}, milliseconds{700}); };
    call.say(seconds{2});
    call.advance(seconds{8});
    EXPECT_EQ(call.most_open_models(), 1);
    EXPECT_TRUE(call.heard("Haifa it is.")) << call.story();
    const auto texts = call.texts();
    EXPECT_EQ(std::count(texts.begin(), texts.end(), "Haifa it is."), 1);
    int said = 0;
    for (const Message& message : call.engine().conversation().history()) {
      if (message.role == Role::kCaller) ++said;
    }
    EXPECT_EQ(said, 1);  // a guess that was dropped leaves nothing behind
    return number(call.events("LATENCY").back(), "total_ms");
  };
  const std::int64_t plain = delay(milliseconds{0}, "a flat in Haifa");
  EXPECT_LT(delay(milliseconds{200}, "A flat in Haifa."), plain - 400);
  const std::int64_t wrong = delay(milliseconds{200}, "a flat in Haifa, please");
  EXPECT_NEAR(static_cast<double>(wrong), static_cast<double>(plain), 60.0);
}

// ---- silence, goodbye, digits ---------------------------------------------------------------------------------------

TEST(CallEngine, ASilentCallerIsPromptedTwiceAndThenTheCallEnds) {
  VirtualCall call;
  call.advance(seconds{45});
  const Phrases& p = phrases();
  EXPECT_TRUE(call.heard(p.idle_first));
  EXPECT_TRUE(call.heard(p.idle_second));
  EXPECT_TRUE(call.heard(p.goodbye));
  EXPECT_EQ(call.ends(), 1);
  EXPECT_EQ(call.end_reason(), "idle");
  EXPECT_TRUE(call.engine().ended());
  EXPECT_FALSE(call.engine().deadline().has_value());
}

TEST(CallEngine, GoodbyeIsHeardToItsEndBeforeTheCallEnds) {
  VirtualCall call;
  call.advance_until_quiet();
  call.say("thank you, bye", seconds{1});
  call.advance(seconds{6});
  EXPECT_EQ(call.ends(), 1);
  EXPECT_EQ(call.end_reason(), "goodbye");
  EXPECT_FALSE(call.playing());
}

TEST(CallEngine, SpeakingOverTheGoodbyeReopensTheCall) {
  VirtualCall call;
  call.advance_until_quiet();
  call.say("bye", seconds{1});
  call.advance(milliseconds{1000});
  while (call.state() != "SPEAKING") call.advance(milliseconds{20});
  call.advance(milliseconds{400});
  call.stt.push_back(transcript("wait, one more question about Haifa"));
  call.say(milliseconds{1500});
  call.advance(seconds{4});
  EXPECT_EQ(call.ends(), 0);
  EXPECT_TRUE(call.heard("Very well"));
}

TEST(CallEngine, DigitsAreATurn) {
  VirtualCall call;
  call.advance_until_quiet();
  for (const char digit : std::string("0541234567")) {
    call.press(digit);
    call.advance(milliseconds{200});
  }
  EXPECT_TRUE(call.model_requests().empty());
  call.press('#');
  call.advance(milliseconds{100});
  ASSERT_EQ(call.model_requests().size(), 1U);
  EXPECT_THAT(call.model_requests()[0].messages.back().text, HasSubstr("0541234567"));
}

TEST(CallEngine, DigitsAreCompleteAfterAPause) {
  VirtualCall call;
  call.advance_until_quiet();
  call.press('5');
  call.advance(milliseconds{2600});
  EXPECT_EQ(call.model_requests().size(), 1U);
}

TEST(CallEngine, HoldMusicDoesNotKeepATurnOpen) {
  VirtualCall call;
  call.stt_default = [] { return SttScript{}; };
  call.advance_until_quiet();
  call.say(seconds{60});
  call.advance(seconds{30});
  EXPECT_GE(call.texts().size(), 2U);  // the greeting and a question, over the music
  call.advance(seconds{150});
  EXPECT_EQ(call.ends(), 1);
}

TEST(CallEngine, TheLongestCallEndsWithAGoodbye) {
  CallOptions options = VirtualCall::options();
  options.idle.max_call = seconds{30};
  VirtualCall call(options);
  for (int i = 0; i < 6; ++i) {
    call.advance(seconds{5});
    call.say("tell me more", seconds{1});
  }
  call.advance(seconds{15});
  EXPECT_EQ(call.ends(), 1);
  EXPECT_EQ(call.end_reason(), "max_call") << call.story();
}

TEST(CallEngine, AHangupEndsEverythingAtOnce) {
  VirtualCall call;
  call.advance(milliseconds{1200});
  call.say(seconds{2});
  call.advance(milliseconds{900});
  call.hang_up();
  EXPECT_TRUE(call.engine().ended());
  const std::size_t outputs = call.outputs().size();
  call.advance(seconds{5});
  EXPECT_EQ(call.outputs().size(), outputs);
  EXPECT_EQ(call.count("CALL_END"), 1);
}

// ---- tools ----------------------------------------------------------------------------------------------------------

TEST(CallEngine, AToolRunsAndItsResultGoesBackToTheModel) {
  VirtualCall call;
  call.advance_until_quiet();
  ModelScript ask;
  ask.tools.push_back({{}, "t1", "end_call", "{}"});
  call.tool_answer = [](const out::RunTool&) { return std::string("ok"); };
  call.model = {ask, reply({"It is done. "})};
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{6});
  EXPECT_EQ(call.count("TOOL") + call.count("TOOL_REFUSED"), 1);
  EXPECT_EQ(call.model_requests().size(), 2U);
  EXPECT_TRUE(call.heard("It is done."));
}

}  // namespace
}  // namespace al::dialog
