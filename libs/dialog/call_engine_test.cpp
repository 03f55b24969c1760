// Whole calls in virtual time: what the caller does, what the caller hears.
#include "dialog/call_engine.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dialog/virtual_call.h"

namespace al::dialog {
namespace {

using ::testing::HasSubstr;
using testing::ModelScript;
using testing::SttScript;
using testing::TtsScript;
using testing::VirtualCall;

std::int64_t number(const CallEvent& event, std::string_view key) {
  for (const Fact& fact : event.facts) {
    if (fact.key == key) return std::get<std::int64_t>(fact.value);
  }
  ADD_FAILURE() << event.name << " has no " << key;
  return -1;
}
std::string text(const CallEvent& event, std::string_view key) {
  for (const Fact& fact : event.facts) {
    if (fact.key == key) return std::get<std::string>(fact.value);
  }
  return {};
}

ModelScript reply(std::vector<std::string> deltas, Duration first = milliseconds{200}) {
  ModelScript script;
  for (std::string& delta : deltas) script.deltas.emplace_back(first, std::move(delta));
  return script;
}
SttScript transcript(std::string words, Duration delay = milliseconds{150}) {
  SttScript script;
  script.text = std::move(words);
  script.delay = delay;
  return script;
}

const Phrases& phrases() {
  static const std::shared_ptr<const Persona> persona = VirtualCall::options().persona;
  return persona->phrases;
}
const std::string& greeting() {
  return phrases().greeting;
}

// An answer that is one long clause.
const std::string kLong = "We have a very large choice of flats in Haifa and near the sea some with a garden.";
ModelScript long_reply() {
  return reply({kLong + " "});
}

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

// ---- barge-in -------------------------------------------------------------------------------------------------------

TEST(CallEngine, TheCallerCanInterruptAndHearsSilenceWithinTwoHundredMilliseconds) {
  VirtualCall call;
  call.model.push_back(long_reply());
  call.advance_until_quiet();
  call.say("a flat in Haifa", seconds{2});
  call.advance(milliseconds{4000});
  ASSERT_EQ(call.state(), "SPEAKING");
  const Timestamp onset = call.now();
  call.stt.push_back(transcript("no, in Eilat please"));
  call.say(seconds{2});
  call.advance(milliseconds{1500});
  Timestamp last;
  for (const auto& played : call.played()) {
    if (played.sound) last = played.to;
  }
  EXPECT_LE(last - onset, milliseconds{200} + milliseconds{40});  // and the first frame of the grid
  EXPECT_EQ(call.clears(), 1);
  EXPECT_EQ(call.count("BARGE_IN"), 1);
  call.advance(seconds{6});
  EXPECT_EQ(call.model_requests().size(), 2U);
  EXPECT_THAT(call.model_requests().back().messages.back().text, HasSubstr("Eilat"));
}

TEST(CallEngine, TheHistoryKeepsOnlyTheWordsThatWereHeard) {
  VirtualCall call;
  call.model.push_back(long_reply());
  call.advance_until_quiet();
  call.say("a flat in Haifa", seconds{2});
  call.advance(milliseconds{4000});
  call.stt.push_back(transcript("no, in Eilat please"));
  call.say(seconds{2});
  call.advance(seconds{6});
  std::string history;
  for (const Message& message : call.engine().conversation().history()) history += message.text + "\n";
  EXPECT_THAT(history, HasSubstr("We have a"));
  EXPECT_THAT(history, ::testing::Not(HasSubstr("garden")));
}

TEST(CallEngine, AnUhHuhDoesNotStopTheAnswer) {
  VirtualCall call;
  call.model.push_back(long_reply());
  call.advance_until_quiet();
  call.say("a flat in Haifa", seconds{2});
  call.advance(milliseconds{4000});
  call.stt.push_back(transcript("uh-huh"));
  call.say(milliseconds{360});
  call.advance(seconds{8});
  EXPECT_EQ(call.model_requests().size(), 1U);
  EXPECT_EQ(text(call.events("TTS_END").back(), "reason"), "mark");
  Duration sound{0};
  for (const auto& played : call.played()) {
    if (played.sound && played.text.find("very large") != std::string::npos) sound += played.to - played.from;
  }
  const Duration whole = milliseconds{60} * static_cast<int>(kLong.size());
  EXPECT_NEAR(static_cast<double>(to_ms(sound)), static_cast<double>(to_ms(whole)), 140.0);  // all of it, once
}

TEST(CallEngine, ACoughOnlyMakesAShortDip) {
  VirtualCall call;
  call.model.push_back(long_reply());
  call.advance_until_quiet();
  call.say("a flat in Haifa", seconds{2});
  call.advance(milliseconds{4000});
  call.stt.push_back(transcript(""));
  call.say(milliseconds{60});
  call.advance(seconds{8});
  EXPECT_EQ(call.clears(), 0);
  EXPECT_EQ(call.model_requests().size(), 1U);
  EXPECT_EQ(text(call.events("TTS_END").back(), "reason"), "mark");
}

TEST(CallEngine, LateVoiceOfAnInterruptedAnswerIsNeverPlayed) {
  VirtualCall call;
  call.deliver_cancelled = true;
  call.model.push_back(
      reply({"First sentence here, rather long. ", "Second sentence that must not be heard. "}, milliseconds{400}));
  call.tts.push_back({});
  call.tts.push_back({milliseconds{3000}, 20.0, milliseconds{60}, false, false, false, {}});
  call.advance_until_quiet();
  call.say("a flat in Haifa", seconds{2});
  call.advance(milliseconds{4200});
  call.stt.push_back(transcript("stop, something else"));
  call.say(seconds{2});
  call.advance(seconds{8});
  EXPECT_FALSE(call.heard("must not be heard"));
}

TEST(CallEngine, OurOwnEchoDoesNotInterruptUs) {
  testing::LineModel line;
  line.echo = 0.25;  // 12 dB down
  VirtualCall call(VirtualCall::options(), 1, line);
  call.advance_until_quiet();
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{3});
  call.advance_until_quiet();
  EXPECT_EQ(call.count("BARGE_IN"), 0);
  EXPECT_EQ(call.model_requests().size(), 1U);
}

// ---- failures: the line is never silent -----------------------------------------------------------------------------

TEST(CallEngine, ASlowModelIsBridgedByAFiller) {
  VirtualCall call;
  call.advance_until_quiet();
  call.model.push_back(reply({"Here we are. "}, milliseconds{2500}));
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{7});
  const std::string& filler = phrases().filler;
  EXPECT_TRUE(call.heard(filler));
  EXPECT_TRUE(call.heard("Here we are."));
  EXPECT_LE(call.longest_owed_silence(), milliseconds{1500});
  EXPECT_GT(number(call.events("LATENCY").back(), "filler_ms"), 0);
}

TEST(CallEngine, AModelThatHangsEndsInASpokenFallback) {
  VirtualCall call;
  call.advance_until_quiet();
  call.model.push_back({{}, {}, true, false});
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{9});
  EXPECT_LE(call.longest_owed_silence(), milliseconds{1500});
  EXPECT_EQ(call.count("TURN_FAILED"), 1) << call.story();
  EXPECT_GE(call.texts().size(), 3U);  // greeting, filler, fallback
  EXPECT_EQ(call.state(), "LISTENING");
}

TEST(CallEngine, AVoiceThatFailsBecomesTheReadyMadeFallback) {
  for (const int kind : {0, 1, 2}) {
    VirtualCall call;
    call.advance_until_quiet();
    TtsScript script;
    script.fail = kind == 0;
    script.empty = kind == 1;
    script.hang = kind == 2;
    call.tts = {script, script};
    call.say("a flat in Haifa", seconds{2});
    call.advance(seconds{9});
    EXPECT_LE(call.longest_owed_silence(), milliseconds{1500}) << kind;
    EXPECT_GE(call.texts().size(), 2U) << kind;
    EXPECT_EQ(call.state(), "LISTENING") << kind;
  }
}

TEST(CallEngine, WithoutAnyClipOrVoiceItBeeps) {
  CallOptions options = VirtualCall::options();
  for (const std::string& text : options.persona->fixed_phrases()) {
    if (text != greeting()) options.clips[text] = nullptr;
  }
  VirtualCall call(options);
  call.advance_until_quiet();
  call.tts_default = [] {
    TtsScript script;
    script.fail = true;
    return script;
  };
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{5});
  bool beep = false;
  for (const auto& played : call.played()) beep = beep || (played.sound && played.text.empty());
  EXPECT_TRUE(beep);
  EXPECT_LE(call.longest_owed_silence(), milliseconds{1500});
}

TEST(CallEngine, TwoFailedTurnsInARowEndWithAnApology) {
  VirtualCall call;
  call.model_default = [] { return ModelScript{{}, {}, false, true}; };
  call.advance_until_quiet();
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{3});
  call.advance_until_quiet();
  EXPECT_EQ(call.ends(), 0);
  call.say("do you hear me", seconds{2});
  call.advance(seconds{8});
  EXPECT_EQ(call.ends(), 1);
  EXPECT_EQ(call.end_reason(), "providers_failed");
  EXPECT_TRUE(call.heard(phrases().apology));
}

TEST(CallEngine, MarksThatNeverReturnDoNotStopTheCall) {
  testing::LineModel line;
  line.lose_marks = true;
  VirtualCall call(VirtualCall::options(), 1, line);
  call.advance_until_quiet();
  EXPECT_EQ(call.state(), "LISTENING");
  EXPECT_EQ(text(call.events("TTS_END").back(), "reason"), "mark timeout");
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{4});
  EXPECT_TRUE(call.heard("Very well")) << call.story();
  EXPECT_EQ(call.clears(), 1);  // something might still be playing
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
