// Conversations of the WebSocket adapters with fakes that speak the real protocols, over real sockets on loopback.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_client.h"
#include "net/loop.h"
#include "providers/deepgram_stt.h"
#include "providers/elevenlabs_ws.h"
#include "providers/fakes/fake_http.h"
#include "providers/testing_sinks.h"

namespace al::providers {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SttRecorder;
using testing::TtsRecorder;

class SocketAdapters : public ::testing::Test {
 protected:
  SocketAdapters() {
    script_.set_latencies({Duration{}, Duration{}, Duration{}, Duration{}});
    script_.set_transcripts({"שלום עולם", "תודה רבה"});
  }
  [[nodiscard]] ProviderContext context() { return {http_, *scheduler_, loop_.loop()}; }

  std::unique_ptr<dialog::SpeechToText> deepgram() {
    DeepgramOptions options;
    options.base_url = fake_.ws_origin();
    options.api_key = "fake-key";
    options.model = "nova-3";
    options.final_timeout = milliseconds{900};
    return *make_deepgram_stt(options, context());
  }
  std::unique_ptr<dialog::TextToSpeech> elevenlabs(int spare = 1) {
    ElevenLabsWsOptions options;
    options.base_url = fake_.ws_origin();
    options.api_key = "fake-key";
    options.model = "eleven_v4_turbo";
    options.voice_id = "V";
    options.spare_sockets = spare;
    options.first_audio_timeout = milliseconds{800};
    options.stall_timeout = milliseconds{800};
    return *make_elevenlabs_ws(options, context());
  }
  static void say(dialog::SttSession& session, TurnId turn, int frames = 75) {
    const std::vector<std::int16_t> frame(160, 700);
    session.start_turn(turn);
    for (int i = 0; i < frames; ++i) session.feed(turn, frame);
    session.finish_turn(turn);
  }
  bool sockets_are_gone() {
    for (int i = 0; i < 20'000 && script_.open_connections > 0; ++i)
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    return script_.open_connections == 0;
  }

  FakeScript script_;
  FakeHttp fake_{script_, {.api_key = "fake-key", .service_account_public_key = {}}};
  std::unique_ptr<Scheduler> scheduler_ = make_timer_thread();
  net::LoopThread loop_{"adapters"};
  net::HttpClient http_;
};

TEST_F(SocketAdapters, DeepgramHearsTurnAfterTurnOnOneSocket) {
  const auto stt = deepgram();
  auto sink = std::make_shared<SttRecorder>();
  auto session = stt->open({.language = "he-IL", .hints = {"פלורנטין"}, .call = ""}, sink);
  say(*session, TurnId{1});
  ASSERT_TRUE(sink->wait(1));
  say(*session, TurnId{2});
  ASSERT_TRUE(sink->wait(2));
  const auto ends = sink->ends();
  EXPECT_EQ(ends[0].text, "שלום עולם");
  EXPECT_EQ(ends[1].text, "תודה רבה");
  EXPECT_EQ(ends[1].turn, TurnId{2});
  EXPECT_FLOAT_EQ(ends[0].confidence, 0.97F);
  EXPECT_EQ(sink->partials().front(), "שלום");
  EXPECT_EQ(script_.requests(FakeStage::kStt), 1);
  EXPECT_THAT(script_.problems(), IsEmpty());
  EXPECT_THAT(script_.recorded().front().target, HasSubstr("/v1/listen?model=nova-3&language=he&encoding=mulaw"));
  session.reset();
  EXPECT_TRUE(sockets_are_gone());
}

TEST_F(SocketAdapters, DeepgramSendsTheTurnAgainAfterALostSocket) {
  script_.set_fault(FakeStage::kStt, Fault::kTruncated, 1);  // dies in the middle of the turn
  const auto stt = deepgram();
  auto sink = std::make_shared<SttRecorder>();
  const auto session = stt->open({}, sink);
  say(*session, TurnId{1});
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->ends()[0].error, std::nullopt);
  EXPECT_FALSE(sink->ends()[0].text.empty());
  EXPECT_EQ(script_.requests(FakeStage::kStt), 2);
}

TEST_F(SocketAdapters, DeepgramMeetsEveryFaultWithTextOrOneFailure) {
  const auto stt = deepgram();
  for (const Fault fault : kAllFaults) {
    SCOPED_TRACE(to_string(fault));
    script_.set_fault(FakeStage::kStt, fault);
    auto sink = std::make_shared<SttRecorder>();
    auto session = stt->open({}, sink);
    say(*session, TurnId{1});
    EXPECT_TRUE(sink->wait());
    const auto end = sink->ends().back();
    const bool harmless = fault == Fault::kOddSplit || fault == Fault::kHeaderInside || fault == Fault::kWrongShape;
    if (harmless) {
      EXPECT_EQ(end.error, std::nullopt) << end.error->detail;
    }
    if (fault == Fault::kUnauthorized) {
      EXPECT_EQ(end.error.value().code, Errc::kRejected);
    }
    if (fault == Fault::kRateLimited) {
      EXPECT_EQ(end.error.value().code, Errc::kRateLimited);
    }
    if (fault == Fault::kEmpty) {
      EXPECT_EQ(end.text, "");
    }
    session.reset();
    sink->forbid();
  }
  EXPECT_TRUE(sockets_are_gone());
  EXPECT_EQ(script_.open_streams, 0);
}

TEST_F(SocketAdapters, ACancelledTurnSaysNothingAndDoesNotDisturbTheNext) {
  const auto stt = deepgram();
  auto sink = std::make_shared<SttRecorder>();
  const auto session = stt->open({}, sink);
  const std::vector<std::int16_t> frame(160, 700);
  session->start_turn(TurnId{1});
  for (int i = 0; i < 50; ++i) session->feed(TurnId{1}, frame);
  session->cancel_turn(TurnId{1});
  say(*session, TurnId{2});
  ASSERT_TRUE(sink->wait());
  ASSERT_EQ(sink->ends().size(), 1U);
  EXPECT_EQ(sink->ends()[0].turn, TurnId{2});
}

TEST_F(SocketAdapters, ElevenLabsSpeaksOnAWarmSocketAndUsesItAgain) {
  const auto voice = elevenlabs();
  voice->warm_up();
  for (int i = 1; i <= 3; ++i) {
    auto sink = std::make_shared<TtsRecorder>();
    {
      const auto session = voice->start({SpeechId{static_cast<std::uint64_t>(i)},
                                         TurnId{1},
                                         "שלום לך",
                                         {.language = "he-IL", .name = "", .rate = 1},
                                         ""},
                                        sink);
      ASSERT_TRUE(sink->wait());
    }
    EXPECT_EQ(sink->error(), std::nullopt);
    EXPECT_EQ(sink->audio().size(), 7U * 520);
  }
  EXPECT_LE(script_.requests(FakeStage::kTts), 2);  // the spare, and at most one more while it was given back
  EXPECT_THAT(script_.problems(), IsEmpty());
}

TEST_F(SocketAdapters, ElevenLabsDropsTheSocketOfACancelledSpeech) {
  script_.set_fault(FakeStage::kTts, Fault::kEndless, 1);
  const auto voice = elevenlabs(0);
  auto sink = std::make_shared<TtsRecorder>();
  auto session = voice->start({SpeechId{1}, TurnId{1}, "שלום", {}, ""}, sink);
  EXPECT_TRUE(sink->wait_for_pieces(3));
  session.reset();
  sink->forbid();
  EXPECT_TRUE(sockets_are_gone());
}

TEST_F(SocketAdapters, ElevenLabsMeetsEveryFaultWithAudioOrOneFailure) {
  for (const Fault fault : kAllFaults) {
    if (fault == Fault::kEndless) continue;  // ends by the bound on audio, which takes as long as the audio
    SCOPED_TRACE(to_string(fault));
    script_.set_fault(FakeStage::kTts, fault);
    const auto voice = elevenlabs(0);
    auto sink = std::make_shared<TtsRecorder>();
    auto session = voice->start({SpeechId{1}, TurnId{1}, "שלום לך", {}, ""}, sink);
    EXPECT_TRUE(sink->wait());
    const bool harmless = fault == Fault::kOddSplit || fault == Fault::kHeaderInside || fault == Fault::kWrongShape;
    EXPECT_EQ(sink->error().has_value(), !harmless);
    if (fault == Fault::kUnauthorized) {
      EXPECT_EQ(sink->error().value().code, Errc::kRejected);
    }
    if (fault == Fault::kHang || fault == Fault::kLate) {
      EXPECT_EQ(sink->error().value().code, Errc::kTimeout);
    }
    session.reset();
    sink->forbid();
  }
  EXPECT_TRUE(sockets_are_gone());
}

}  // namespace
}  // namespace al::providers
