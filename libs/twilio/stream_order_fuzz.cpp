// Any sequence of events: nothing is delivered before `start` or after a close, and every fault is counted. One byte is
// one event; its upper bits let time pass.
#include <cstdint>
#include <cstdlib>

#include "twilio/stream_order.h"

namespace {

using namespace al;
using namespace al::twilio;

MediaMessage make_start() {
  msg::Start start;
  start.stream_sid = StreamSid("MZ1");
  return start;
}

MediaMessage make_media(std::uint64_t chunk) {
  msg::Media media;
  if (!media.stream_sid.assign("MZ1")) std::abort();
  media.chunk = chunk;
  return media;
}

StreamVerdict apply(StreamOrder& order, unsigned event, std::uint64_t chunk, Timestamp now) {
  switch (event) {
    case 0:
      return order.on_message(MediaMessage(msg::Connected{}), now);
    case 1:
      return order.on_message(make_start(), now);
    case 2:
      return order.on_message(make_media(chunk), now);
    case 3:
      return order.on_message(MediaMessage(msg::Dtmf{}), now);
    case 4:
      return order.on_message(MediaMessage(msg::Stop{}), now);
    case 5:
      return order.on_binary(now);
    case 6:
      return order.on_message(fail(Errc::kMalformed, ""), now);
    default:
      return order.on_deadline(now);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Timestamp now{};
  StreamOrder order(now);
  bool begun = false;
  bool closed = false;
  std::uint64_t faults = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const unsigned event = data[i] & 7U;
    now += milliseconds{(data[i] >> 3U) * 50};
    const StreamVerdict verdict = apply(order, event, data[i], now);
    if (verdict.action == StreamVerdict::Action::kDeliver) {
      if (closed || (event >= 2 && !begun)) std::abort();
      if (event == 1) {
        begun = true;
        order.accept();
      }
    }
    if (verdict.fault) ++faults;
    if (verdict.action == StreamVerdict::Action::kClose) {
      if (closed || !verdict.fault) std::abort();
      closed = true;
    }
  }
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(StreamFault::kTooManyFaults); ++i) {
    counted += order.count(static_cast<StreamFault>(i));
  }
  if (counted != faults) std::abort();
  return 0;
}
