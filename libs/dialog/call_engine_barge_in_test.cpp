// The caller speaks over us: in virtual time.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dialog/call_engine.h"
#include "dialog/call_engine_stories.h"
#include "dialog/virtual_call.h"

namespace al::dialog {
namespace {

using ::testing::HasSubstr;
using testing::kLong;
using testing::long_reply;
using testing::reply;
using testing::text;
using testing::transcript;
using testing::VirtualCall;

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

}  // namespace
}  // namespace al::dialog
