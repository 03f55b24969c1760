#include "twilio/stream_order.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace al::twilio {
namespace {

using Action = StreamVerdict::Action;

Timestamp at(int ms) {
  return Timestamp{milliseconds{ms}};
}

msg::Start start_of(std::string_view stream) {
  msg::Start start;
  start.stream_sid = StreamSid(std::string(stream));
  start.call_sid = CallSid("CA1");
  start.sequence = 1;
  return start;
}
msg::Media media_of(std::string_view stream, std::uint64_t chunk) {
  msg::Media media;
  EXPECT_TRUE(media.stream_sid.assign(stream));
  media.chunk = chunk;
  media.sequence = chunk + 1;
  return media;
}
msg::Stop stop_of(std::string_view stream) {
  msg::Stop stop;
  stop.stream_sid = StreamSid(std::string(stream));
  return stop;
}

// A socket whose token was accepted.
StreamOrder started() {
  StreamOrder order(at(0));
  EXPECT_EQ(order.on_message(MediaMessage(msg::Connected{}), at(1)).action, Action::kDeliver);
  EXPECT_EQ(order.on_message(MediaMessage(start_of("MZ1")), at(2)).action, Action::kDeliver);
  order.accept();
  return order;
}

void expect_close(const StreamVerdict& verdict, StreamFault fault, CloseCode code) {
  EXPECT_EQ(verdict.action, Action::kClose);
  EXPECT_EQ(verdict.fault, fault);
  EXPECT_EQ(verdict.code, code);
}

TEST(StreamOrder, TheUsualCallPasses) {
  StreamOrder order = started();
  EXPECT_EQ(order.deadline(), std::nullopt);
  EXPECT_EQ(order.on_message(MediaMessage(media_of("MZ1", 1)), at(20)).action, Action::kDeliver);
  msg::Mark mark;
  mark.stream_sid = StreamSid("MZ1");
  EXPECT_EQ(order.on_message(MediaMessage(mark), at(30)).action, Action::kDeliver);
  EXPECT_EQ(order.on_message(MediaMessage(stop_of("MZ1")), at(40)).action, Action::kDeliver);
  EXPECT_TRUE(order.stopped());
}

TEST(StreamOrder, BeforeTheTokenEveryFaultCloses) {
  const auto fresh = [] { return StreamOrder(at(0)); };
  {
    StreamOrder order = fresh();
    expect_close(order.on_message(MediaMessage(media_of("MZ1", 1)), at(1)), StreamFault::kMediaBeforeStart,
                 CloseCode::kPolicy);
    EXPECT_EQ(order.count(StreamFault::kMediaBeforeStart), 1U);
  }
  {
    StreamOrder order = fresh();
    expect_close(order.on_message(MediaMessage(stop_of("MZ1")), at(1)), StreamFault::kStopWithoutStart,
                 CloseCode::kPolicy);
  }
  {
    StreamOrder order = fresh();
    expect_close(order.on_message(MediaMessage(msg::Dtmf{}), at(1)), StreamFault::kEventBeforeStart,
                 CloseCode::kPolicy);
  }
  {
    StreamOrder order = fresh();
    expect_close(order.on_message(fail(Errc::kMalformed, "x"), at(1)), StreamFault::kNotJson, CloseCode::kBadPayload);
  }
  {
    StreamOrder order = fresh();
    expect_close(order.on_binary(at(1)), StreamFault::kBinary, CloseCode::kUnsupportedData);
  }
  {
    StreamOrder order = fresh();
    expect_close(order.on_message(fail(Errc::kUnsupported, "16 kHz"), at(1)), StreamFault::kBadFormat,
                 CloseCode::kPolicy);
  }
  {
    StreamOrder order = fresh();
    EXPECT_EQ(order.on_message(MediaMessage(msg::Connected{}), at(1)).action, Action::kDeliver);
    expect_close(order.on_message(MediaMessage(msg::Connected{}), at(1)), StreamFault::kSecondConnected,
                 CloseCode::kPolicy);
  }
  {
    // Media that comes while the token is being looked up.
    StreamOrder order = fresh();
    EXPECT_EQ(order.on_message(MediaMessage(start_of("MZ1")), at(1)).action, Action::kDeliver);
    expect_close(order.on_message(MediaMessage(media_of("MZ1", 1)), at(2)), StreamFault::kMediaBeforeStart,
                 CloseCode::kPolicy);
  }
}

TEST(StreamOrder, NoStartWithinThreeSecondsCloses) {
  StreamOrder order(at(100));
  EXPECT_EQ(order.deadline(), at(3100));
  EXPECT_EQ(order.on_message(MediaMessage(msg::Connected{}), at(200)).action, Action::kDeliver);
  EXPECT_EQ(order.on_deadline(at(3099)).action, Action::kIgnore);
  expect_close(order.on_deadline(at(3100)), StreamFault::kStartTimeout, CloseCode::kPolicy);
  EXPECT_EQ(order.deadline(), std::nullopt);
}

TEST(StreamOrder, ARejectedTokenClosesAndIsCounted) {
  for (const auto why : {StreamFault::kTokenMissing, StreamFault::kTokenInvalid, StreamFault::kTokenExpired,
                         StreamFault::kTokenUsed, StreamFault::kTokenPreview, StreamFault::kSecondSocket}) {
    StreamOrder order(at(0));
    EXPECT_EQ(order.on_message(MediaMessage(start_of("MZ1")), at(1)).action, Action::kDeliver);
    expect_close(order.reject(why), why, CloseCode::kPolicy);
    EXPECT_EQ(order.count(why), 1U);
    EXPECT_EQ(order.on_message(MediaMessage(media_of("MZ1", 1)), at(2)).action, Action::kIgnore);
  }
  StreamOrder full(at(0));
  expect_close(full.reject(StreamFault::kServerFull), StreamFault::kServerFull, CloseCode::kTryAgainLater);
}

TEST(StreamOrder, ASecondStartIsIgnoredAndCounted) {
  StreamOrder order = started();
  EXPECT_EQ(order.on_message(MediaMessage(start_of("MZ2")), at(5)).action, Action::kIgnore);
  EXPECT_EQ(order.count(StreamFault::kSecondStart), 1U);
  EXPECT_EQ(order.on_message(MediaMessage(media_of("MZ1", 1)), at(6)).action, Action::kDeliver);
}

TEST(StreamOrder, TenFaultsInTenSecondsCloseAfterTheToken) {
  StreamOrder order = started();
  for (int i = 0; i < 9; ++i) EXPECT_EQ(order.on_binary(at(1000 + i)).action, Action::kIgnore) << i;
  expect_close(order.on_binary(at(10'999)), StreamFault::kBinary, CloseCode::kUnsupportedData);
  EXPECT_EQ(order.count(StreamFault::kBinary), 10U);
  EXPECT_EQ(order.count(StreamFault::kTooManyFaults), 1U);

  StreamOrder slow = started();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(slow.on_binary(at(1000 + 1200 * i)).action, Action::kIgnore) << i;
}

TEST(StreamOrder, GapsAreConcealedAndRepetitionsDroppedWithoutEverClosing) {
  StreamOrder order = started();
  EXPECT_EQ(order.on_message(MediaMessage(media_of("MZ1", 1)), at(20)).missing_frames, 0U);
  EXPECT_EQ(order.on_message(MediaMessage(media_of("MZ1", 4)), at(40)).missing_frames, 2U);
  EXPECT_EQ(order.on_message(MediaMessage(media_of("MZ1", 1000)), at(60)).missing_frames, StreamOrder::kMaxConcealed);
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(order.on_message(MediaMessage(media_of("MZ1", 3)), at(70)).action, Action::kIgnore);
  EXPECT_EQ(order.count(StreamFault::kSequenceGap), 2U);
  EXPECT_EQ(order.count(StreamFault::kSequenceOld), 30U);
  EXPECT_EQ(order.on_message(MediaMessage(media_of("MZ1", 1001)), at(80)).action, Action::kDeliver);
}

TEST(StreamOrder, MessagesOfAnotherStreamAreDropped) {
  StreamOrder order = started();
  EXPECT_EQ(order.on_message(MediaMessage(media_of("MZ2", 1)), at(20)).action, Action::kIgnore);
  EXPECT_EQ(order.on_message(MediaMessage(stop_of("MZ2")), at(20)).action, Action::kIgnore);
  EXPECT_FALSE(order.stopped());
  EXPECT_EQ(order.count(StreamFault::kWrongStream), 2U);
}

TEST(StreamOrder, UnknownEventsNeverClose) {
  StreamOrder order(at(0));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(order.on_message(MediaMessage(msg::Unknown{"video"}), at(i)).action, Action::kIgnore);
  }
  EXPECT_EQ(order.count(StreamFault::kUnknownEvent), 100U);
}

// ---- every sequence ----------------------------------------------------------------------------------------------

constexpr int kEvents = 10;

StreamVerdict apply(StreamOrder& order, int event, Timestamp now, std::uint64_t& chunk) {
  switch (event) {
    case 0:
      return order.on_message(MediaMessage(msg::Connected{}), now);
    case 1: {
      const StreamVerdict verdict = order.on_message(MediaMessage(start_of("MZ1")), now);
      if (verdict.action == Action::kDeliver) order.accept();
      return verdict;
    }
    case 2:
      return order.on_message(MediaMessage(media_of("MZ1", ++chunk)), now);
    case 3:
      return order.on_message(MediaMessage(msg::Dtmf{}), now);
    case 4:
      return order.on_message(MediaMessage(msg::Mark{}), now);
    case 5:
      return order.on_message(MediaMessage(stop_of("MZ1")), now);
    case 6:
      return order.on_message(MediaMessage(msg::Unknown{"x"}), now);
    case 7:
      return order.on_message(fail(Errc::kMalformed, "x"), now);
    case 8:
      return order.on_binary(now);
    default:
      return order.on_deadline(now);
  }
}

// What must hold after any sequence: media is delivered only between an accepted start and stop, after a close nothing
// is delivered, and every fault is counted.
void check_sequence(const std::vector<int>& events) {
  StreamOrder order(at(0));
  bool begun = false;
  bool over = false;
  std::uint64_t chunk = 0;
  std::uint64_t faults = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const StreamVerdict verdict = apply(order, events[i], at(static_cast<int>(i)), chunk);
    if (over) {
      ASSERT_NE(verdict.action, Action::kDeliver);
      continue;
    }
    if (verdict.fault) ++faults;
    if (verdict.action == Action::kDeliver) {
      if (events[i] == 1) {
        ASSERT_FALSE(begun);
        begun = true;
      }
      if (events[i] >= 2 && events[i] <= 5) {
        ASSERT_TRUE(begun);
      }
    }
    if (verdict.action == Action::kClose) {
      ASSERT_TRUE(verdict.fault.has_value());
      over = true;
    }
  }
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(StreamFault::kTooManyFaults); ++i) {
    counted += order.count(static_cast<StreamFault>(i));
  }
  ASSERT_EQ(counted, faults);
}

TEST(StreamOrder, HoldsForEverySequenceOfFiveEvents) {
  std::vector<int> events(5);
  for (int code = 0; code < 100'000; ++code) {
    int rest = code;
    for (int& event : events) {
      event = rest % kEvents;
      rest /= kEvents;
    }
    check_sequence(events);
    if (HasFatalFailure()) FAIL() << "sequence " << code;
  }
}

TEST(StreamOrder, HoldsForManyRandomSequences) {
  Random random(5);
  for (int round = 0; round < 50'000; ++round) {
    std::vector<int> events(1 + random.below(40));
    // Begin properly half of the time, otherwise nearly every sequence ends at its first event.
    for (int& event : events) event = static_cast<int>(random.below(kEvents));
    if (random.below(2) == 0) events[0] = 1;
    check_sequence(events);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

}  // namespace
}  // namespace al::twilio
