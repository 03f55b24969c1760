#include "net/websocket_client.h"

#include <gtest/gtest.h>

#include "net/net_test_support.h"

namespace al::net {
namespace {

using test::EchoHandler;
using test::TestCertificate;
using test::TestServer;
using test::Waiter;

// Remembers what came.
class RecordingSink final : public WsClientSink {
 public:
  void on_open(const WsOpened& opened) override {
    waiter.change([&] { open = opened; });
  }
  void on_text(std::string_view text) override {
    waiter.change([&] { texts.emplace_back(text); });
  }
  void on_binary(std::span<const std::uint8_t>) override {}
  void on_closed(const CloseInfo& info) override {
    waiter.change([&] { closed = info; });
  }
  void on_failed(const Error& error, int status) override {
    waiter.change([&] {
      failed = error;
      http_status = status;
    });
  }
  Waiter waiter;
  std::optional<WsOpened> open;
  std::vector<std::string> texts;
  std::optional<CloseInfo> closed;
  std::optional<Error> failed;
  int http_status = 0;
};

class WebSocketClientTest : public ::testing::Test {
 protected:
  ListenSpec listener() {
    ListenSpec spec;
    WsRoute echo;
    echo.pattern = "/echo";
    echo.max_message = 200'000;
    echo.accept = [this](const HttpRequest& request) {
      WsDecision decision;
      decision.handler = std::make_shared<EchoHandler>(log_, true);
      const bool offered = header_has_token(request.headers, "Sec-WebSocket-Protocol", "audio.twilio.com");
      if (offered) decision.subprotocol = "audio.twilio.com";
      return decision;
    };
    WsRoute forbidden;
    forbidden.pattern = "/forbidden";
    forbidden.accept = [](const HttpRequest&) {
      WsDecision decision;
      decision.refuse = HttpResponse::text(403, "no");
      return decision;
    };
    spec.websockets.push_back(std::move(echo));
    spec.websockets.push_back(std::move(forbidden));
    return spec;
  }
  WsClientOptions options(std::uint16_t port, std::string_view path = "/echo") const {
    WsClientOptions result;
    result.url = "ws://127.0.0.1:" + std::to_string(port) + std::string(path);
    return result;
  }

  EchoHandler::Log log_;
  LoopThread thread_{"client"};
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
};

TEST_F(WebSocketClientTest, SendsBeforeAndAfterItIsOpenInOrder) {
  TestServer server(listener());
  const auto client = WebSocketClient::connect(thread_.loop(), options(server.port()), sink_);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client->send_text(std::to_string(i)), SendResult::kQueued);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->texts.size() == 100; }));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(sink_->texts[static_cast<std::size_t>(i)], std::to_string(i));
  const std::string big(150'000, 'x');
  client->send_text(big);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->texts.size() == 101; }));
  EXPECT_EQ(sink_->texts.back(), big);
  client->close();
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->closed.has_value(); }));
  EXPECT_EQ(sink_->closed->code, ws_close::kNormal);
  EXPECT_TRUE(sink_->closed->by_us);
  ASSERT_TRUE(log_.waiter.wait([&] { return log_.closed == 1; }));
  EXPECT_EQ(log_.closes[0].code, ws_close::kNormal);
  EXPECT_EQ(client->send_text("late"), SendResult::kClosed);
}

TEST_F(WebSocketClientTest, GetsTheSubprotocolOnlyWhereItOffersOne) {
  TestServer server(listener());
  const auto plain = WebSocketClient::connect(thread_.loop(), options(server.port()), sink_);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->open.has_value(); }));
  EXPECT_EQ(sink_->open->subprotocol, "");
  auto offering = options(server.port());
  offering.subprotocols = {"other", "audio.twilio.com"};
  const auto sink = std::make_shared<RecordingSink>();
  const auto client = WebSocketClient::connect(thread_.loop(), offering, sink);
  ASSERT_TRUE(sink->waiter.wait([&] { return sink->open.has_value(); }));
  EXPECT_EQ(sink->open->subprotocol, "audio.twilio.com");
}

TEST_F(WebSocketClientTest, ReportsTheStatusOfARefusedUpgrade) {
  TestServer server(listener());
  const auto client = WebSocketClient::connect(thread_.loop(), options(server.port(), "/forbidden"), sink_);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->failed.has_value(); }));
  EXPECT_EQ(sink_->http_status, 403);
  EXPECT_EQ(sink_->failed->code, Errc::kRejected);
}

TEST_F(WebSocketClientTest, ReportsWhatCannotBeReached) {
  std::uint16_t port = 0;
  {
    TestServer gone(listener());
    port = gone.port();
  }
  const auto client = WebSocketClient::connect(thread_.loop(), options(port), sink_);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->failed.has_value(); }));
  EXPECT_EQ(sink_->failed->code, Errc::kClosed);
  const auto sink = std::make_shared<RecordingSink>();
  WsClientOptions bad;
  bad.url = "http://127.0.0.1/";
  const auto other = WebSocketClient::connect(thread_.loop(), bad, sink);
  ASSERT_TRUE(sink->waiter.wait([&] { return sink->failed.has_value(); }));
  EXPECT_EQ(sink->failed->code, Errc::kMalformed);
}

TEST_F(WebSocketClientTest, TheQueueIsBounded) {
  TestServer server(listener());
  auto small = options(server.port());
  small.max_queue_bytes = 1'000;
  const auto client = WebSocketClient::connect(thread_.loop(), small, sink_);
  EXPECT_EQ(client->send_text(std::string(1'001, 'x')), SendResult::kFull);
  EXPECT_EQ(client->send_text(std::string(1'000, 'x')), SendResult::kQueued);
  EXPECT_EQ(client->stats().dropped_full, 1U);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->texts.size() == 1; }));
}

TEST_F(WebSocketClientTest, AMessageBeyondTheBoundEndsTheConnection) {
  TestServer server(listener());
  auto small = options(server.port());
  small.max_message = 1'000;
  const auto client = WebSocketClient::connect(thread_.loop(), small, sink_);
  client->send_text(std::string(1'001, 'x'));
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->closed.has_value(); }));
  EXPECT_EQ(sink_->closed->code, ws_close::kMessageTooBig);
  ASSERT_TRUE(log_.waiter.wait([&] { return log_.closed == 1; }));
  EXPECT_EQ(log_.closes[0].code, ws_close::kMessageTooBig);
}

TEST_F(WebSocketClientTest, AnAbortIsSeenAsALostConnection) {
  TestServer server(listener());
  const auto client = WebSocketClient::connect(thread_.loop(), options(server.port()), sink_);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->open.has_value(); }));
  client->abort();
  ASSERT_TRUE(log_.waiter.wait([&] { return log_.closed == 1; }));
  EXPECT_EQ(log_.closes[0].code, ws_close::kAbnormal);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->closed.has_value(); }));
}

TEST_F(WebSocketClientTest, TheServersCloseIsReportedWithItsReason) {
  TestServer server(listener());
  const auto client = WebSocketClient::connect(thread_.loop(), options(server.port()), sink_);
  client->send_text("close");
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->closed.has_value(); }));
  EXPECT_EQ(sink_->closed->code, ws_close::kNormal);
  EXPECT_EQ(sink_->closed->reason, "asked for");
  EXPECT_FALSE(sink_->closed->by_us);
}

TEST_F(WebSocketClientTest, ASilentServerIsGivenUp) {
  TestServer server(listener());
  auto impatient = options(server.port());
  impatient.idle_timeout = milliseconds{40};
  const auto client = WebSocketClient::connect(thread_.loop(), impatient, sink_);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->closed.has_value(); }));
  EXPECT_EQ(sink_->closed->reason, "nothing received");
}

TEST_F(WebSocketClientTest, PingsKeepASilentConnectionAlive) {
  TestServer server(listener());
  auto pinging = options(server.port());
  pinging.idle_timeout = milliseconds{400};
  pinging.ping_interval = milliseconds{20};
  const auto client = WebSocketClient::connect(thread_.loop(), pinging, sink_);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->open.has_value(); }));
  Waiter waiter;
  bool later = false;
  Timer timer(thread_.loop(), [&](Timestamp) { waiter.change([&] { later = true; }); });
  thread_.loop().post([&] { timer.arm_after(milliseconds{900}); });
  ASSERT_TRUE(waiter.wait([&] { return later; }));
  EXPECT_FALSE(sink_->closed.has_value());
}

TEST_F(WebSocketClientTest, ADestroyedClientIsSilent) {
  TestServer server(listener());
  for (int i = 0; i < 20; ++i) {
    auto client = WebSocketClient::connect(thread_.loop(), options(server.port()), sink_);
    client->send_text("x");
    client.reset();
  }
  // Whatever was on its way has passed when a later connection is open.
  const auto sink = std::make_shared<RecordingSink>();
  const auto client = WebSocketClient::connect(thread_.loop(), options(server.port()), sink);
  ASSERT_TRUE(sink->waiter.wait([&] { return sink->open.has_value(); }));
  EXPECT_FALSE(sink_->closed.has_value());
  EXPECT_FALSE(sink_->failed.has_value());
}

TEST_F(WebSocketClientTest, SpeaksTlsAndVerifiesTheCertificate) {
  const TestCertificate certificate;
  ListenSpec spec = listener();
  spec.tls = TlsFiles{certificate.certificate(), certificate.key()};
  TestServer server(std::move(spec));
  WsClientOptions secure;
  secure.url = "wss://127.0.0.1:" + std::to_string(server.port()) + "/echo";
  const auto stranger = WebSocketClient::connect(thread_.loop(), secure, sink_);
  ASSERT_TRUE(sink_->waiter.wait([&] { return sink_->failed.has_value(); }));
  EXPECT_EQ(sink_->failed->code, Errc::kRejected) << sink_->failed->detail;

  secure.extra_ca_file = certificate.certificate();
  const auto sink = std::make_shared<RecordingSink>();
  const auto client = WebSocketClient::connect(thread_.loop(), secure, sink);
  for (int i = 0; i < 50; ++i) client->send_text(std::string(1'000, 'x'));
  client->send_text(std::string(150'000, 'y'));
  ASSERT_TRUE(sink->waiter.wait([&] { return sink->texts.size() == 51; }));
  EXPECT_EQ(sink->texts.back(), std::string(150'000, 'y'));
  client->close(4'000, "done");
  ASSERT_TRUE(log_.waiter.wait([&] { return log_.closed == 1; }));
  EXPECT_EQ(log_.closes[0].code, 4'000);
  EXPECT_EQ(log_.closes[0].reason, "done");
}

}  // namespace
}  // namespace al::net
