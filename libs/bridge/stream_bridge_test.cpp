#include "bridge/stream_bridge.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "twilio/base64.h"

namespace al::bridge {
namespace {

using dialog::in::Media;

twilio::msg::Media message(std::uint64_t sequence, std::vector<std::uint8_t> bytes) {
  twilio::msg::Media media;
  media.sequence = sequence;
  std::string text(twilio::base64_length(bytes.size()), '\0');
  twilio::base64_encode(bytes, text.data());
  EXPECT_TRUE(media.audio.assign_base64(text));
  return media;
}

std::vector<Media> cut(FrameCutter& cutter, const twilio::msg::Media& media, std::uint32_t missing = 0) {
  std::vector<Media> frames;
  cutter.push(media, missing, [&](const Media& frame) { frames.push_back(frame); });
  return frames;
}

TEST(FrameCutter, OneMessageOfTwentyMillisecondsIsOneFrame) {
  FrameCutter cutter;
  const auto first = cut(cutter, message(3, std::vector<std::uint8_t>(160, 7)));
  const auto second = cut(cutter, message(4, std::vector<std::uint8_t>(160, 8)));
  ASSERT_EQ(first.size(), 1U);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(first[0].media_time.samples, 0);
  EXPECT_EQ(second[0].media_time.samples, 160);
  EXPECT_EQ(second[0].sequence, 4U);
  EXPECT_TRUE(std::all_of(second[0].ulaw.begin(), second[0].ulaw.end(), [](auto b) { return b == 8; }));
}

TEST(FrameCutter, NoByteIsLostAtAnyMessageSize) {
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{159}, std::size_t{161}, std::size_t{320}, std::size_t{8000}}) {
    FrameCutter cutter;
    std::vector<std::uint8_t> sent;
    std::vector<std::uint8_t> heard;
    std::uint8_t value = 0;
    for (std::uint64_t sequence = 1; sent.size() < 8000; ++sequence) {
      std::vector<std::uint8_t> bytes(size);
      for (auto& byte : bytes) byte = value++;
      sent.insert(sent.end(), bytes.begin(), bytes.end());
      for (const Media& frame : cut(cutter, message(sequence, bytes))) {
        EXPECT_EQ(frame.media_time.samples, static_cast<std::int64_t>(heard.size()));
        heard.insert(heard.end(), frame.ulaw.begin(), frame.ulaw.end());
      }
    }
    EXPECT_EQ(heard.size(), sent.size() / 160 * 160) << size;
    EXPECT_TRUE(std::equal(heard.begin(), heard.end(), sent.begin())) << size;
  }
}

TEST(FrameCutter, LostFramesBecomeSilenceAndKeepTheTime) {
  FrameCutter cutter;
  (void)cut(cutter, message(1, std::vector<std::uint8_t>(160, 1)));
  const auto frames = cut(cutter, message(5, std::vector<std::uint8_t>(160, 2)), 3);
  ASSERT_EQ(frames.size(), 4U);
  EXPECT_EQ(frames[0].ulaw[0], audio::kUlawSilence);
  EXPECT_EQ(frames[3].ulaw[0], 2);
  EXPECT_EQ(frames[3].media_time.samples, 4 * 160);
}

TEST(StreamBridge, MarksDigitsAndStopBecomeInputs) {
  twilio::msg::Mark mark;
  mark.name = "s1";
  EXPECT_EQ(std::get<dialog::in::MarkPlayed>(to_input(mark).value()).name, "s1");
  twilio::msg::Dtmf dtmf;
  dtmf.digit = '#';
  EXPECT_EQ(std::get<dialog::in::Dtmf>(to_input(dtmf).value()).digit, '#');
  EXPECT_TRUE(std::holds_alternative<dialog::in::Hangup>(to_input(twilio::msg::Stop{}).value()));
  EXPECT_FALSE(to_input(twilio::msg::Connected{}).has_value());
  EXPECT_FALSE(to_input(twilio::msg::Unknown{"x"}).has_value());
}

}  // namespace
}  // namespace al::bridge
