#include "providers/tts_dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/elevenlabs_wire.h"

namespace al::providers {
namespace {

using testing::HasSubstr;

const dialog::Voice kHebrew{.language = "he-IL", .name = "", .rate = 0.96};

TEST(GoogleTtsDialect, WritesTheRequestByteForByte) {
  const auto dialect = make_google_tts_dialect({.api_key = "k", .tokens = nullptr});
  const auto request = dialect->request("שלום", {.language = "he-IL", .name = "he-IL-Wavenet-A", .rate = 0.96});
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->url, "https://texttospeech.googleapis.com/v1/text:synthesize");
  EXPECT_EQ(request->headers,
            (net::HttpHeaders{{"Content-Type", "application/json; charset=utf-8"}, {"x-goog-api-key", "k"}}));
  EXPECT_EQ(request->body,
            R"({"audioConfig":{"audioEncoding":"PCM","effectsProfileId":["telephony-class-application"],)"
            R"("sampleRateHertz":8000,"speakingRate":0.96},"input":{"text":"שלום"},)"
            R"("voice":{"languageCode":"he-IL","name":"he-IL-Wavenet-A"}})");
}

TEST(AzureTtsDialect, EscapesTheTextOfItsSsml) {
  const auto dialect = make_azure_tts_dialect({.region = "westeurope", .base_url = {}, .api_key = "k"});
  const auto request = dialect->request("<a & \"b\"> 'c'\x01", {.language = "he-IL", .name = "", .rate = 1.0});
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->url, "https://westeurope.tts.speech.microsoft.com/cognitiveservices/v1");
  EXPECT_EQ(request->headers, (net::HttpHeaders{{"Content-Type", "application/ssml+xml"},
                                                {"X-Microsoft-OutputFormat", "raw-8khz-8bit-mono-mulaw"},
                                                {"User-Agent", "AgentLocator"},
                                                {"Ocp-Apim-Subscription-Key", "k"}}));
  EXPECT_EQ(request->body,
            R"(<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="he-IL">)"
            R"(<voice name="he-IL-HilaNeural">&lt;a &amp; &quot;b&quot;&gt; &apos;c&apos;</voice></speak>)");
  EXPECT_THAT(dialect->request("x", kHebrew)->body, HasSubstr(R"(<prosody rate="-4%">x</prosody>)"));
  EXPECT_EQ(dialect->request("x", {.language = "fr-FR", .name = "", .rate = 1.0}).error().code, Errc::kUnsupported);
}

TEST(ElevenLabsDialect, AsksForTheLinesOwnEncoding) {
  const auto dialect = make_elevenlabs_tts_dialect({.api_key = "k", .model = "eleven_v4", .voice_id = "V/1"});
  const auto request = dialect->request("שלום", kHebrew);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->url, "https://api.elevenlabs.io/v1/text-to-speech/V%2F1/stream?output_format=ulaw_8000");
  EXPECT_EQ(request->body, R"({"language_code":"he","model_id":"eleven_v4","text":"שלום",)"
                           R"("voice_settings":{"speed":0.96,"stability":0.5}})");
  EXPECT_EQ(dialect->headerless_format(), (AudioFormat{.encoding = AudioEncoding::kUlaw, .rate_hz = 8000}));
}

TEST(OpenAiSpeechDialect, AsksForRawPcm) {
  const auto dialect =
      make_openai_speech_dialect({.base_url = "http://h/v1", .api_key = {}, .model = "kokoro", .instructions = {}});
  const auto request = dialect->request("hi", {.language = "en-US", .name = "nova", .rate = 1.1});
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->url, "http://h/v1/audio/speech");
  EXPECT_EQ(request->body, R"({"input":"hi","model":"kokoro","response_format":"pcm","speed":1.1,"voice":"nova"})");
  EXPECT_EQ(dialect->headerless_format().rate_hz, 24000);
}

TEST(ElevenLabsWire, WritesItsMessagesByteForByte) {
  ElevenLabsWsOptions options;
  options.model = "eleven_v4_turbo";
  EXPECT_EQ(
      elevenlabs_dialogue_url(options),
      "wss://api.elevenlabs.io/v1/text-to-dialogue/stream-input?model_id=eleven_v4_turbo&output_format=ulaw_8000");
  EXPECT_EQ(elevenlabs_opening("ID", 0.5), R"({"voice_settings":{"stability":0.5},"voices":["ID"]})");
  EXPECT_EQ(elevenlabs_input("שלום", "ID"),
            R"({"flush":true,"inputs":[{"new_turn":true,"text":"שלום","voice_id":"ID"}]})");
}

TEST(ElevenLabsWire, ReadsAudioEndsAndErrors) {
  EXPECT_EQ(read_elevenlabs(R"({"audio":"AP8="})")->audio, std::string("\x00\xFF", 2));
  EXPECT_TRUE(read_elevenlabs(R"({"audio":null,"is_final_audio_for_turn":true})")->turn_done);
  EXPECT_TRUE(read_elevenlabs(R"({"is_final":true})")->final);
  const auto refused = read_elevenlabs(R"({"message":"bad","error":"invalid_api_key","code":1008})");
  EXPECT_EQ(refused->error, "invalid_api_key: bad");
  EXPECT_TRUE(refused->rejected);
  EXPECT_FALSE(read_elevenlabs(R"({"message":"busy","error":"internal_error"})")->rejected);
  EXPECT_FALSE(read_elevenlabs(R"({"audio":"A"})").has_value());
  EXPECT_FALSE(read_elevenlabs("[]").has_value());
}

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("aZ9-._~ /?&=+%\"ש"), "aZ9-._~%20%2F%3F%26%3D%2B%25%22%D7%A9");
}

}  // namespace
}  // namespace al::providers
