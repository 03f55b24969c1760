// Conversations of the Google recogniser with a gRPC server on loopback, with and without TLS.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/time.h"
#include "providers/fakes/fake_google_speech.h"
#include "providers/fakes/test_keys.h"
#include "providers/google_stt.h"
#include "providers/google_transcript.h"
#include "providers/testing_sinks.h"

// c-ares keeps 20 bytes of its library set-up until gRPC shuts down, which it does not: one channel stays
// (google_stream.cpp).
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libcares";
}

namespace al::providers {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SttRecorder;

TEST(GoogleTranscript, JoinsAStableBeginningAndAnUnstableEnd) {
  GoogleTranscript transcript;
  transcript.take({{.transcript = "שלום", .stability = 0.9F}, {.transcript = " עול", .stability = 0.01F}});
  EXPECT_EQ(transcript.text(), "שלום עול");
  EXPECT_FLOAT_EQ(transcript.stability(), 0.01F);
  EXPECT_EQ(transcript.final_text(), "");
  transcript.take({{.transcript = "שלום עולם.", .is_final = true, .confidence = 0.8F}});
  transcript.take({{.transcript = " מה", .stability = 0.9F}});
  EXPECT_EQ(transcript.text(), "שלום עולם. מה");
  transcript.take({{.transcript = " מה שלומך", .is_final = true, .confidence = 0.6F}});
  EXPECT_EQ(transcript.final_text(), "שלום עולם. מה שלומך");
  EXPECT_FLOAT_EQ(transcript.confidence(), 0.7F);
}

TEST(GoogleTranscript, ForgetsInterimTextThatWillBeHeardAgain) {
  GoogleTranscript transcript;
  transcript.take({{.transcript = "א", .is_final = true}});
  transcript.take({{.transcript = " ב", .stability = 0.5F}});
  transcript.drop_interim();
  EXPECT_EQ(transcript.text(), "א");
  EXPECT_FLOAT_EQ(transcript.confidence(), 0.0F);
}

TEST(GoogleTranscript, BoundsTextThatDoesNotEnd) {
  GoogleTranscript transcript;
  const std::string flood(1024, 'x');
  for (int i = 0; i < 100; ++i) transcript.take({{.transcript = flood, .is_final = true}});
  EXPECT_LE(transcript.text().size(), 16U * 1024 + 16);
}

class GoogleAdapter : public ::testing::Test {
 protected:
  GoogleAdapter() {
    script_.set_latencies({Duration{}, Duration{}, Duration{}, Duration{}});
    script_.set_transcripts({"שלום עולם טוב"});
  }
  void serve(FakeGoogleLimits limits = {}) {
    fake_ = std::make_unique<FakeGoogleSpeech>(
        script_, FakeKeys{.api_key = "", .service_account_public_key = account_.public_key_pem}, limits);
  }
  [[nodiscard]] GoogleSttOptions options() const {
    GoogleSttOptions options;
    options.endpoint = "http://" + fake_->endpoint();
    options.tokens = std::shared_ptr<TokenSource>(
        make_self_signed_token_source(*parse_service_account(account_.json), "https://speech.googleapis.com/"));
    options.final_timeout = milliseconds{900};
    return options;
  }
  std::unique_ptr<dialog::SttSession> open(GoogleSttOptions options) {
    stt_ = make_google_stt(std::move(options), *scheduler_);
    return stt_->open({.language = "he-IL", .hints = {"פלורנטין", "WhatsApp"}, .call = "CA1"}, sink_);
  }
  static void feed(dialog::SttSession& session, TurnId turn, int frames) {
    const std::vector<std::int16_t> frame(160, 700);
    for (int i = 0; i < frames; ++i) session.feed(turn, frame);
  }
  SttRecorder::End say(dialog::SttSession& session, std::uint64_t turn, int frames = 75) {
    const std::size_t before = sink_->ends().size();
    session.start_turn(TurnId{turn});
    feed(session, TurnId{turn}, frames);
    session.finish_turn(TurnId{turn});
    EXPECT_TRUE(sink_->wait(before + 1));
    return sink_->ends().back();
  }
  bool streams_are_gone() {
    for (int i = 0; i < 20'000 && script_.open_streams > 0; ++i)
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    return script_.open_streams == 0;
  }

  TestServiceAccount account_ = make_test_service_account();
  FakeScript script_;
  std::unique_ptr<Scheduler> scheduler_ = make_timer_thread();
  std::unique_ptr<FakeGoogleSpeech> fake_;
  std::shared_ptr<SttRecorder> sink_ = std::make_shared<SttRecorder>();
  std::unique_ptr<dialog::SpeechToText> stt_;
};

TEST_F(GoogleAdapter, HearsTurnAfterTurnWithInterims) {
  serve();
  const auto session = open(options());
  const auto first = say(*session, 1);
  EXPECT_EQ(first.error, std::nullopt) << first.error->detail;
  EXPECT_EQ(first.text, "שלום עולם טוב");
  EXPECT_FLOAT_EQ(first.confidence, 0.94F);
  EXPECT_EQ(say(*session, 2).text, "שלום עולם טוב");
  EXPECT_EQ(sink_->partials().front(), "שלום עולם טוב");  // the stable and the unstable part together
  EXPECT_EQ(script_.requests(FakeStage::kStt), 2);        // one stream a turn
  EXPECT_THAT(script_.problems(), IsEmpty());
  EXPECT_TRUE(streams_are_gone());
}

TEST_F(GoogleAdapter, LeavesOutHintsThatTheServiceWouldRefuse) {
  serve();
  stt_ = make_google_stt(options(), *scheduler_);
  std::vector<std::string> hints(6000, "חיפה");
  hints.front() = std::string(101, 'x');
  hints.push_back("");
  const auto session = stt_->open({.language = "he-IL", .hints = hints, .call = "CA1"}, sink_);
  EXPECT_EQ(say(*session, 1).text, "שלום עולם טוב");
  EXPECT_THAT(script_.problems(), IsEmpty());
}

TEST_F(GoogleAdapter, TalksTlsToAServerItTrustsAndToNoOther) {
  serve();
  GoogleSttOptions tls = options();
  tls.endpoint = fake_->tls_endpoint();
  tls.server_name = "speech.googleapis.com";
  tls.root_certificates_pem = fake_->certificate_pem();
  EXPECT_EQ(say(*open(tls), 1).text, "שלום עולם טוב");
  GoogleSttOptions stranger = tls;
  stranger.root_certificates_pem = make_test_certificate("other").certificate_pem;
  stranger.server_name = "wrong.example.org";
  EXPECT_TRUE(say(*open(stranger), 2).error.has_value());
}

TEST_F(GoogleAdapter, FallsBackToTheOldCodeForHebrewAndRemembersIt) {
  serve({.refuse_he = true});
  const auto session = open(options());
  EXPECT_EQ(say(*session, 1).text, "שלום עולם טוב");
  EXPECT_EQ(script_.requests(FakeStage::kStt), 2);
  EXPECT_EQ(say(*session, 2).text, "שלום עולם טוב");
  EXPECT_EQ(script_.requests(FakeStage::kStt), 3);  // at once this time
}

TEST_F(GoogleAdapter, WithoutAnAlternativeARefusedLanguageIsAFailure) {
  serve({.refuse_he = true});
  GoogleSttOptions strict = options();
  strict.alternative_languages.clear();
  const auto session = open(strict);
  EXPECT_TRUE(say(*session, 1).error.has_value());
}

TEST_F(GoogleAdapter, TakesTheFirstAlternativeThatIsNotRefusedItself) {
  serve({.refuse_he = true});
  GoogleSttOptions wide = options();
  wide.alternative_languages = {"he-IL", "en-US"};
  const auto session = open(wide);
  EXPECT_EQ(say(*session, 1).text, "שלום עולם טוב");
  EXPECT_EQ(script_.requests(FakeStage::kStt), 2);
}

TEST_F(GoogleAdapter, DropsAModelThatDoesNotKnowTheLanguage) {
  serve();
  GoogleSttOptions phone = options();
  phone.model = "phone_call";
  const auto session = open(phone);
  EXPECT_EQ(say(*session, 1).text, "שלום עולם טוב");
  EXPECT_EQ(say(*session, 2).text, "שלום עולם טוב");
  EXPECT_EQ(script_.requests(FakeStage::kStt), 3);
}

TEST_F(GoogleAdapter, RotatesBeforeTheServiceEndsTheStream) {
  serve({.max_stream = milliseconds{1500}});
  GoogleSttOptions quick = options();
  quick.rotate_after = milliseconds{300};
  const auto session = open(quick);
  session->start_turn(TurnId{1});
  const Timestamp begin = monotonic_now();
  while (monotonic_now() - begin < milliseconds{800}) {
    feed(*session, TurnId{1}, 5);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  session->finish_turn(TurnId{1});
  ASSERT_TRUE(sink_->wait());
  EXPECT_EQ(sink_->ends()[0].error, std::nullopt);
  EXPECT_GE(script_.requests(FakeStage::kStt), 3);
  EXPECT_THAT(sink_->ends()[0].text, HasSubstr("שלום עולם טוב שלום עולם טוב"));  // the streams' texts in order
}

TEST_F(GoogleAdapter, SendsSilenceWhereTheServiceWouldLosePatience) {
  serve({.audio_timeout = milliseconds{600}});
  GoogleSttOptions quick = options();
  quick.silence_after = milliseconds{200};
  const auto session = open(quick);
  session->start_turn(TurnId{1});
  feed(*session, TurnId{1}, 50);
  std::this_thread::sleep_for(std::chrono::milliseconds(1300));
  session->finish_turn(TurnId{1});
  ASSERT_TRUE(sink_->wait());
  EXPECT_EQ(sink_->ends()[0].text, "שלום עולם טוב");
  EXPECT_EQ(script_.requests(FakeStage::kStt), 1);
}

TEST_F(GoogleAdapter, SendsTheTurnAgainAfterATransientFailure) {
  for (const Fault fault : {Fault::kServerError, Fault::kMidStreamError, Fault::kHeaderInside, Fault::kRateLimited}) {
    SCOPED_TRACE(to_string(fault));
    serve();
    script_.set_fault(FakeStage::kStt, fault, 2);
    const auto end = say(*open(options()), 1);
    EXPECT_EQ(end.error, std::nullopt) << end.error->detail;
    EXPECT_EQ(end.text, "שלום עולם טוב");
    sink_ = std::make_shared<SttRecorder>();
  }
}

TEST_F(GoogleAdapter, MeetsEveryFaultWithTextOrOneFailure) {
  serve();
  const auto session = open(options());
  std::uint64_t turn = 0;
  for (const Fault fault : kAllFaults) {
    SCOPED_TRACE(to_string(fault));
    script_.set_fault(FakeStage::kStt, fault);
    const auto end = say(*session, ++turn);
    if (fault == Fault::kOddSplit) {
      EXPECT_EQ(end.text, "שלום עולם טוב");
    }
    if (fault == Fault::kEmpty) {
      EXPECT_EQ(end.error, std::nullopt);
    }
    if (fault == Fault::kUnauthorized) {
      EXPECT_EQ(end.error.value().code, Errc::kRejected);
    }
    if (fault == Fault::kRateLimited) {
      EXPECT_EQ(end.error.value().code, Errc::kRateLimited);
    }
    if (fault == Fault::kHang || fault == Fault::kLate || fault == Fault::kEndless) {
      EXPECT_EQ(end.error.value().code, Errc::kTimeout);
    }
    EXPECT_EQ(sink_->ends().size(), turn);
  }
  EXPECT_TRUE(streams_are_gone());
}

TEST_F(GoogleAdapter, ABadTokenFailsTheTurnOnce) {
  serve();
  GoogleSttOptions bad = options();
  bad.tokens = make_fixed_token_source("ya29.not-ours");
  const auto end = say(*open(bad), 1);
  EXPECT_EQ(end.error.value().code, Errc::kRejected);
}

TEST_F(GoogleAdapter, AnUnreachableServiceFailsWithoutBlocking) {
  serve();
  GoogleSttOptions nowhere = options();
  nowhere.endpoint = "http://127.0.0.1:1";
  const Timestamp begin = monotonic_now();
  const auto end = say(*open(nowhere), 1);
  EXPECT_TRUE(end.error.has_value());
  EXPECT_LT(monotonic_now() - begin, seconds{5});
}

TEST_F(GoogleAdapter, ACancelledTurnEndsItsStreamSilently) {
  serve();
  auto session = open(options());
  for (std::uint64_t turn = 1; turn <= 20; ++turn) {
    session->start_turn(TurnId{turn});
    feed(*session, TurnId{turn}, 20);
    session->cancel_turn(TurnId{turn});
  }
  session.reset();
  sink_->forbid();
  stt_.reset();
  EXPECT_TRUE(streams_are_gone());
  EXPECT_THAT(sink_->ends(), IsEmpty());
}

TEST(GoogleStt, NeverSendsATokenInTheClearToAnotherMachine) {
  const auto scheduler = make_timer_thread();
  auto asked = std::make_shared<std::atomic<bool>>(false);
  class Watched final : public TokenSource {
   public:
    explicit Watched(std::shared_ptr<std::atomic<bool>> asked) : asked_(std::move(asked)) {}
    void request(Done done) override {
      *asked_ = true;
      done("secret");
    }

   private:
    std::shared_ptr<std::atomic<bool>> asked_;
  };
  GoogleSttOptions options;
  options.endpoint = "http://192.0.2.1:443";
  options.tokens = std::make_shared<Watched>(asked);
  const auto stt = make_google_stt(options, *scheduler);
  const auto session = stt->open({}, std::make_shared<SttRecorder>());
  session->start_turn(TurnId{1});
  EXPECT_FALSE(*asked);
}

}  // namespace
}  // namespace al::providers
