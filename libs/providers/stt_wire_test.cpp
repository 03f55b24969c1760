#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/deepgram_wire.h"
#include "providers/transcribe_wire.h"
#include "providers/turn_audio.h"

namespace al::providers {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(TranscribeWire, UploadsTheFieldsOfTheFacts) {
  const std::vector<std::int16_t> pcm(800, 1000);
  const std::vector<std::string> hints{"פלורנטין", "WhatsApp"};
  const auto upload =
      write_transcription({.pcm_8k = pcm, .model = "whisper-1", .language = "he-IL", .hints = hints, .boundary = "B"});
  EXPECT_EQ(upload.content_type, "multipart/form-data; boundary=B");
  const std::string head =
      "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"language\"\r\n\r\nhe\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"temperature\"\r\n\r\n0\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\njson\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nפלורנטין, WhatsApp\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"turn.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
      "RIFF";
  EXPECT_THAT(upload.body, StartsWith(head));
  EXPECT_THAT(upload.body, EndsWith("\r\n--B--\r\n"));
  // 100 ms at 16 kHz: 1600 samples, 3200 bytes (give or take 3 ms of the converter's tail), after a 44-byte header.
  const std::size_t audio = upload.body.size() - (head.size() - 4) - std::string("\r\n--B--\r\n").size() - 44;
  EXPECT_NEAR(static_cast<double>(audio), 3200, 96);
  EXPECT_EQ(upload.body.substr(head.size() - 4 + 24, 4), std::string("\x80\x3E\0\0", 4));  // 16000
}

TEST(TranscribeWire, ReadsJsonAndPlainTextAndRefusesPages) {
  EXPECT_EQ(*read_transcription(R"({"text":" שלום ","usage":{"seconds":1}})"), "שלום");
  EXPECT_EQ(*read_transcription(" hello\n"), "hello");
  EXPECT_EQ(*read_transcription(R"({"text":""})"), "");
  EXPECT_THAT(read_transcription("<html>").error().detail, HasSubstr("base URL"));
  EXPECT_THAT(read_transcription(R"({"error":{"message":"bad file"}})").error().detail, HasSubstr("bad file"));
  EXPECT_FALSE(read_transcription(R"({"text":1})").has_value());
  EXPECT_FALSE(read_transcription("{").has_value());
}

TEST(DeepgramWire, AsksForHebrewTelephoneAudio) {
  DeepgramOptions options;
  options.model = "nova-3";
  dialog::SttOptions call;
  call.hints = {"תל אביב"};
  EXPECT_EQ(deepgram_url(options, call),
            "wss://api.deepgram.com/v1/listen?model=nova-3&language=he&encoding=mulaw&sample_rate=8000&channels=1"
            "&interim_results=true&endpointing=300&utterance_end_ms=1000&vad_events=true&punctuate=true"
            "&keyterm=%D7%AA%D7%9C%20%D7%90%D7%91%D7%99%D7%91");
}

TEST(DeepgramWire, ReadsResultsAndIgnoresWhatItNeedNotKnow) {
  const auto result = read_deepgram(
      R"({"type":"Results","channel_index":[0,1],"duration":1.5,"start":2.25,"is_final":true,"speech_final":true,)"
      R"("from_finalize":true,"channel":{"alternatives":[{"transcript":"שלום","confidence":0.98,"words":[]}]}})");
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->kind, DeepgramResult::Kind::kResults);
  EXPECT_EQ(result->transcript, "שלום");
  EXPECT_EQ(result->start, milliseconds(2250));
  EXPECT_EQ(result->end, milliseconds(3750));
  EXPECT_TRUE(result->is_final && result->speech_final && result->from_finalize);
  EXPECT_FLOAT_EQ(result->confidence, 0.98F);
  for (const char* other :
       {R"({"type":"SpeechStarted","timestamp":1})", R"({"type":"UtteranceEnd"})", R"({"type":"Metadata"})", "{}"}) {
    EXPECT_EQ(read_deepgram(other)->kind, DeepgramResult::Kind::kOther) << other;
  }
  EXPECT_EQ(read_deepgram(R"({"type":"Error","description":"nope"})")->error, "nope");
}

TEST(DeepgramWire, RefusesWhatIsNoResult) {
  EXPECT_FALSE(read_deepgram("").has_value());
  EXPECT_FALSE(read_deepgram("[]").has_value());
  EXPECT_FALSE(read_deepgram(R"({"type":"Results","start":"a","duration":1})").has_value());
  EXPECT_EQ(read_deepgram(R"({"type":"Results","start":-5,"duration":1e300})")->end, seconds(86400));
}

TEST(ReplayAudio, KeepsTheLatestAudioByPosition) {
  ReplayAudio audio(milliseconds(100));  // 800 samples
  std::vector<std::int16_t> frame(160);
  for (int i = 0; i < 10; ++i) {
    std::fill(frame.begin(), frame.end(), static_cast<std::int16_t>(i));
    audio.append(frame);
  }
  EXPECT_EQ(audio.end(), 1600U);
  EXPECT_EQ(audio.from(1440).size(), 160U);
  EXPECT_EQ(audio.from(1440).front(), 9);
  EXPECT_GE(audio.from(0).size(), 800U);
  EXPECT_LE(audio.from(0).size(), 1001U);
  EXPECT_EQ(audio.from(0).back(), 9);
  EXPECT_TRUE(audio.from(5000).empty());
}

TEST(TurnAudio, KeepsTheFirstAudioUpToItsBound) {
  TurnAudio audio(milliseconds(10));
  audio.append(std::vector<std::int16_t>(60, 1));
  audio.append(std::vector<std::int16_t>(60, 2));
  EXPECT_EQ(audio.samples().size(), 80U);
  EXPECT_EQ(audio.samples().back(), 2);
}

}  // namespace
}  // namespace al::providers
