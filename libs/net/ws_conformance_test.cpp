// What a stranger may do to the media socket, sent byte by byte over a real connection: RFC 6455 sections 5 to 8. Each
// case says what must come back: an echo, a pong, or the close code. Afterwards no descriptor may be left.
#include <ostream>

#include <gtest/gtest.h>

#include "net/net_test_support.h"

namespace al::net {
namespace {

using test::close_payload;
using test::EchoHandler;
using test::frame;
using test::FrameShape;
using test::RawClient;
using test::TestServer;
using test::WsFrame;

struct Case {
  std::string name;
  std::string bytes;
  std::vector<std::string> echoes{};  // text messages that come back, in order
  std::vector<std::string> pongs{};   // before or between them
  std::optional<int> close{};         // the code of the server's close frame; -1 = a close frame without a code
  bool split = false;                 // sent byte by byte
};

void PrintTo(const Case& test_case, std::ostream* out) {
  *out << test_case.name;
}

std::string text(std::size_t size) {
  return std::string(size, 'x');
}
std::string ping(std::string_view payload) {
  return frame(payload, {.opcode = 9});
}
std::string pong(std::string_view payload) {
  return frame(payload, {.opcode = 10});
}
std::string close_frame(std::string_view payload) {
  return frame(payload, {.opcode = 8});
}
std::string first(std::string_view payload, int opcode = 1) {
  return frame(payload, {.opcode = opcode, .fin = false});
}
std::string middle(std::string_view payload) {
  return frame(payload, {.opcode = 0, .fin = false});
}
std::string last(std::string_view payload) {
  return frame(payload, {.opcode = 0});
}

void add_framing(std::vector<Case>& cases) {
  for (const std::size_t size : {0, 1, 124, 125, 126, 127, 128, 375, 65'535, 65'536}) {
    cases.push_back({"text_of_" + std::to_string(size), frame(text(size)), {text(size)}});
  }
  for (const std::size_t size : {0, 1, 125, 126, 300}) {
    cases.push_back({"byte_by_byte_" + std::to_string(size), frame(text(size)), {text(size)}, {}, {}, true});
  }
  cases.push_back({"two_messages_in_one_packet", frame("one") + frame("two"), {"one", "two"}});
  std::string many;
  std::vector<std::string> answers;
  for (int i = 0; i < 50; ++i) many += frame(std::to_string(i)), answers.push_back(std::to_string(i));
  cases.push_back({"fifty_messages_in_one_packet", many, answers});
  cases.push_back({"fifty_messages_byte_by_byte", many, answers, {}, {}, true});
  cases.push_back({"size_65537_is_too_big", frame(text(65'537)), {}, {}, 1009});
  cases.push_back({"length_2_to_the_31", frame("", {.claimed_length = 1ULL << 31}), {}, {}, 1009});
  cases.push_back({"length_2_to_the_62", frame("", {.claimed_length = 1ULL << 62}), {}, {}, 1009});
  cases.push_back({"length_2_to_the_63", frame("", {.claimed_length = 1ULL << 63}), {}, {}, 1002});
  cases.push_back({"length_all_ones", frame("", {.claimed_length = ~0ULL}), {}, {}, 1002});
  cases.push_back({"length_125_in_two_bytes", frame(text(125), {.length_bytes = 2}), {}, {}, 1002});
  cases.push_back({"length_0_in_two_bytes", frame("", {.length_bytes = 2}), {}, {}, 1002});
  cases.push_back({"length_125_in_eight_bytes", frame(text(125), {.length_bytes = 8}), {}, {}, 1002});
  cases.push_back({"length_65535_in_eight_bytes", frame(text(65'535), {.length_bytes = 8}), {}, {}, 1002});
  cases.push_back({"unmasked_text", frame("hello", {.mask = false}), {}, {}, 1002});
  cases.push_back({"unmasked_empty_text", frame("", {.mask = false}), {}, {}, 1002});
  cases.push_back({"unmasked_ping", frame("", {.opcode = 9, .mask = false}), {}, {}, 1002});
  cases.push_back({"unmasked_close", frame("", {.opcode = 8, .mask = false}), {}, {}, 1002});
  cases.push_back({"good_then_unmasked", frame("ok") + frame("bad", {.mask = false}), {"ok"}, {}, 1002});
}

void add_reserved(std::vector<Case>& cases) {
  for (int rsv = 1; rsv <= 7; ++rsv) {
    cases.push_back({"rsv_" + std::to_string(rsv) + "_text", frame("a", {.rsv = rsv}), {}, {}, 1002});
    cases.push_back({"rsv_" + std::to_string(rsv) + "_ping", frame("", {.opcode = 9, .rsv = rsv}), {}, {}, 1002});
  }
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    cases.push_back({"opcode_" + std::to_string(opcode), frame("a", {.opcode = opcode}), {}, {}, 1002});
  }
  cases.push_back({"good_then_reserved_opcode", frame("ok") + frame("", {.opcode = 3}), {"ok"}, {}, 1002});
  cases.push_back({"binary", frame("\x01\x02", {.opcode = 2}), {}, {}, 1003});
  cases.push_back({"binary_empty", frame("", {.opcode = 2}), {}, {}, 1003});
  cases.push_back({"binary_first_fragment", first("a", 2), {}, {}, 1003});
}

void add_control(std::vector<Case>& cases) {
  cases.push_back({"ping_empty", ping(""), {}, {""}});
  cases.push_back({"ping_payload", ping("hello"), {}, {"hello"}});
  cases.push_back({"ping_125", ping(text(125)), {}, {text(125)}});
  cases.push_back({"ping_125_byte_by_byte", ping(text(125)), {}, {text(125)}, {}, true});
  cases.push_back({"ping_of_any_bytes", ping("\x00\xFF\xFE\xFD"), {}, {"\x00\xFF\xFE\xFD"}});
  cases.push_back({"ping_126", ping(text(126)), {}, {}, 1002});
  cases.push_back({"ping_long_form", frame("a", {.opcode = 9, .length_bytes = 2}), {}, {}, 1002});
  cases.push_back({"ping_fragmented", frame("a", {.opcode = 9, .fin = false}), {}, {}, 1002});
  cases.push_back({"ten_pings",
                   ping("0") + ping("1") + ping("2") + ping("3") + ping("4") + ping("5") + ping("6") + ping("7") +
                       ping("8") + ping("9"),
                   {},
                   {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}});
  cases.push_back({"unsolicited_pong", pong("x") + frame("after"), {"after"}});
  cases.push_back({"unsolicited_empty_pong", pong("") + frame("after"), {"after"}});
  cases.push_back({"pong_then_ping", pong("x") + ping("y"), {}, {"y"}});
  cases.push_back({"pong_126", pong(text(126)), {}, {}, 1002});
  cases.push_back({"pong_fragmented", frame("a", {.opcode = 10, .fin = false}), {}, {}, 1002});
  cases.push_back({"close_fragmented", frame("", {.opcode = 8, .fin = false}), {}, {}, 1002});
}

void add_fragments(std::vector<Case>& cases) {
  cases.push_back({"two_fragments", first("ab") + last("cd"), {"abcd"}});
  cases.push_back({"two_fragments_byte_by_byte", first("ab") + last("cd"), {"abcd"}, {}, {}, true});
  cases.push_back({"three_empty_fragments", first("") + middle("") + last(""), {""}});
  cases.push_back({"empty_around_text", first("") + middle("ab") + last(""), {"ab"}});
  cases.push_back({"fragments_with_ping_between", first("ab") + ping("p") + last("cd"), {"abcd"}, {"p"}});
  cases.push_back({"fragments_with_pong_between", first("ab") + pong("p") + last("cd"), {"abcd"}});
  cases.push_back({"close_between_fragments", first("ab") + close_frame(close_payload(1000)), {}, {}, 1000});
  cases.push_back({"continuation_alone", last("cd"), {}, {}, 1002});
  cases.push_back({"continuation_alone_unfinished", middle("cd"), {}, {}, 1002});
  cases.push_back({"continuation_after_message", frame("ok") + last("cd"), {"ok"}, {}, 1002});
  cases.push_back({"text_inside_message", first("ab") + frame("cd"), {}, {}, 1002});
  cases.push_back({"first_inside_message", first("ab") + first("cd"), {}, {}, 1002});
  cases.push_back({"binary_inside_text", first("ab") + frame("cd", {.opcode = 2}), {}, {}, 1002});
  cases.push_back({"fragments_at_the_limit", first(text(65'000)) + last(text(536)), {text(65'536)}});
  cases.push_back({"fragments_over_the_limit", first(text(65'000)) + last(text(537)), {}, {}, 1009});
  std::string endless = first(text(1'000));
  for (int i = 0; i < 70; ++i) endless += middle(text(1'000));
  cases.push_back({"endless_fragments", endless, {}, {}, 1009});
  std::string tiny = first("");
  for (int i = 0; i < 500; ++i) tiny += middle("a");
  cases.push_back({"five_hundred_fragments", tiny + last(""), {text(0) + std::string(500, 'a')}});
}

void add_utf8(std::vector<Case>& cases) {
  const std::vector<std::pair<std::string, std::string>> good{{"hebrew", "שלום"},
                                                              {"emoji", "\xF0\x9F\x98\x80"},
                                                              {"nul", std::string("a\0b", 3)},
                                                              {"u_07ff", "\xDF\xBF"},
                                                              {"u_0800", "\xE0\xA0\x80"},
                                                              {"u_ffff", "\xEF\xBF\xBF"},
                                                              {"u_10000", "\xF0\x90\x80\x80"},
                                                              {"u_10ffff", "\xF4\x8F\xBF\xBF"},
                                                              {"u_d7ff", "\xED\x9F\xBF"}};
  for (const auto& [name, value] : good) cases.push_back({"utf8_good_" + name, frame(value), {value}});
  const std::vector<std::pair<std::string, std::string>> bad{{"lone_continuation", "\x80"},
                                                             {"lone_lead_2", "\xC3"},
                                                             {"lone_lead_3", "\xE2\x82"},
                                                             {"lone_lead_4", "\xF0\x9F\x98"},
                                                             {"overlong_2", "\xC0\xAF"},
                                                             {"overlong_3", "\xE0\x80\xAF"},
                                                             {"overlong_4", "\xF0\x80\x80\xAF"},
                                                             {"surrogate_low", "\xED\xA0\x80"},
                                                             {"surrogate_high", "\xED\xBF\xBF"},
                                                             {"above_10ffff", "\xF4\x90\x80\x80"},
                                                             {"fe", "\xFE"},
                                                             {"ff", "\xFF"},
                                                             {"five_bytes", "\xF8\x88\x80\x80\x80"},
                                                             {"in_the_middle", "abc\xE2\x28\xA1xyz"}};
  for (const auto& [name, value] : bad) cases.push_back({"utf8_bad_" + name, frame(value), {}, {}, 1007});
  cases.push_back({"utf8_bad_after_100_good", frame(text(100) + "\xFF"), {}, {}, 1007});
  cases.push_back({"utf8_split_between_fragments", first("\xD7") + last("\xA9"), {"\xD7\xA9"}});
  cases.push_back({"utf8_bad_split_between_fragments", first("\xD7") + last("x"), {}, {}, 1007});
}

void add_close(std::vector<Case>& cases) {
  cases.push_back({"close_empty", close_frame(""), {}, {}, -1});
  cases.push_back({"close_one_byte", close_frame("a"), {}, {}, 1002});
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    cases.push_back({"close_" + std::to_string(code), close_frame(close_payload(code)), {}, {}, code});
  }
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65'535}) {
    cases.push_back({"close_bad_" + std::to_string(code), close_frame(close_payload(code)), {}, {}, 1002});
  }
  cases.push_back({"close_with_reason", close_frame(close_payload(1000, "bye")), {}, {}, 1000});
  cases.push_back({"close_with_hebrew_reason", close_frame(close_payload(1000, "להתראות")), {}, {}, 1000});
  cases.push_back({"close_with_longest_reason", close_frame(close_payload(1000, text(123))), {}, {}, 1000});
  cases.push_back({"close_126", close_frame(close_payload(1000, text(124))), {}, {}, 1002});
  cases.push_back({"close_reason_bad_utf8", close_frame(close_payload(1000, "\xFF")), {}, {}, 1007});
  cases.push_back({"text_after_close", close_frame(close_payload(1000)) + frame("late"), {}, {}, 1000});
  cases.push_back({"ping_after_close", close_frame(close_payload(1000)) + ping("late"), {}, {}, 1000});
  cases.push_back({"close_twice", close_frame(close_payload(1000)) + close_frame(close_payload(1001)), {}, {}, 1000});
  cases.push_back({"handler_closes", frame("close"), {}, {}, 1000});
  cases.push_back({"handler_throws", frame("throw"), {}, {}, 1011});
  cases.push_back({"nothing_after_a_violation", frame("a", {.rsv = 1}) + frame("late") + ping("late"), {}, {}, 1002});
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  add_framing(cases);
  add_reserved(cases);
  add_control(cases);
  add_fragments(cases);
  add_utf8(cases);
  add_close(cases);
  return cases;
}

ListenSpec echo_listener(EchoHandler::Log& log) {
  ListenSpec spec;
  WsRoute route;
  route.pattern = "/echo";
  route.accept = [&log](const HttpRequest&) {
    WsDecision decision;
    decision.handler = std::make_shared<EchoHandler>(log, true);
    return decision;
  };
  spec.websockets.push_back(std::move(route));
  return spec;
}

class WsConformance : public ::testing::TestWithParam<Case> {};

TEST_P(WsConformance, AnswersAsRfc6455Says) {
  const Case& expected = GetParam();
  EchoHandler::Log log;
  const std::size_t before = test::open_descriptors();
  {
    TestServer server(echo_listener(log));
    RawClient client(server.port());
    ASSERT_TRUE(client.upgrade("/echo"));
    if (expected.split) {
      for (const char byte : expected.bytes) ASSERT_TRUE(client.send(std::string_view(&byte, 1)));
    } else {
      client.send(expected.bytes);  // may fail at the end where the server has closed already
    }
    std::vector<std::string> echoes;
    std::vector<std::string> pongs;
    while (echoes.size() < expected.echoes.size() || pongs.size() < expected.pongs.size()) {
      const std::optional<WsFrame> answer = client.read_frame();
      ASSERT_TRUE(answer) << "the connection ended early";
      ASSERT_NE(answer->opcode, 8) << "closed with " << answer->close_code();
      (answer->opcode == 10 ? pongs : echoes).push_back(answer->payload);
    }
    EXPECT_EQ(echoes, expected.echoes);
    EXPECT_EQ(pongs, expected.pongs);
    if (expected.close) {
      const std::optional<WsFrame> answer = client.read_frame();
      ASSERT_TRUE(answer) << "no close frame";
      EXPECT_EQ(answer->opcode, 8);
      EXPECT_EQ(answer->close_code(), *expected.close);
      client.shut_down_writing();
      EXPECT_TRUE(client.ended());
    } else {
      client.send(close_frame(close_payload(1000)));
      EXPECT_EQ(client.read_close_code(), 1000);
    }
    EXPECT_TRUE(log.waiter.wait([&] { return log.closed == 1; }));
    EXPECT_EQ(server.server().stats().open_websockets, 0U);
  }
  EXPECT_EQ(test::open_descriptors(), before);
}

INSTANTIATE_TEST_SUITE_P(Rfc6455, WsConformance, ::testing::ValuesIn(all_cases()),
                         [](const auto& param) { return std::string(param.param.name); });

// ---- ends that have no close frame, and limits ----------------------------------------------------------------------

class WsLife : public ::testing::Test {
 protected:
  EchoHandler::Log log_;
};

TEST_F(WsLife, APeerThatVanishesIsReportedAs1006) {
  TestServer server(echo_listener(log_));
  {
    RawClient client(server.port());
    ASSERT_TRUE(client.upgrade("/echo"));
    client.reset();
  }
  ASSERT_TRUE(log_.waiter.wait([&] { return log_.closed == 1; }));
  EXPECT_EQ(log_.closes[0].code, ws_close::kAbnormal);
  EXPECT_FALSE(log_.closes[0].by_us);
}

TEST_F(WsLife, AnEndInTheMiddleOfAFrameIsReportedAs1006) {
  TestServer server(echo_listener(log_));
  RawClient client(server.port());
  ASSERT_TRUE(client.upgrade("/echo"));
  client.send(frame(text(300)).substr(0, 100));
  client.shut_down_writing();
  ASSERT_TRUE(log_.waiter.wait([&] { return log_.closed == 1; }));
  EXPECT_EQ(log_.closes[0].code, ws_close::kAbnormal);
}

TEST_F(WsLife, FramesThatComeWithTheUpgradeAreNotLost) {
  TestServer server(echo_listener(log_));
  RawClient client(server.port());
  client.send(
      "GET /echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
      frame("early"));
  ASSERT_EQ(client.read_response().status, 101);
  const std::optional<WsFrame> answer = client.read_frame();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->payload, "early");
}

TEST_F(WsLife, WhoDoesNotAuthenticateInTimeIsClosedWith1008) {
  ListenSpec spec = echo_listener(log_);
  spec.websockets[0].authenticate_within = milliseconds{30};
  spec.websockets[0].accept = [this](const HttpRequest&) {
    WsDecision decision;
    decision.handler = std::make_shared<EchoHandler>(log_, false);
    return decision;
  };
  TestServer server(std::move(spec));
  RawClient client(server.port());
  ASSERT_TRUE(client.upgrade("/echo"));
  EXPECT_EQ(client.read_close_code(), 1008);
}

TEST_F(WsLife, ASilentPeerIsDropped) {
  ListenSpec spec = echo_listener(log_);
  spec.websockets[0].silence_timeout = milliseconds{50};
  TestServer server(std::move(spec));
  RawClient client(server.port());
  ASSERT_TRUE(client.upgrade("/echo"));
  ASSERT_TRUE(log_.waiter.wait([&] { return log_.closed == 1; }));
  EXPECT_EQ(log_.closes[0].reason, "nothing received");
}

TEST_F(WsLife, PingsArePaidBackByLife) {
  ListenSpec spec = echo_listener(log_);
  spec.websockets[0].ping_interval = milliseconds{10};
  TestServer server(std::move(spec));
  RawClient client(server.port());
  ASSERT_TRUE(client.upgrade("/echo"));
  for (int i = 0; i < 3; ++i) {
    const std::optional<WsFrame> ping_frame = client.read_frame();
    ASSERT_TRUE(ping_frame);
    EXPECT_EQ(ping_frame->opcode, 9);
    client.send(pong(ping_frame->payload));
  }
}

TEST_F(WsLife, APeerThatIgnoresOurCloseIsDroppedAfterTheLimit) {
  ListenSpec spec = echo_listener(log_);
  spec.websockets[0].close_timeout = milliseconds{30};
  TestServer server(std::move(spec));
  RawClient client(server.port());
  ASSERT_TRUE(client.upgrade("/echo"));
  client.send(frame("close"));
  EXPECT_EQ(client.read_close_code(), 1000);
  EXPECT_TRUE(client.ended());
  ASSERT_TRUE(log_.waiter.wait([&] { return log_.closed == 1; }));
  EXPECT_TRUE(log_.closes[0].by_us);
}

// A peer that sends and never reads: the queue stays within its bound, the rest is refused and counted.
TEST_F(WsLife, ASlowReaderCostsNoMoreThanTheQueue) {
  ListenSpec spec = echo_listener(log_);
  spec.websockets[0].max_queue_bytes = 64 << 10;
  TestServer server(std::move(spec));
  RawClient client(server.port());
  ASSERT_TRUE(client.upgrade("/echo"));
  const std::string message = frame(text(30'000));
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(client.send(message));
  client.send(close_frame(close_payload(1000)));
  std::size_t echoes = 0;
  int code = 0;
  while (const std::optional<WsFrame> answer = client.read_frame()) {
    if (answer->opcode == 8) code = answer->close_code();
    if (answer->opcode == 1) {
      ASSERT_EQ(answer->payload.size(), 30'000U) << "a frame was torn";
      ++echoes;
    }
  }
  EXPECT_EQ(code, 1000);
  EXPECT_LT(echoes, 600U);
  EXPECT_EQ(echoes + server.server().stats().ws_dropped_messages, 600U);
}

TEST_F(WsLife, StopClosesEverySocketWithItsCode) {
  TestServer server(echo_listener(log_), {}, 2);
  RawClient one(server.port());
  RawClient two(server.port());
  ASSERT_TRUE(one.upgrade("/echo"));
  ASSERT_TRUE(two.upgrade("/echo"));
  server.stop();
  EXPECT_EQ(one.read_close_code(), ws_close::kGoingAway);
  EXPECT_EQ(two.read_close_code(), ws_close::kGoingAway);
}

}  // namespace
}  // namespace al::net
