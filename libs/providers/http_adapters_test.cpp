// Conversations of the HTTP adapters with fakes that speak the real protocols, over real sockets on loopback.
#include <atomic>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/anthropic_messages.h"
#include "providers/fakes/fake_http.h"
#include "providers/fakes/test_keys.h"
#include "providers/google_auth.h"
#include "providers/http_tts.h"
#include "providers/openai_chat.h"
#include "providers/openai_transcribe.h"
#include "providers/testing_sinks.h"
#include "providers/whatsapp.h"

namespace al::providers {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SttRecorder;
using testing::TtsRecorder;

class ModelRecorder final : public dialog::ModelSink, public testing::Recorder {
 public:
  void on_delta(TurnId, std::string text) override {
    note([&] { text_ += text; });
  }
  void on_tool_call(TurnId, std::string id, std::string name, std::string arguments) override {
    note([&] { calls_.push_back(id + " " + name + " " + arguments); });
  }
  void on_done(TurnId, dialog::ModelUsage usage) override {
    note([&] {
      ++ends_;
      usage_ = usage;
    });
  }
  void on_failed(TurnId, Error error) override {
    note([&] {
      ++ends_;
      error_ = std::move(error);
    });
  }
  bool wait() const {
    return wait_until([this] { return ends_ > 0; });
  }
  std::string text() const { return read(text_); }
  std::vector<std::string> calls() const { return read(calls_); }
  std::optional<Error> error() const { return read(error_); }
  dialog::ModelUsage usage() const { return read(usage_); }
  int ends() const { return read(ends_); }

 private:
  std::string text_;
  std::vector<std::string> calls_;
  std::optional<Error> error_;
  dialog::ModelUsage usage_;
  int ends_ = 0;
};

// Everything an adapter needs, and the fakes it talks to. Latencies are zero unless a test sets them.
class HttpAdapters : public ::testing::Test {
 protected:
  HttpAdapters() { script_.set_latencies({Duration{}, Duration{}, Duration{}, Duration{}}); }

  [[nodiscard]] ProviderContext context() { return {http_, *scheduler_, loop_.loop()}; }
  static constexpr net::HttpTimeouts kQuick{.connect = milliseconds{2000},
                                            .first_byte = milliseconds{700},
                                            .progress = milliseconds{700},
                                            .total = milliseconds{4000}};

  std::shared_ptr<ModelRecorder> ask(dialog::LanguageModel& model) {
    auto sink = std::make_shared<ModelRecorder>();
    dialog::ModelRequest request;
    request.turn = TurnId{1};
    request.messages = {{dialog::Role::kSystem, "s", "", ""}, {dialog::Role::kCaller, "שלום", "", ""}};
    const auto session = model.start(request, sink);
    EXPECT_TRUE(sink->wait());
    return sink;
  }
  std::shared_ptr<TtsRecorder> speak(dialog::TextToSpeech& voice, const std::string& text = "שלום, מה שלומך?") {
    auto sink = std::make_shared<TtsRecorder>();
    const auto session = voice.start({SpeechId{1}, TurnId{1}, text, {}, ""}, sink);
    EXPECT_TRUE(sink->wait());
    return sink;
  }
  std::unique_ptr<dialog::LanguageModel> openai(RetryPolicy retry = {}) {
    return *make_openai_chat({.base_url = fake_.http_origin() + "/v1",
                              .api_key = "fake-key",
                              .model = "m",
                              .extra_json = {},
                              .token_limit_field = {},
                              .timeouts = kQuick,
                              .retry = retry},
                             context());
  }
  std::unique_ptr<dialog::LanguageModel> anthropic() {
    AnthropicOptions options;
    options.base_url = fake_.http_origin() + "/v1";
    options.api_key = "fake-key";
    options.model = "m";
    options.timeouts = kQuick;
    return *make_anthropic_messages(options, context());
  }
  std::unique_ptr<dialog::TextToSpeech> google(const std::string& encoding = "PCM",
                                               const net::HttpTimeouts& timeouts = kQuick) {
    GoogleTtsOptions options;
    options.base_url = fake_.http_origin();
    options.audio_encoding = encoding;
    options.tokens = std::shared_ptr<TokenSource>(
        make_self_signed_token_source(*parse_service_account(account_.json), "https://texttospeech.googleapis.com/"));
    options.timeouts = timeouts;
    return *make_google_tts(options, context());
  }

  TestServiceAccount account_ = make_test_service_account();
  FakeScript script_;
  FakeHttp fake_{script_, {.api_key = "fake-key", .service_account_public_key = account_.public_key_pem}};
  std::unique_ptr<Scheduler> scheduler_ = make_timer_thread();
  net::LoopThread loop_{"adapters"};
  net::HttpClient http_;
};

TEST_F(HttpAdapters, OpenAiStreamsTextAndToolCalls) {
  script_.set_answers({{.text = "בשמחה, שומר.", .tool_name = "save_lead", .tool_arguments = R"({"area":"תל אביב"})"}});
  const auto model = openai();
  const auto said = ask(*model);
  EXPECT_EQ(said->error(), std::nullopt);
  EXPECT_EQ(said->text(), "בשמחה, שומר.");
  EXPECT_THAT(said->calls(), ::testing::ElementsAre(R"(call_1 save_lead {"area":"תל אביב"})"));
  EXPECT_EQ(said->usage().prompt_tokens, 40);
  EXPECT_THAT(script_.problems(), IsEmpty());
  const auto request = script_.recorded().back();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/v1/chat/completions");
  EXPECT_EQ(request.body,
            R"({"max_tokens":200,"messages":[{"content":"s","role":"system"},{"content":"שלום","role":"user"}],)"
            R"("model":"m","stream":true,"stream_options":{"include_usage":true}})");
}

TEST_F(HttpAdapters, AnthropicStreamsTextAndToolCalls) {
  script_.set_answers({{.text = "hello there", .tool_name = "end_call"}});
  const auto model = anthropic();
  const auto said = ask(*model);
  EXPECT_EQ(said->error(), std::nullopt);
  EXPECT_EQ(said->text(), "hello there");
  EXPECT_THAT(said->calls(), ::testing::ElementsAre("toolu_1 end_call {}"));
  EXPECT_THAT(script_.problems(), IsEmpty());
}

// What an adapter must make of each fault: the right answer, or a failure with this code.
struct Expected {
  Fault fault;
  std::optional<Errc> code;  // nullopt = the answer comes through
};

TEST_F(HttpAdapters, OpenAiMeetsEveryFaultWithAnAnswerOrOneClearFailure) {
  const Expected table[] = {{Fault::kHang, Errc::kTimeout},
                            {Fault::kSlowDrip, Errc::kTimeout},
                            {Fault::kReset, Errc::kClosed},
                            {Fault::kUnauthorized, Errc::kRejected},
                            {Fault::kRateLimited, Errc::kRateLimited},
                            {Fault::kServerError, Errc::kClosed},
                            {Fault::kHtmlBody, Errc::kMalformed},
                            {Fault::kTruncated, Errc::kClosed},
                            {Fault::kMalformed, Errc::kMalformed},
                            {Fault::kEmpty, std::nullopt},
                            {Fault::kWrongShape, std::nullopt},
                            {Fault::kHeaderInside, std::nullopt},
                            {Fault::kEndless, Errc::kMalformed},
                            {Fault::kMidStreamError, Errc::kClosed},
                            {Fault::kOddSplit, std::nullopt},
                            {Fault::kLate, Errc::kTimeout}};
  for (const auto& [fault, code] : table) {
    SCOPED_TRACE(to_string(fault));
    script_.set_answers({{.text = "שלום לך", .tool_name = {}}});
    script_.set_fault(FakeStage::kModel, fault);
    const auto model = openai({.max_retries = 0});
    const auto said = ask(*model);
    EXPECT_EQ(said->ends(), 1);
    EXPECT_EQ(said->error().has_value(), code.has_value()) << (said->error() ? said->error()->detail : "");
    if (said->error() && code) {
      EXPECT_EQ(said->error()->code, *code) << said->error()->detail;
    }
    if (!code && fault != Fault::kEmpty) {
      EXPECT_EQ(said->text(), "שלום לך");
    }
    if (said->error()) {
      EXPECT_THAT(said->error()->detail, HasSubstr("openai"));
    }
  }
}

TEST_F(HttpAdapters, RetriesWhatMayPassAndSaysRetryAfterWhatMayNot) {
  script_.set_fault(FakeStage::kModel, Fault::kServerError, 1);
  EXPECT_EQ(ask(*openai())->error(), std::nullopt);
  EXPECT_EQ(script_.requests(FakeStage::kModel), 2);
  script_.set_fault(FakeStage::kModel, Fault::kRateLimited, 1);  // asks for one second: longer than a caller waits
  const auto said = ask(*openai());
  ASSERT_TRUE(said->error().has_value());
  EXPECT_EQ(said->error()->code, Errc::kRateLimited);
  EXPECT_EQ(said->error()->retry_after, seconds(1));
  EXPECT_EQ(script_.requests(FakeStage::kModel), 3);
}

TEST_F(HttpAdapters, ACancelledAnswerIsSilentAndLeavesNoConnectionBehind) {
  script_.set_fault(FakeStage::kModel, Fault::kEndless);
  auto sink = std::make_shared<ModelRecorder>();
  auto model = openai();
  dialog::ModelRequest request;
  request.messages = {{dialog::Role::kCaller, "x", "", ""}};
  for (int i = 0; i < 20; ++i) {
    auto session = model->start(request, sink);
    session.reset();
  }
  auto session = model->start(request, sink);
  while (sink->text().empty()) std::this_thread::yield();
  session.reset();
  sink->forbid();
  const Timestamp begin = monotonic_now();
  while (http_.stats().running > 0 && monotonic_now() - begin < seconds{10}) std::this_thread::yield();
  EXPECT_EQ(http_.stats().running, 0U);
}

TEST_F(HttpAdapters, GoogleVoiceSpeaksInEveryEncoding) {
  std::vector<std::vector<std::int16_t>> heard;
  for (const char* encoding : {"PCM", "LINEAR16", "MULAW"}) {
    const auto voice = google(encoding);
    const auto sink = speak(*voice);
    EXPECT_EQ(sink->error(), std::nullopt) << encoding;
    heard.push_back(sink->audio());
  }
  EXPECT_EQ(heard[0], heard[1]);  // the header and its extra chunk left no trace
  ASSERT_EQ(heard[0].size(), heard[2].size());
  for (std::size_t i = 0; i < heard[0].size(); ++i) EXPECT_NEAR(heard[0][i], heard[2][i], 1025);  // µ-law steps
  EXPECT_THAT(script_.problems(), IsEmpty());
}

TEST_F(HttpAdapters, GoogleVoiceMeetsEveryFault) {
  const Expected table[] = {{Fault::kHang, Errc::kTimeout},
                            {Fault::kSlowDrip, Errc::kTimeout},
                            {Fault::kReset, Errc::kClosed},
                            {Fault::kUnauthorized, Errc::kRejected},
                            {Fault::kRateLimited, Errc::kRateLimited},
                            {Fault::kServerError, Errc::kClosed},
                            {Fault::kHtmlBody, Errc::kMalformed},
                            {Fault::kTruncated, Errc::kClosed},
                            {Fault::kMalformed, Errc::kMalformed},
                            {Fault::kEmpty, Errc::kMalformed},
                            {Fault::kWrongShape, std::nullopt},
                            {Fault::kHeaderInside, std::nullopt},
                            {Fault::kEndless, Errc::kMalformed},
                            {Fault::kMidStreamError, Errc::kMalformed},
                            {Fault::kOddSplit, std::nullopt},
                            {Fault::kLate, Errc::kTimeout}};
  const auto voice = google();
  const auto good = speak(*voice)->audio();
  for (const auto& [fault, code] : table) {
    SCOPED_TRACE(to_string(fault));
    script_.set_fault(FakeStage::kTts, fault);
    const auto sink = speak(*voice);
    EXPECT_EQ(sink->ends(), 1);
    EXPECT_EQ(sink->error().has_value(), code.has_value()) << (sink->error() ? sink->error()->detail : "");
    // An endless body meets its bound of bytes or of time, whichever is first.
    if (fault == Fault::kEndless || fault == Fault::kTruncated || fault == Fault::kReset) continue;
    if (sink->error() && code) {
      EXPECT_EQ(sink->error()->code, *code) << sink->error()->detail;
    }
    if (fault == Fault::kOddSplit || fault == Fault::kHeaderInside) {
      EXPECT_EQ(sink->audio(), good);
    }
    if (fault == Fault::kWrongShape) {
      EXPECT_NEAR(static_cast<double>(sink->audio().size()), static_cast<double>(good.size()), 24);
    }
  }
}

TEST_F(HttpAdapters, LongTextGoesOutInPartsAndComesBackInOrder) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "זאת שורה ארוכה. ";  // 5,400 bytes
  // Five minutes of sound take the stand-in a while under sanitizers.
  const auto voice =
      google("PCM", {milliseconds{5'000}, milliseconds{60'000}, milliseconds{60'000}, milliseconds{90'000}});
  const auto sink = speak(*voice, text);
  EXPECT_EQ(sink->error(), std::nullopt) << (sink->error() ? sink->error()->detail : "");
  EXPECT_EQ(script_.requests(FakeStage::kTts), 2);
  EXPECT_THAT(script_.problems(), IsEmpty());
}

TEST_F(HttpAdapters, RawAudioVoicesSpeakAndFailClearly) {
  AzureTtsOptions azure;
  azure.base_url = fake_.http_origin();
  azure.api_key = "fake-key";
  ElevenLabsOptions eleven;
  eleven.base_url = fake_.http_origin();
  eleven.api_key = "fake-key";
  eleven.model = "eleven_v4";
  eleven.voice_id = "V";
  OpenAiSpeechOptions speech;
  speech.base_url = fake_.http_origin() + "/v1";
  speech.api_key = "fake-key";
  speech.model = "kokoro";
  azure.timeouts = eleven.timeouts = speech.timeouts = kQuick;
  std::vector<std::unique_ptr<dialog::TextToSpeech>> voices;
  voices.push_back(*make_azure_tts(azure, context()));
  voices.push_back(*make_elevenlabs_tts(eleven, context()));
  voices.push_back(*make_openai_speech(speech, context()));
  for (const auto& voice : voices) {
    SCOPED_TRACE(voice->name());
    script_.set_fault(FakeStage::kTts, Fault::kNone, 0);
    const auto good = speak(*voice, "a < b & \"c\"");
    EXPECT_EQ(good->error(), std::nullopt);
    EXPECT_NEAR(static_cast<double>(good->audio().size()), 11 * 520, 24);
    for (const Fault fault : {Fault::kOddSplit, Fault::kHeaderInside, Fault::kWrongShape}) {
      script_.set_fault(FakeStage::kTts, fault);
      const auto sink = speak(*voice, "a < b & \"c\"");
      EXPECT_EQ(sink->error(), std::nullopt) << to_string(fault);
      EXPECT_NEAR(static_cast<double>(sink->audio().size()), static_cast<double>(good->audio().size()), 24)
          << to_string(fault);
    }
    for (const Fault fault :
         {Fault::kUnauthorized, Fault::kHtmlBody, Fault::kEmpty, Fault::kTruncated, Fault::kHang, Fault::kEndless}) {
      script_.set_fault(FakeStage::kTts, fault);
      EXPECT_TRUE(speak(*voice, "hello")->error().has_value()) << to_string(fault);
    }
  }
  EXPECT_THAT(script_.problems(), IsEmpty());
}

TEST_F(HttpAdapters, TranscriptionUploadsATurnAndMeetsEveryFault) {
  OpenAiTranscribeOptions options;
  options.base_url = fake_.http_origin() + "/v1";
  options.api_key = "fake-key";
  options.model = "whisper-1";
  options.timeouts = kQuick;
  options.retry.max_retries = 0;
  const auto stt = *make_openai_transcribe(options, context());
  script_.set_transcripts({"שלום"});
  auto sink = std::make_shared<SttRecorder>();
  const auto session = stt->open({}, sink);
  const std::vector<std::int16_t> frame(160, 500);
  std::size_t turns = 0;
  const auto turn = [&](Fault fault) {
    script_.set_fault(FakeStage::kStt, fault);
    const TurnId id{++turns};
    session->start_turn(id);
    for (int i = 0; i < 25; ++i) session->feed(id, frame);
    session->finish_turn(id);
    EXPECT_TRUE(sink->wait(turns));
    return sink->ends().back();
  };
  for (const Fault fault : {Fault::kNone, Fault::kOddSplit, Fault::kHeaderInside, Fault::kWrongShape}) {
    EXPECT_EQ(turn(fault).text, "שלום") << to_string(fault);
  }
  EXPECT_EQ(turn(Fault::kEmpty).error, std::nullopt);
  for (const Fault fault : {Fault::kHang, Fault::kSlowDrip, Fault::kReset, Fault::kUnauthorized, Fault::kRateLimited,
                            Fault::kServerError, Fault::kHtmlBody, Fault::kTruncated, Fault::kMalformed,
                            Fault::kEndless, Fault::kMidStreamError, Fault::kLate}) {
    EXPECT_TRUE(turn(fault).error.has_value()) << to_string(fault);
  }
  EXPECT_THAT(script_.problems(), IsEmpty());
}

TEST_F(HttpAdapters, TokensAreExchangedOnceForAllWhoWaitAndRenewedEarly) {
  auto key = *parse_service_account(account_.json);
  key.token_uri = fake_.http_origin() + "/token";
  std::atomic<std::int64_t> now{wall_now().time_since_epoch().count()};
  const auto source = make_exchange_token_source(key, std::string(kGoogleCloudScope), context(),
                                                 [&now] { return WallTime(milliseconds(now.load())); });
  const auto fetch = [&source] {
    std::promise<Result<std::string>> promise;
    source->request([&promise](Result<std::string> token) { promise.set_value(std::move(token)); });
    return promise.get_future().get();
  };
  std::vector<std::future<Result<std::string>>> waiting;
  for (int i = 0; i < 8; ++i) {
    auto promise = std::make_shared<std::promise<Result<std::string>>>();
    waiting.push_back(promise->get_future());
    source->request([promise](Result<std::string> token) { promise->set_value(std::move(token)); });
  }
  const std::string first = *fetch();
  EXPECT_THAT(first, ::testing::StartsWith("ya29.fake-"));
  for (auto& token : waiting) EXPECT_EQ(*token.get(), first);
  EXPECT_EQ(script_.requests(FakeStage::kOther), 1);
  now += (3599 - 200) * 1000;  // inside the last five minutes: the old one is handed out while a new one is fetched
  EXPECT_EQ(*fetch(), first);
  now += 190 * 1000;  // too little life left: waits for the new one
  EXPECT_NE(*fetch(), first);
  EXPECT_EQ(script_.requests(FakeStage::kOther), 2);
}

TEST_F(HttpAdapters, ARefusedKeyIsNamedAsSuch) {
  auto key = *parse_service_account(account_.json);
  key.token_uri = fake_.http_origin() + "/token";
  script_.set_fault(FakeStage::kOther, Fault::kUnauthorized);
  const auto source = make_exchange_token_source(key, std::string(kGoogleCloudScope), context());
  std::promise<Result<std::string>> promise;
  source->request([&promise](Result<std::string> token) { promise.set_value(std::move(token)); });
  const auto token = promise.get_future().get();
  ASSERT_FALSE(token.has_value());
  EXPECT_EQ(token.error().code, Errc::kRejected);
  EXPECT_THAT(token.error().detail, HasSubstr("invalid_grant"));
  EXPECT_THAT(token.error().detail, HasSubstr("clock"));
}

TEST_F(HttpAdapters, WhatsAppGoesOutThroughAllThree) {
  std::vector<std::unique_ptr<WhatsAppSender>> senders;
  senders.push_back(*make_meta_whatsapp(
      {.base_url = fake_.http_origin(), .phone_number_id = "55", .access_token = "fake-key"}, context()));
  senders.push_back(*make_twilio_whatsapp({.base_url = fake_.http_origin(),
                                           .account_sid = "AC1",
                                           .user = "SK1",
                                           .password = "fake-key",
                                           .from = "+97230000000",
                                           .status_callback = {}},
                                          context()));
  BridgeWhatsAppOptions bridge;
  bridge.url = fake_.http_origin() + "/message/sendText/agent";
  bridge.headers = {"apikey: fake-key"};
  senders.push_back(*make_bridge_whatsapp(bridge, context()));
  const auto send = [](WhatsAppSender& sender, const std::string& to) {
    std::promise<Result<WhatsAppReceipt>> promise;
    sender.send({.to = to, .text = "שלום", .message_template = {}, .idempotency_key = {}},
                [&promise](Result<WhatsAppReceipt> r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  };
  for (const auto& sender : senders) {
    const auto receipt = send(*sender, "+972541234567");
    ASSERT_TRUE(receipt.has_value()) << sender->name() << ": " << receipt.error().detail;
    EXPECT_FALSE(receipt->message_id.empty()) << sender->name();
    EXPECT_EQ(send(*sender, "0541234567").error().code, Errc::kMalformed);
  }
  EXPECT_THAT(send(*senders[0], "+972541234524").error().detail, HasSubstr("24-hour window"));
  EXPECT_THAT(script_.problems(), IsEmpty());
}

TEST_F(HttpAdapters, KeysNeverShowInErrors) {
  OpenAiChatOptions options;
  options.base_url = fake_.http_origin() + "/v1";
  options.api_key = "sk-proj-verysecret0123456789";
  options.model = "m";
  const auto model = *make_openai_chat(options, context());
  const auto said = ask(*model);
  ASSERT_TRUE(said->error().has_value());
  EXPECT_EQ(said->error()->code, Errc::kRejected);
  EXPECT_EQ(said->error()->detail.find("verysecret"), std::string::npos);
}

}  // namespace
}  // namespace al::providers
