// Google's messages byte for byte. The fake recogniser is made of the same .proto as the adapter, so it cannot notice a
// wrong number in it: here the bytes are put together by hand, from the numbers of the published service definition.
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "providers/google/cloud_speech.grpc.pb.h"

namespace al::providers {
namespace {

namespace speech = google::cloud::speech::v1;

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>(value | 0x80U);
  return bytes + static_cast<char>(value);
}
std::string number(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3U) + varint(value);
}
std::string text(int field, std::string_view value) {
  return varint(static_cast<std::uint64_t>(field) << 3U | 2U) + varint(value.size()) + std::string(value);
}
std::string real(int field, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  std::string bytes = varint(static_cast<std::uint64_t>(field) << 3U | 5U);
  for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift);
  return bytes;
}

TEST(GoogleWire, TheFirstMessageIsTheConfigurationWithThePublishedNumbers) {
  speech::StreamingRecognizeRequest request;
  auto* streaming = request.mutable_streaming_config();
  streaming->set_interim_results(true);
  auto* config = streaming->mutable_config();
  config->set_encoding(speech::RecognitionConfig::LINEAR16);
  config->set_sample_rate_hertz(8000);
  config->set_language_code("he-IL");
  config->set_max_alternatives(1);
  auto* context = config->add_speech_contexts();
  context->add_phrases("חיפה");
  context->set_boost(10);
  config->set_audio_channel_count(1);
  config->set_enable_automatic_punctuation(true);
  config->set_model("command_and_search");
  const std::string recognition = number(1, 1) + number(2, 8000) + text(3, "he-IL") + number(4, 1) +
                                  text(6, text(1, "חיפה") + real(4, 10.0F)) + number(7, 1) + number(11, 1) +
                                  text(13, "command_and_search");
  EXPECT_EQ(request.SerializeAsString(), text(1, text(1, recognition) + number(3, 1)));
}

TEST(GoogleWire, AudioIsTheSecondMemberOfTheChoice) {
  speech::StreamingRecognizeRequest request;
  request.set_audio_content(std::string("\x01\x00\xFF", 3));
  EXPECT_EQ(request.SerializeAsString(), text(2, std::string_view("\x01\x00\xFF", 3)));
}

TEST(GoogleWire, TheFirstVersionsEncodingsAreMeant) {
  EXPECT_EQ(static_cast<int>(speech::RecognitionConfig::LINEAR16), 1);
  EXPECT_EQ(static_cast<int>(speech::RecognitionConfig::MULAW), 3);  // 2 in the second version, 5 in text to speech
}

TEST(GoogleWire, AResponseIsReadByThePublishedNumbers) {
  const std::string best = text(1, "שלום עולם") + real(2, 0.94F);
  const std::string word_of_later = text(3, number(1, 1));  // words, which we do not know
  const std::string final_result = text(1, best + word_of_later) + number(2, 1) +
                                   text(4, number(1, 3) + number(2, 500'000'000)) + number(5, 1) + text(6, "iw-il");
  const std::string interim = text(1, text(1, " ומה")) + real(3, 0.9F);
  speech::StreamingRecognizeResponse response;
  ASSERT_TRUE(response.ParseFromString(text(2, final_result) + text(2, interim) + text(5, number(1, 15)) + text(9, "") +
                                       number(10, 77)));
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_EQ(response.results(0).alternatives(0).transcript(), "שלום עולם");
  EXPECT_FLOAT_EQ(response.results(0).alternatives(0).confidence(), 0.94F);
  EXPECT_TRUE(response.results(0).is_final());
  EXPECT_EQ(response.results(0).result_end_time().seconds(), 3);
  EXPECT_EQ(response.results(0).result_end_time().nanos(), 500'000'000);
  EXPECT_EQ(response.results(0).language_code(), "iw-il");
  EXPECT_FLOAT_EQ(response.results(1).stability(), 0.9F);
  EXPECT_EQ(response.total_billed_time().seconds(), 15);
  EXPECT_FALSE(response.has_error());
}

TEST(GoogleWire, AnErrorAndAnEventHaveNumbersOfTheirOwn) {
  speech::StreamingRecognizeResponse response;
  ASSERT_TRUE(response.ParseFromString(text(1, number(1, 11) + text(2, "Exceeded maximum allowed stream duration"))));
  EXPECT_EQ(response.error().code(), 11);
  EXPECT_EQ(response.error().message(), "Exceeded maximum allowed stream duration");
  ASSERT_TRUE(response.ParseFromString(number(4, 3)));
  EXPECT_EQ(response.speech_event_type(), speech::StreamingRecognizeResponse::SPEECH_ACTIVITY_END);
}

TEST(GoogleWire, TheMethodHasThePublishedPath) {
  const auto* method = speech::StreamingRecognizeRequest::descriptor()->file()->FindServiceByName("Speech")->method(0);
  EXPECT_EQ(method->full_name(), "google.cloud.speech.v1.Speech.StreamingRecognize");
  EXPECT_TRUE(method->client_streaming() && method->server_streaming());
}

}  // namespace
}  // namespace al::providers
