// How long the line may be silent while an answer is owed: failures, fillers, and what counts as a sound. In virtual
// time.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "dialog/call_engine.h"
#include "dialog/call_engine_stories.h"
#include "dialog/virtual_call.h"

namespace al::dialog {
namespace {

using testing::greeting;
using testing::ModelScript;
using testing::number;
using testing::phrases;
using testing::reply;
using testing::text;
using testing::transcript;
using testing::TtsScript;
using testing::VirtualCall;

constexpr milliseconds kLongestSilence{1500};
constexpr milliseconds kThere{60};  // to Twilio and back, as VirtualCall has it

ModelScript silent_model() {
  ModelScript script;
  script.hang = true;
  return script;
}

// The answer waits for the transcript of a second utterance, begins because the silence gets too long, and is cut the
// next moment by that very transcript.
TEST(CallEngineSilence, AnAnswerCutAtItsFirstFrameDoesNotCountAsASound) {
  VirtualCall call;
  call.advance_until_quiet();
  call.stt.push_back(transcript("a flat in Haifa", milliseconds{150}));
  call.model.push_back({{{milliseconds{700}, "Very well, Haifa is lovely. "}}, {}, false, false});
  call.model.push_back(silent_model());
  call.say(seconds{2});
  call.advance(milliseconds{2700});
  call.stt.push_back(transcript("four rooms", milliseconds{640}));
  call.say(milliseconds{900});
  call.advance(seconds{8});
  ASSERT_EQ(call.count("INTERRUPTED"), 1) << call.story();
  EXPECT_FALSE(call.heard("Very well")) << call.story();  // not long enough to be heard
  EXPECT_LE(call.longest_owed_silence(), kLongestSilence + kThere) << call.story();
}

// At the moment of the filler the words have been at the synthesiser for 100 ms.
TEST(CallEngineSilence, AVoiceThatIsAboutToSoundIsWaitedFor) {
  VirtualCall call;
  call.advance_until_quiet();
  call.stt.push_back(transcript("a flat in Haifa", milliseconds{150}));
  call.model.push_back({{{milliseconds{390}, "Very well. "}}, {}, false, false});
  TtsScript voice;
  voice.first = milliseconds{200};
  call.tts.push_back(voice);
  call.say(seconds{2});
  call.advance(seconds{6});
  ASSERT_EQ(call.count("LATENCY"), 1) << call.story();
  EXPECT_EQ(call.count("FILLER"), 0) << call.story();
  EXPECT_LE(call.longest_owed_silence(), kLongestSilence);
}

TEST(CallEngineSilence, AVoiceThatDoesNotSoundIsNotWaitedForTooLong) {
  for (const milliseconds model : {milliseconds{10}, milliseconds{390}, milliseconds{450}}) {
    VirtualCall call;
    call.advance_until_quiet();
    call.stt.push_back(transcript("a flat in Haifa", milliseconds{150}));
    call.model.push_back({{{model, "Very well. "}}, {}, false, false});
    TtsScript voice;
    voice.hang = true;
    call.tts.push_back(voice);
    call.say(seconds{2});
    call.advance(seconds{9});
    ASSERT_GE(call.count("FILLER"), 1) << call.story();
    EXPECT_LE(call.longest_owed_silence(), kLongestSilence) << call.story();
  }
}

// A model that fails when a clause of it is spoken already: the caller has an answer, and no apology follows it.
TEST(CallEngineSilence, AnAnswerThatBreaksOffIsStillAnAnswer) {
  VirtualCall call;
  call.advance_until_quiet();
  call.model.push_back({{{milliseconds{200}, "We have flats in Haifa. And "}}, {}, false, true});
  call.say("a flat in Haifa", seconds{2});
  call.advance(seconds{12});
  EXPECT_TRUE(call.heard("We have flats in Haifa.")) << call.story();
  EXPECT_EQ(call.count("TURN_FAILED"), 0) << call.story();
  EXPECT_EQ(call.count("PROVIDER_FAILED"), 1);
  EXPECT_EQ(call.state(), "LISTENING");
}

// The voice of the second sentence does not come; an "uh-huh" in the gap holds the answer and lets it go on with
// nothing to say.
TEST(CallEngineSilence, GoingOnWithNothingToSayIsNoSound) {
  VirtualCall call;
  call.advance_until_quiet();
  call.stt = {transcript("a flat in Haifa", milliseconds{150}), transcript("uh-huh", milliseconds{500})};
  call.model.push_back(
      {{{milliseconds{200}, "Very well, Haifa is lovely. Which street do you like? "}}, {}, false, false});
  TtsScript late;
  late.first = seconds{6};
  call.tts = {TtsScript{}, late};
  call.say(seconds{2});
  call.advance(milliseconds{5000});
  ASSERT_TRUE(call.heard("Very well")) << call.story();
  call.say(milliseconds{300});
  call.advance(seconds{8});
  EXPECT_LE(call.longest_owed_silence(), kLongestSilence + kThere) << call.story();
}

// Who presses a key is not waiting just then: the time to a filler runs from the key.
TEST(CallEngineSilence, AKeyPressedWhileAnAnswerIsOwedStartsTheClockAnew) {
  VirtualCall call;
  call.advance_until_quiet();
  call.model.push_back(silent_model());
  call.say("a flat in Haifa", seconds{2});
  call.advance(milliseconds{2900});  // 0.9 s after the last sound
  const Timestamp pressed = call.now();
  ASSERT_EQ(call.count("FILLER"), 0);
  call.press('4');
  call.advance(milliseconds{1100});
  EXPECT_EQ(call.count("FILLER"), 0) << call.story();
  call.advance(milliseconds{100});
  ASSERT_EQ(call.count("FILLER"), 1) << call.story();
  EXPECT_EQ(call.events("FILLER")[0].at - pressed, CallOptions{}.deadlines.filler_after);
  EXPECT_LE(call.longest_owed_silence(), kLongestSilence + kThere);
}

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

}  // namespace
}  // namespace al::dialog
