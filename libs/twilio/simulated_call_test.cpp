#include "twilio/simulated_call.h"

#include <gtest/gtest.h>

#include "twilio/signature.h"
#include "twilio/simulated_rig.h"

namespace al::twilio {
namespace {

using test::kToken;
using test::plain_options;
using test::Rig;
using test::tone;

TEST(SimulatedCall, WalksFromTheWebhookIntoTheStream) {
  Rig rig;
  rig.dial();
  rig.run(milliseconds{100});
  ASSERT_GE(rig.received.size(), 7U);
  EXPECT_TRUE(std::holds_alternative<msg::Connected>(rig.received[0]));
  const auto& start = std::get<msg::Start>(rig.received[1]);
  EXPECT_EQ(start.sequence, 1U);
  EXPECT_EQ(start.parameters.at("token"), "t");
  const auto& first = std::get<msg::Media>(rig.received[2]);
  EXPECT_EQ(first.sequence, 2U);
  EXPECT_EQ(first.chunk, 1U);
  EXPECT_EQ(first.timestamp_ms, 0U);
  EXPECT_EQ(std::get<msg::Media>(rig.received[3]).timestamp_ms, 20U);
  EXPECT_EQ(rig.media_count(), 5U);
  EXPECT_EQ(rig.stream_events(), std::vector<std::string>{"stream-started"});
}

TEST(SimulatedCall, SignsEveryRequest) {
  Rig rig;
  rig.dial();
  rig.run(milliseconds{100});
  rig.call.hang_up(rig.now);
  rig.drain();
  ASSERT_EQ(rig.requests.size(), 4U);  // webhook, started, stopped, call status
  const std::vector<std::string> tokens{std::string(kToken)};
  for (const auto& request : rig.requests) {
    SignedRequest check;
    check.url = request.url;
    check.form = &request.form;
    EXPECT_TRUE(verify_signature(check, request.signature, tokens).ok) << request.url;
  }
  EXPECT_EQ(rig.requests.back().form.get("CallStatus"), "completed");
}

TEST(SimulatedCall, PlaysTwentyMillisecondsATime) {
  Rig rig;
  rig.dial();
  rig.run(milliseconds{20});
  rig.server_says(media_message(rig.stream(), tone(5)));
  rig.server_says(mark_message(rig.stream(), "done"));
  rig.run(milliseconds{80});
  EXPECT_TRUE(rig.marks().empty());
  rig.run(milliseconds{20});
  EXPECT_EQ(rig.marks(), std::vector<std::string>{"done"});
  rig.run(milliseconds{100});
  const auto& heard = rig.call.agent_track();
  EXPECT_EQ(heard.size(), rig.call.caller_track().size());
  EXPECT_EQ(std::count(heard.begin(), heard.end(), 0x20), 5 * 160);
}

TEST(SimulatedCall, MarksComeBackAtOnceWhenNothingWaitsAndInOrderOnClear) {
  Rig rig;
  rig.dial();
  rig.server_says(mark_message(rig.stream(), "empty"));
  EXPECT_EQ(rig.marks(), std::vector<std::string>{"empty"});
  rig.server_says(media_message(rig.stream(), tone(50)));
  rig.server_says(mark_message(rig.stream(), "a"));
  rig.server_says(media_message(rig.stream(), tone(50)));
  rig.server_says(mark_message(rig.stream(), "b"));
  rig.run(milliseconds{100});
  rig.server_says(clear_message(rig.stream()));
  EXPECT_EQ(rig.marks(), (std::vector<std::string>{"empty", "a", "b"}));
  const auto before = std::count(rig.call.agent_track().begin(), rig.call.agent_track().end(), 0x20);
  rig.run(milliseconds{500});
  EXPECT_EQ(std::count(rig.call.agent_track().begin(), rig.call.agent_track().end(), 0x20), before);
  EXPECT_EQ(rig.call.stream()->playout().underruns(), 0U) << "silence after a clear is no underrun";
}

TEST(SimulatedCall, CountsGapsInsideOneSpeech) {
  Rig rig;
  rig.dial();
  rig.server_says(media_message(rig.stream(), tone(2)));
  rig.run(milliseconds{100});  // 40 ms of audio, 60 ms dry
  rig.server_says(media_message(rig.stream(), tone(2)));
  rig.run(milliseconds{40});
  rig.server_says(mark_message(rig.stream(), "m"));
  rig.run(milliseconds{200});
  rig.server_says(media_message(rig.stream(), tone(2)));
  EXPECT_EQ(rig.call.stream()->playout().underruns(), 1U);
  EXPECT_EQ(rig.call.stream()->playout().gap_frames(), 3U);
}

TEST(SimulatedCall, WarnsOnceOfWhatTwilioWouldNotUnderstand) {
  Rig rig;
  rig.dial();
  const std::string sid = rig.stream().str();
  for (const std::string& text : std::vector<std::string>{
           "not json", R"({"event":"media","streamSid":"MZ9","media":{"payload":"AAAA"}})",
           R"({"event":"media","streamSid":")" + sid + R"(","extra":1,"media":{"payload":"AAAA"}})",
           R"({"event":"stop","streamSid":")" + sid + R"("})",
           R"({"event":"media","streamSid":")" + sid + R"(","media":{"payload":"A"}})"}) {
    rig.server_says(text);
  }
  rig.call.socket_binary(rig.now);
  rig.drain();
  std::vector<int> codes;
  for (const auto& warning : rig.call.debugger()) codes.push_back(warning.code);
  EXPECT_EQ(codes, (std::vector<int>{31951, 31950}));
  EXPECT_EQ(rig.call.stream()->media_received(), 0U);
}

TEST(SimulatedCall, DiscardsBeyondTenMinutes) {
  PlayoutBuffer buffer;
  const std::vector<std::uint8_t> minute(60 * 8000, 1);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(buffer.add_audio(minute));
  EXPECT_FALSE(buffer.add_audio(std::vector<std::uint8_t>(1, 1)));
  EXPECT_EQ(buffer.buffered_bytes(), PlayoutBuffer::kMaxBytes);
}

}  // namespace
}  // namespace al::twilio
