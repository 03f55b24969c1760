// The daemon as strangers and Twilio see it: over its own sockets, with real signatures. ECHO mode, so that no speech
// engine is needed; providers point to a port where nobody listens.
#include "agentd/daemon.h"

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <regex>

#include <gtest/gtest.h>

#include "core/log.h"
#include "core/secret.h"
#include "net/http_client.h"
#include "net/websocket_client.h"
#include "twilio/form.h"
#include "twilio/media_message.h"
#include "twilio/signature.h"

namespace al::agentd {
namespace {

constexpr std::string_view kAuthToken = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kBase = "https://agent.example.com";
constexpr milliseconds kPatience{20'000};

// What one media socket saw. Every wait is bounded.
class Line final : public net::WsClientSink {
 public:
  void on_open(const net::WsOpened& opened) override {
    change([&] { open_ = opened; });
  }
  void on_text(std::string_view text) override {
    change([&] { texts_.emplace_back(text); });
  }
  void on_binary(std::span<const std::uint8_t>) override {}
  void on_closed(const net::CloseInfo& info) override {
    change([&] { closed_ = info; });
  }
  void on_failed(const Error& error, int status) override {
    change([&] {
      failed_ = error;
      status_ = status;
    });
  }

  bool opened() {
    return wait([&] { return open_ || failed_; }) && open_.has_value();
  }
  std::string subprotocol() { return opened() ? open_->subprotocol : "(not open)"; }
  int refused_with() {
    return wait([&] { return open_ || failed_; }) ? status_ : -1;
  }
  int close_code() {
    return wait([&] { return closed_.has_value(); }) ? closed_->code : -1;
  }
  std::string text(std::size_t index) {
    return wait([&] { return texts_.size() > index || closed_; }) && texts_.size() > index ? texts_[index] : "";
  }

 private:
  template <typename Apply>
  void change(Apply apply) {
    const std::lock_guard lock(mutex_);
    apply();
    changed_.notify_all();
  }
  template <typename Predicate>
  bool wait(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, predicate);
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<net::WsOpened> open_;
  std::vector<std::string> texts_;
  std::optional<net::CloseInfo> closed_;
  std::optional<Error> failed_;
  int status_ = 0;
};

class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "al-daemon-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    Settings settings;
    for (const auto& [key, value] :
         std::initializer_list<std::pair<std::string_view, std::string>>{{"port", "0"},
                                                                         {"admin_port", "0"},
                                                                         {"threads", "2"},
                                                                         {"state_dir", folder_},
                                                                         {"public_base_url", std::string(kBase)},
                                                                         {"twilio_auth_token", std::string(kAuthToken)},
                                                                         {"ws_mode", "echo"},
                                                                         {"vad_engine", "energy"},
                                                                         {"api_key", "the-api-key"},
                                                                         {"stt", "whisper"},
                                                                         {"llm", "scripted"},
                                                                         {"tts", "openai"},
                                                                         {"openai_api_key", "unused"},
                                                                         {"openai_tts_model", "tts-1"},
                                                                         {"whisper_model", "whisper-1"},
                                                                         {"openai_base_url", "http://127.0.0.1:1"},
                                                                         {"whisper_base_url", "http://127.0.0.1:1"}}) {
      const auto set = settings.set(key, value);
      ASSERT_TRUE(set) << to_string(set.error());
    }
    adjust(settings);
    auto made = Daemon::make(settings);
    ASSERT_TRUE(made) << to_string(made.error());
    daemon_ = std::move(*made);
  }
  void TearDown() override {
    daemon_.reset();
    std::filesystem::remove_all(folder_);
  }
  virtual void adjust(Settings&) {}

  net::ClientResponse ask(std::string_view path, std::string method = "GET", std::string body = {},
                          net::HttpHeaders headers = {}, bool admin = false) {
    net::ClientRequest request;
    request.method = std::move(method);
    request.url =
        "http://127.0.0.1:" + std::to_string(admin ? daemon_->admin_port() : daemon_->port()) + std::string(path);
    request.body = std::move(body);
    request.headers = std::move(headers);
    auto response = http_.fetch(std::move(request));
    EXPECT_TRUE(response) << to_string(response.error());
    return response.value_or(net::ClientResponse{});
  }
  static twilio::FormParams call_form(const std::string& call, std::string_view status = "ringing") {
    return {{"CallSid", call},        {"AccountSid", "AC" + std::string(32, '1')},
            {"From", "+15551230001"}, {"To", "+15551230002"},
            {"CallStatus", status},   {"Direction", "inbound"}};
  }
  net::ClientResponse post_signed(std::string_view path, const twilio::FormParams& form, bool good = true) {
    std::string signature = twilio::compute_signature(kAuthToken, std::string(kBase) + std::string(path), &form);
    if (!good) signature[3] = signature[3] == 'A' ? 'B' : 'A';
    return ask(path, "POST", twilio::encode_form(form),
               {{"Content-Type", "application/x-www-form-urlencoded"}, {"X-Twilio-Signature", signature}});
  }
  // The one-time token of the TwiML for a new call.
  std::string token_for(const std::string& call) {
    const auto answer = post_signed("/webhook/incoming_call", call_form(call));
    EXPECT_EQ(answer.status, 200);
    std::smatch match;
    return std::regex_search(answer.body, match, std::regex("name=\"token\" value=\"([^\"]+)\"")) ? match[1].str() : "";
  }
  std::unique_ptr<net::WebSocketClient> dial(const std::shared_ptr<Line>& line, std::string_view path,
                                             std::vector<std::string> subprotocols = {},
                                             net::HttpHeaders headers = {}) {
    net::WsClientOptions options;
    options.url = "ws://127.0.0.1:" + std::to_string(daemon_->port()) + std::string(path);
    options.subprotocols = std::move(subprotocols);
    options.headers = std::move(headers);
    return net::WebSocketClient::connect(loop_.loop(), options, line);
  }
  static std::string start_message(const std::string& call, const std::string& stream, const std::string& token) {
    return R"({"event":"start","sequenceNumber":"1","start":{"accountSid":"AC)" + std::string(32, '1') +
           R"(","streamSid":")" + stream + R"(","callSid":")" + call +
           R"(","tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},)" +
           R"("customParameters":{"call_sid":")" + call + R"(","token":")" + token + R"("}},"streamSid":")" + stream +
           R"("})";
  }
  static std::string media(const std::string& stream, int number, char byte) {
    return R"({"event":"media","sequenceNumber":")" + std::to_string(number + 1) +
           R"(","media":{"track":"inbound","chunk":")" + std::to_string(number) + R"(","timestamp":")" +
           std::to_string(number * 20) + R"(","payload":")" + base64_encode(std::string(160, byte)) +
           R"("},"streamSid":")" + stream + R"("})";
  }

  const std::string call_ = "CA" + std::string(32, 'a');
  const std::string stream_ = "MZ" + std::string(32, 'b');
  log::Capture quiet_{log::Level::kInfo};
  std::string folder_;
  net::HttpClient http_;
  net::LoopThread loop_{"lines"};
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(DaemonTest, ACallIsEchoedFromTheWebhookToTheSocket) {
  const std::string token = token_for(call_);
  ASSERT_FALSE(token.empty());
  const auto line = std::make_shared<Line>();
  const auto socket = dial(line, "/ws/twilio-media");
  ASSERT_TRUE(line->opened());
  socket->send_text(R"({"event":"connected","protocol":"Call","version":"1.0.0"})");
  socket->send_text(start_message(call_, stream_, token));
  for (int i = 1; i <= 20; ++i) socket->send_text(media(stream_, i, static_cast<char>(i)));
  for (int i = 1; i <= 20; ++i) {
    EXPECT_EQ(line->text(static_cast<std::size_t>(i) - 1),
              twilio::media_message(StreamSid(stream_), std::vector<std::uint8_t>(160, static_cast<std::uint8_t>(i))));
  }
  EXPECT_EQ(daemon_->streams(), 1);
  socket->close();
  EXPECT_EQ(line->close_code(), 1000);
}

TEST_F(DaemonTest, TheSocketTakesASlashAndEchoesTheSubprotocolOnlyWhereOffered) {
  const auto plain = std::make_shared<Line>();
  const auto a = dial(plain, "/ws/twilio-media/");
  EXPECT_EQ(plain->subprotocol(), "");
  const auto offering = std::make_shared<Line>();
  const auto b = dial(offering, "/ws/twilio-media", {"audio.twilio.com"});
  EXPECT_EQ(offering->subprotocol(), "audio.twilio.com");
  const auto other = std::make_shared<Line>();
  const auto c = dial(other, "/ws/twilio-media", {"chat"});
  EXPECT_EQ(other->subprotocol(), "");
  const auto page = std::make_shared<Line>();
  const auto d = dial(page, "/ws/twilio-media", {}, {{"Origin", "https://evil.example"}});
  EXPECT_EQ(page->refused_with(), 403);
  const auto forged = std::make_shared<Line>();
  const auto e = dial(forged, "/ws/twilio-media", {}, {{"X-Twilio-Signature", std::string(27, 'A') + "="}});
  EXPECT_EQ(forged->refused_with(), 403);
}

TEST_F(DaemonTest, AStreamWithoutItsTokenIsClosedWith1008) {
  const std::string token = token_for(call_);
  const std::string other = "CA" + std::string(32, 'c');
  for (const auto& [call, given] : {std::pair{call_, std::string()}, {call_, std::string("1.2.3.4")}, {other, token}}) {
    const auto line = std::make_shared<Line>();
    const auto socket = dial(line, "/ws/twilio-media");
    socket->send_text(start_message(call, stream_, given));
    EXPECT_EQ(line->close_code(), 1008);
  }
  // The right one is not used up by those attempts, but it works only once.
  const auto line = std::make_shared<Line>();
  const auto socket = dial(line, "/ws/twilio-media");
  socket->send_text(start_message(call_, stream_, token));
  socket->send_text(media(stream_, 1, 'x'));
  EXPECT_FALSE(line->text(0).empty());
  const auto second = std::make_shared<Line>();
  const auto again = dial(second, "/ws/twilio-media");
  again->send_text(start_message(call_, "MZ" + std::string(32, 'd'), token));
  EXPECT_EQ(second->close_code(), 1008);
  socket->send_text(media(stream_, 2, 'y'));
  EXPECT_FALSE(line->text(1).empty()) << "the first stream goes on unharmed";
}

TEST_F(DaemonTest, WrongOrderOnTheSocketIsClosedWith1008AndRubbishWith1007) {
  for (const auto& [message, code] : {std::pair{media(stream_, 1, 'x'), 1008},
                                      {std::string(R"({"event":"stop","streamSid":"MZ1"})"), 1008},
                                      {std::string("not json"), 1007},
                                      {std::string("{"), 1007}}) {
    const auto line = std::make_shared<Line>();
    const auto socket = dial(line, "/ws/twilio-media");
    socket->send_text(message);
    EXPECT_EQ(line->close_code(), code) << message;
  }
  const auto line = std::make_shared<Line>();
  const auto socket = dial(line, "/ws/twilio-media");
  const std::vector<std::uint8_t> binary(10, 1);
  socket->send_binary(binary);
  EXPECT_EQ(line->close_code(), 1003);
}

TEST_F(DaemonTest, APreviewIsTwimlWhoseTokenOpensNothing) {
  const auto answer = ask("/webhook/incoming_call_preview");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body.starts_with("<?xml"));
  EXPECT_NE(answer.body.find(R"(<Stream url="wss://agent.example.com/ws/twilio-media")"), std::string::npos);
  EXPECT_EQ(net::find_header(answer.headers, "Cache-Control"), "no-store");
  EXPECT_EQ(net::find_header(answer.headers, "Content-Type"), "text/xml; charset=utf-8");
  std::smatch match;
  ASSERT_TRUE(std::regex_search(answer.body, match, std::regex("name=\"token\" value=\"([^\"]+)\"")));
  const auto line = std::make_shared<Line>();
  const auto socket = dial(line, "/ws/twilio-media");
  socket->send_text(start_message("CA" + std::string(32, '0'), stream_, match[1].str()));
  EXPECT_EQ(line->close_code(), 1008);
}

TEST_F(DaemonTest, OnlySignedRequestsChangeAnything) {
  EXPECT_EQ(post_signed("/webhook/incoming_call", call_form(call_), false).status, 403);
  EXPECT_EQ(ask("/webhook/incoming_call", "POST", "", {}).status, 403);
  EXPECT_EQ(post_signed("/webhook/handle_recording", call_form(call_), false).status, 403);
  EXPECT_EQ(daemon_->streams(), 0);
  // Status routes answer everybody, and believe nobody without a signature.
  const std::string token = token_for(call_);
  const auto line = std::make_shared<Line>();
  const auto socket = dial(line, "/ws/twilio-media");
  socket->send_text(start_message(call_, stream_, token));
  socket->send_text(media(stream_, 1, 'x'));
  ASSERT_FALSE(line->text(0).empty());
  EXPECT_EQ(post_signed("/webhook/call_status", call_form(call_, "completed"), false).status, 204);
  EXPECT_EQ(ask("/webhook/stream_status", "POST").status, 204);
  EXPECT_EQ(ask("/webhook/stream_ended", "POST").status, 200);
  socket->send_text(media(stream_, 2, 'y'));
  EXPECT_FALSE(line->text(1).empty());
}

TEST_F(DaemonTest, WrongPathsMethodsTypesAndSizesGetTheirOwnAnswers) {
  EXPECT_EQ(ask("/nothing").status, 404);
  EXPECT_EQ(ask("/").status, 404);
  EXPECT_EQ(ask("/metrics").status, 404) << "metrics are for the admin listener";
  EXPECT_EQ(ask("/version", "POST").status, 405);
  EXPECT_EQ(ask("/webhook/call_status", "GET").status, 405);
  EXPECT_EQ(ask("/webhook/call_status", "POST", "<a/>", {{"Content-Type", "text/xml"}}).status, 415);
  EXPECT_EQ(ask("/webhook/call_status", "POST", std::string(70'000, 'a'),
                {{"Content-Type", "application/x-www-form-urlencoded"}})
                .status,
            413);
  EXPECT_EQ(ask("/ws/twilio-media").status, 426);
  EXPECT_EQ(ask("/static/tts/../../etc/passwd").status, 404);
  EXPECT_EQ(ask("/static/tts/..%2f..%2fetc%2fpasswd").status, 404);
  EXPECT_EQ(ask("/api/calls").status, 401);
}

TEST_F(DaemonTest, StatusRoutesSpeakAndDrainingSaysNo) {
  for (const char* path : {"/health", "/healthz", "/version", "/readyz"}) {
    EXPECT_EQ(ask(path).status, 200) << path;
    EXPECT_EQ(ask(path, "HEAD").status, 200) << path;
    EXPECT_EQ(ask(path, "GET", {}, {}, true).status, 200) << path;
  }
  daemon_->drain();
  EXPECT_EQ(ask("/readyz").status, 503);
  EXPECT_EQ(ask("/healthz").status, 200);
  EXPECT_EQ(ask("/version").status, 200);
}

TEST_F(DaemonTest, MetricsAreCountedAndWellFormed) {
  EXPECT_EQ(post_signed("/webhook/incoming_call", call_form(call_), false).status, 403);
  const auto answer = ask("/metrics", "GET", {}, {}, true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(net::find_header(answer.headers, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(answer.body.find("signatures_refused_total 1"), std::string::npos) << answer.body;
  EXPECT_EQ(answer.body.find(call_), std::string::npos) << "no call may be a label";
}

TEST_F(DaemonTest, StoppingClosesStreamsNormallySoThatTheyCanGoOnElsewhere) {
  const std::string token = token_for(call_);
  const auto line = std::make_shared<Line>();
  const auto socket = dial(line, "/ws/twilio-media");
  socket->send_text(start_message(call_, stream_, token));
  socket->send_text(media(stream_, 1, 'x'));
  ASSERT_FALSE(line->text(0).empty());
  daemon_->drain();
  EXPECT_EQ(daemon_->streams(), 1) << "a call in progress goes on";
  daemon_->stop();
  EXPECT_EQ(line->close_code(), 1000);
}

class ImpatientDaemonTest : public DaemonTest {
 protected:
  void adjust(Settings& settings) override {
    ASSERT_TRUE(settings.set("ws_start_timeout_sec", "0.5"));
    ASSERT_TRUE(settings.set("max_calls", "1"));
  }
};

TEST_F(ImpatientDaemonTest, AStrangerWhoSaysNothingIsGoneInTime) {
  const auto line = std::make_shared<Line>();
  const auto socket = dial(line, "/ws/twilio-media");
  ASSERT_TRUE(line->opened());
  EXPECT_EQ(line->close_code(), 1008);
}

TEST_F(ImpatientDaemonTest, AFullNodeApologisesAndTakesAMessage) {
  ASSERT_FALSE(token_for(call_).empty());
  EXPECT_EQ(ask("/readyz").status, 503);
  const auto answer = post_signed("/webhook/incoming_call", call_form("CA" + std::string(32, 'f')));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.find("<Stream"), std::string::npos);
  EXPECT_NE(answer.body.find("<Record"), std::string::npos);
}

}  // namespace
}  // namespace al::agentd
