// What the simulated call does between, after and instead of streams.
#include <gtest/gtest.h>

#include "twilio/simulated_call.h"
#include "twilio/simulated_rig.h"

namespace al::twilio {
namespace {

using test::plain_options;
using test::Rig;
using test::stream_twiml;
using test::tone;

TEST(SimulatedCall, AsksTheActionWhenTheServerCloses) {
  Rig rig;
  rig.dial();
  rig.run(milliseconds{60});
  rig.call.socket_closed(SimulatedCall::SocketEnd::kClosed, 1000, rig.now);
  rig.drain();
  EXPECT_TRUE(rig.asked("stream_ended"));
  EXPECT_EQ(rig.stream_events(), (std::vector<std::string>{"stream-started", "stream-stopped"}));
  EXPECT_EQ(rig.ended->reason, "<Hangup>");
  EXPECT_TRUE(rig.call.debugger().empty());
}

TEST(SimulatedCall, ResumesWithANewStreamSid) {
  Rig rig;
  rig.answers["stream_ended"] = Rig::xml(connect_stream_twiml(stream_twiml()));
  rig.dial();
  const StreamSid first = rig.stream();
  rig.call.socket_closed(SimulatedCall::SocketEnd::kReset, 0, rig.now);
  rig.drain();
  EXPECT_EQ(rig.sockets, 2);
  EXPECT_NE(rig.stream().str(), first.str());
  EXPECT_EQ(rig.stream_events(), (std::vector<std::string>{"stream-started", "stream-error", "stream-started"}));
  rig.run(milliseconds{100});
  EXPECT_EQ(rig.media_count(), 5U);
}

TEST(SimulatedCall, SwitchesDecideWhetherTheActionIsAsked) {
  for (const bool ask : {false, true}) {
    SimulatedCallOptions options = plain_options();
    options.action_after_reset = options.action_after_half_open = options.action_after_failed_handshake = ask;
    {
      Rig rig(options);
      rig.dial();
      rig.call.socket_closed(SimulatedCall::SocketEnd::kReset, 0, rig.now);
      rig.drain();
      EXPECT_EQ(rig.asked("stream_ended"), ask);
      EXPECT_TRUE(rig.ended.has_value());
    }
    {
      Rig rig(options);
      rig.dial();
      rig.call.socket_closed(SimulatedCall::SocketEnd::kHalfOpen, 0, rig.now);
      rig.run(seconds{9});
      EXPECT_FALSE(rig.ended.has_value());
      rig.run(seconds{2});
      EXPECT_EQ(rig.asked("stream_ended"), ask);
      EXPECT_TRUE(rig.ended.has_value());
    }
    {
      Rig rig(options);
      rig.accept_socket = false;
      rig.dial();
      EXPECT_EQ(rig.asked("stream_ended"), ask);
      EXPECT_EQ(rig.stream_events(), std::vector<std::string>{"stream-error"});
    }
  }
}

TEST(SimulatedCall, RefusesASubprotocolThatItDidNotOffer) {
  Rig rig;
  rig.chosen_subprotocol = "audio.twilio.com";
  rig.dial();
  EXPECT_EQ(rig.call.debugger().at(0).code, 31920);
  SimulatedCallOptions options = plain_options();
  options.subprotocol = "audio.twilio.com";
  Rig offered(options);
  offered.chosen_subprotocol = "audio.twilio.com";
  offered.dial();
  EXPECT_TRUE(offered.call.debugger().empty());
}

TEST(SimulatedCall, FollowsVoicemailToItsEnd) {
  VoicemailTwiml voicemail;
  voicemail.greeting.text = "Leave a message.";
  voicemail.thanks.text = "Thanks.";
  voicemail.record_action = "/webhook/handle_recording";
  voicemail.silence_timeout_s = 2;
  voicemail.status_callback = "/webhook/recording_status";
  Rig rig;
  rig.answers["incoming_call"] = Rig::xml(voicemail_twiml(voicemail));
  rig.answers["handle_recording"] = Rig::xml(goodbye_twiml(voicemail.thanks));
  rig.dial();
  rig.run(milliseconds{300});  // the greeting plays for 200 ms
  EXPECT_EQ(rig.call.leg(), SimulatedCall::Leg::kRecording);
  rig.call.say(tone(40));
  rig.run(seconds{4});
  EXPECT_EQ(rig.ended->reason, "<Hangup>");
  const auto asked = std::find_if(rig.requests.begin(), rig.requests.end(), [](const auto& request) {
    return request.url == "https://h.example/webhook/handle_recording";
  });
  ASSERT_NE(asked, rig.requests.end());
  EXPECT_EQ(asked->form.get("RecordingDuration"), "1");
  EXPECT_TRUE(rig.asked("recording_status"));
  EXPECT_EQ(rig.clips.size(), 2U);
}

TEST(SimulatedCall, SilentVoicemailFallsThroughToTheThanks) {
  VoicemailTwiml voicemail;
  voicemail.greeting.text = "Leave a message.";
  voicemail.thanks.text = "Thanks.";
  voicemail.record_action = "https://h.example/webhook/handle_recording";
  Rig rig;
  rig.answers["incoming_call"] = Rig::xml(voicemail_twiml(voicemail));
  rig.dial();
  rig.run(seconds{8});
  EXPECT_FALSE(rig.asked("handle_recording"));
  EXPECT_EQ(rig.clips.back().text, "Thanks.");
  EXPECT_TRUE(rig.ended.has_value());
}

TEST(SimulatedCall, RestRedirectStopsTheStreamFirst) {
  Rig rig;
  rig.answers["handle_recording"] = Rig::xml(hangup_twiml());
  rig.dial();
  rig.run(milliseconds{100});
  rig.call.rest_redirect("https://h.example/webhook/handle_recording", rig.now);
  rig.drain();
  EXPECT_TRUE(std::holds_alternative<msg::Stop>(rig.received.back()));
  EXPECT_EQ(rig.closes, std::vector<std::uint16_t>{1000});
  EXPECT_FALSE(rig.asked("stream_ended"));
  EXPECT_TRUE(rig.ended.has_value());
}

TEST(SimulatedCall, KeepsOrderUnderJitterAndLeavesHolesForLoss) {
  SimulatedCallOptions options = plain_options();
  options.jitter = milliseconds{60};
  options.loss = 0.1;
  options.duplicate = 0.1;
  Rig rig(options);
  rig.dial();
  rig.run(seconds{20});
  std::uint64_t last = 0;
  std::uint64_t holes = 0;
  std::uint64_t repeats = 0;
  for (const MediaMessage& message : rig.received) {
    const auto* media = std::get_if<msg::Media>(&message);
    if (media == nullptr) continue;
    EXPECT_GE(media->chunk, last);
    if (media->chunk == last) ++repeats;
    if (media->chunk > last + 1) ++holes;
    last = media->chunk;
  }
  EXPECT_GT(holes, 50U);
  EXPECT_GT(repeats, 50U);
  EXPECT_NEAR(static_cast<double>(last), 1000, 10);
}

TEST(SimulatedCall, DtmfReachesTheStreamAndTheGather) {
  Rig rig;
  rig.dial();
  rig.call.press('7', rig.now);
  rig.drain();
  EXPECT_EQ(std::get<msg::Dtmf>(rig.received.back()).digit, '7');
  Rig menu;
  menu.answers["incoming_call"] =
      Rig::xml("<Response><Gather numDigits=\"1\" action=\"/webhook/menu\"><Say>Press one.</Say></Gather></Response>");
  menu.answers["menu"] = Rig::xml(hangup_twiml());
  menu.dial();
  menu.call.press('1', menu.now);
  menu.drain();
  EXPECT_EQ(menu.requests[1].form.get("Digits"), "1");
}

TEST(SimulatedCall, BadAnswersEndTheCallWithTwiliosCode) {
  for (const auto& [answer, code] : std::vector<std::pair<HttpAnswer, int>>{{{500, "text/xml", ""}, 11200},
                                                                            {{200, "application/json", "{}"}, 12300},
                                                                            {{200, "text/xml", "<Response>"}, 12100},
                                                                            {{204, "", ""}, 12100}}) {
    Rig rig;
    rig.answers["incoming_call"] = answer;
    rig.dial();
    EXPECT_EQ(rig.call.debugger().at(0).code, code);
    EXPECT_EQ(rig.ended->status, CallStatus::kFailed);
  }
  Rig loop;
  loop.answers["incoming_call"] = Rig::xml("<Response><Redirect>/webhook/incoming_call</Redirect></Response>");
  loop.dial();
  EXPECT_EQ(loop.ended->reason, "too many documents");
}

TEST(SimulatedCall, NewTwimlFromRestEndsTheStreamAndPlaysOn) {
  using AfterUpdate = SimulatedCallOptions::AfterUpdate;
  for (const AfterUpdate after :
       {AfterUpdate::kNotAsked, AfterUpdate::kAskedAndIgnored, AfterUpdate::kAskedAndFollowed}) {
    SimulatedCallOptions options = plain_options();
    options.action_after_update = after;
    Rig rig(options);
    rig.dial();
    rig.run(milliseconds{200});
    rig.call.rest_twiml(play_then_connect_twiml("https://h.example/static/tts/a.wav", stream_twiml()), rig.now);
    rig.drain();
    EXPECT_TRUE(std::holds_alternative<msg::Stop>(rig.received.back()));
    EXPECT_EQ(rig.asked("stream_ended"), after != AfterUpdate::kNotAsked);
    rig.run(seconds{1});
    ASSERT_EQ(rig.clips.size(), 1U);
    // Followed: the answer of the action, <Hangup/>, came instead of the new TwiML.
    EXPECT_EQ(rig.ended.has_value(), after == AfterUpdate::kAskedAndFollowed);
    EXPECT_EQ(rig.sockets, after == AfterUpdate::kAskedAndFollowed ? 1 : 2);
  }
}

TEST(SimulatedCall, RunsTheSameWayTwice) {
  const auto run = [] {
    SimulatedCallOptions options = plain_options();
    options.jitter = milliseconds{40};
    options.loss = 0.02;
    options.seed = 99;
    Rig rig(options);
    rig.dial();
    rig.call.say(tone(30));
    rig.run(seconds{3});
    rig.server_says(media_message(rig.stream(), tone(20)));
    rig.run(seconds{1});
    rig.call.hang_up(rig.now);
    rig.drain();
    return std::pair(rig.notes, rig.call.agent_track());
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace al::twilio
