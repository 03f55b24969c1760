// The path of a frame allocates nothing: counted. A program of its own, since it replaces the global allocator.
#include <string>

#include <gtest/gtest.h>

#include "core/allocation_counter.h"
#include "twilio/media_message.h"
#include "twilio/stream_order.h"

namespace al::twilio {
namespace {

TEST(MediaPath, AFrameInAndOutAllocatesNothing) {
  const StreamSid stream("MZ0123456789abcdef0123456789abcdef");
  MediaTemplate outbound(stream);
  std::array<std::uint8_t, kFrameBytes> frame{};
  std::vector<std::string> texts;
  for (int chunk = 1; chunk <= 100; ++chunk) {
    const std::string number = std::to_string(chunk);
    const std::string payload(outbound.fill(frame).substr(outbound.size() - 3 - 216, 216));
    texts.push_back("{\"event\":\"media\",\"sequenceNumber\":\"" + number + "\",\"streamSid\":\"" + stream.str() +
                    "\",\"media\":{\"track\":\"inbound\",\"chunk\":\"" + number +
                    "\",\"timestamp\":\"20\",\"payload\":\"" + payload + "\"}}");
  }
  StreamOrder order(Timestamp{});
  msg::Start start;
  start.stream_sid = stream;
  ASSERT_EQ(order.on_message(MediaMessage(start), Timestamp{}).action, StreamVerdict::Action::kDeliver);
  order.accept();

  std::size_t delivered = 0;
  const long before = al::test::allocations();
  for (const std::string& text : texts) {
    const auto message = parse_media_message(text);
    if (order.on_message(message, Timestamp{}).action != StreamVerdict::Action::kDeliver) continue;
    const auto bytes = std::get<msg::Media>(*message).audio.bytes();
    std::copy(bytes.begin(), bytes.end(), frame.begin());
    delivered += outbound.fill(frame).size() > 200 ? 1 : 0;
  }
  EXPECT_EQ(al::test::allocations() - before, 0);
  EXPECT_EQ(delivered, texts.size());
}

}  // namespace
}  // namespace al::twilio
