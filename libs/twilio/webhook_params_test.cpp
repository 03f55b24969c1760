#include "twilio/webhook_params.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace al::twilio {
namespace {

constexpr std::string_view kCall = "CA0123456789abcdef0123456789abcdef";

TEST(Form, DecodesAsTwilioEncodes) {
  const auto form = parse_form("From=%2B972&Body=%D7%A9%D7%9C+a%2Bb&Empty=&Flag&&K=1&K=2&Bad=%zz%4");
  ASSERT_TRUE(form.has_value());
  EXPECT_EQ(form->get("From"), "+972");
  EXPECT_EQ(form->get("Body"), "של a+b");
  EXPECT_EQ(form->find("Empty"), "");
  EXPECT_EQ(form->find("Flag"), "");
  EXPECT_EQ(form->find("None"), std::nullopt);
  EXPECT_EQ(form->get("Bad"), "%zz%4");
  EXPECT_EQ(form->size(), 7U);
}

TEST(Form, RoundTripsEveryByte) {
  FormParams form;
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  form.add(all, all);
  form.add("", "x");
  EXPECT_EQ(parse_form(encode_form(form)).value(), form);
}

TEST(Form, IsBounded) {
  EXPECT_FALSE(parse_form(std::string(64 * 1024 + 1, 'a')).has_value());
  std::string many;
  for (int i = 0; i < 513; ++i) many += "a=1&";
  EXPECT_FALSE(parse_form(many).has_value());
}

TEST(WebhookParams, VoiceRequestNeedsACallSid) {
  EXPECT_FALSE(read_voice_request({{"From", "+1"}}).has_value());
  EXPECT_FALSE(read_voice_request({{"CallSid", "CA1"}}).has_value());
  const auto voice = read_voice_request(
      {{"CallSid", kCall}, {"From", "anonymous"}, {"CallStatus", "ringing"}, {"ErrorCode", "11200"}});
  ASSERT_TRUE(voice.has_value());
  EXPECT_EQ(voice->from, "anonymous");
  EXPECT_EQ(voice->status, CallStatus::kRinging);
  EXPECT_EQ(voice->error_code, "11200");
}

TEST(WebhookParams, ReadsTheStatusCallbacks) {
  const auto call = read_call_status(
      {{"CallSid", kCall}, {"CallStatus", "completed"}, {"CallDuration", "42"}, {"SequenceNumber", "3"}});
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->duration_s, 42);
  EXPECT_EQ(call->sequence, 3U);
  EXPECT_FALSE(read_call_status({{"CallSid", kCall}, {"CallStatus", "exploded"}}).has_value());
  const auto stream = read_stream_status(
      {{"CallSid", kCall}, {"StreamEvent", "stream-error"}, {"StreamError", "31920"}, {"StreamSid", "MZ1"}});
  ASSERT_TRUE(stream.has_value());
  EXPECT_EQ(stream->event, StreamEvent::kError);
  EXPECT_EQ(stream->error, "31920");
  const auto recording =
      read_recording({{"CallSid", kCall}, {"RecordingUrl", "https://r"}, {"RecordingDuration", "x"}});
  ASSERT_TRUE(recording.has_value());
  EXPECT_EQ(recording->duration_s, std::nullopt);
}

TEST(WebhookParams, ReadsMessagesWithMedia) {
  const auto message = read_message({{"MessageSid", "SM1"},
                                     {"From", "whatsapp:+972"},
                                     {"Body", " שלום "},
                                     {"NumMedia", "2"},
                                     {"MediaUrl0", "https://a"},
                                     {"MediaContentType0", "audio/ogg"},
                                     {"MediaUrl1", "https://b"}});
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->body, " שלום ") << "blanks belong to the message";
  ASSERT_EQ(message->media.size(), 2U);
  EXPECT_EQ(message->media[0].content_type, "audio/ogg");
  const auto status =
      read_message_status({{"MessageSid", "SM1"}, {"MessageStatus", "undelivered"}, {"ErrorCode", "63016"}});
  EXPECT_EQ(status.value().error_code, 63016);
}

TEST(CallStatus, NeverMovesBackwards) {
  Random random(1);
  for (int round = 0; round < 1000; ++round) {
    CallStatus known = CallStatus::kQueued;
    for (int i = 0; i < 20; ++i) {
      const auto reported = static_cast<CallStatus>(random.below(9));
      const CallStatus before = known;
      if (advances(known, reported)) known = reported;
      EXPECT_GE(rank(known), rank(before));
      if (is_terminal(before)) {
        EXPECT_EQ(known, before);
      }
    }
  }
  EXPECT_EQ(call_status_from_text(to_string(CallStatus::kNoAnswer)), CallStatus::kNoAnswer);
  EXPECT_FALSE(call_status_from_text("answered").has_value());
}

TEST(MessageStatus, ReadBeatsDeliveredAndFailureDoesNotUndoDelivery) {
  EXPECT_TRUE(message_status_advances("delivered", "read"));
  EXPECT_FALSE(message_status_advances("read", "delivered"));
  EXPECT_FALSE(message_status_advances("delivered", "failed"));
  EXPECT_TRUE(message_status_advances("sent", "undelivered"));
  EXPECT_FALSE(message_status_advances("queued", "made up"));
}

}  // namespace
}  // namespace al::twilio
