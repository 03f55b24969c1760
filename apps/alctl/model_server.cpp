#include "alctl/model_server.h"

#include <array>
#include <deque>
#include <future>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alctl/caller_script.h"
#include "core/text.h"
#include "twilio/media_message.h"
#include "twilio/signature.h"
#include "twilio/twiml.h"

namespace al::alctl::test {
namespace {

using twilio::kFrameBytes;

constexpr std::string_view kStreamToken = "model-token";

std::array<std::uint8_t, kFrameBytes> tone_frame() {
  std::array<std::uint8_t, kFrameBytes> frame{};
  for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = i / 8 % 2 == 0 ? 0x9A : 0x1A;
  return frame;
}

}  // namespace

// One call's agent: speaks tones, listens for pauses.
class ModelServer::Agent : public net::WsHandler {
 public:
  explicit Agent(ModelServer& server) : server_(server) {}

  void on_open(net::WsConnection& connection, Timestamp) override {
    connection_ = &connection;
    timer_ = std::make_unique<net::Timer>(connection.loop(), [this](Timestamp) { on_tick(); });
  }
  void on_text(std::string_view text, Timestamp) override {
    auto message = twilio::parse_media_message(text);
    if (!message) return connection_->close(1007, "not JSON");
    if (auto* start = std::get_if<twilio::msg::Start>(&*message)) on_start(*start);
    if (auto* media = std::get_if<twilio::msg::Media>(&*message)) on_media(*media);
    if (std::holds_alternative<twilio::msg::Mark>(*message)) ++server_.marks_;
    if (auto* dtmf = std::get_if<twilio::msg::Dtmf>(&*message)) {
      const std::lock_guard lock(server_.mutex_);
      server_.digits_ += dtmf->digit;
    }
  }
  void on_closed(const net::CloseInfo&, Timestamp) override {
    timer_.reset();
    connection_ = nullptr;
  }

 private:
  void on_start(const twilio::msg::Start& start) {
    stream_ = start.stream_sid;
    const auto token = start.parameters.find("token");
    if (token == start.parameters.end() || token->second != kStreamToken) {
      if (!server_.has(Fault::kStrangersStay)) return connection_->close(1008, "token");
    }
    connection_->mark_authenticated();
    if (server_.has(Fault::kSilentAgent)) return;
    speak(60, server_.has(Fault::kLateAgent) ? seconds{3} : milliseconds{300});
  }
  void on_media(const twilio::msg::Media& media) {
    if (server_.has(Fault::kSilentAgent)) return;
    const auto bytes = media.audio.bytes();
    if (is_audible(bytes.data(), bytes.size())) {
      ++voiced_;
      quiet_ = 0;
      if (left_ > 0 && voiced_ >= 4) {  // 80 ms of the caller: yield
        left_ = 0;
        timer_->cancel();
        connection_->send_text(twilio::clear_message(stream_));
        ++server_.clears_;
      }
      return;
    }
    if (voiced_ >= 10 && ++quiet_ == 15) {  // 300 ms after at least 200 ms of voice: answer
      voiced_ = 0;
      speak(40, milliseconds{0});
    }
  }
  void speak(int frames, Duration delay) {
    left_ = frames;
    due_ = monotonic_now() + delay;
    timer_->arm(due_);
  }
  void on_tick() {
    if (left_ <= 0 || connection_ == nullptr) return;
    const auto frame = tone_frame();
    connection_->send_text(twilio::media_message(stream_, frame));
    if (server_.has(Fault::kClosesWithError) && left_ == 50) return connection_->close(1011, "broken");
    if (--left_ == 0) {
      connection_->send_text(twilio::mark_message(stream_, "m" + std::to_string(++mark_)));
      return;
    }
    due_ += milliseconds{20};
    if (server_.has(Fault::kStutters) && left_ == 30) due_ += milliseconds{100};
    timer_->arm(due_);
  }

  ModelServer& server_;
  net::WsConnection* connection_ = nullptr;
  std::unique_ptr<net::Timer> timer_;
  StreamSid stream_;
  Timestamp due_{};
  int left_ = 0;
  int mark_ = 0;
  int voiced_ = 0;
  int quiet_ = 0;
};

ModelServer::ModelServer(std::set<Fault> faults) : faults_(std::move(faults)), server_({&thread_.loop()}) {
  auto listening = server_.listen(routes());
  if (!listening) throw std::runtime_error(to_string(listening.error()));
  port_ = server_.port_of("public");
}

ModelServer::~ModelServer() {
  std::promise<void> gone;
  server_.stop(1001, milliseconds{200}, [&] { gone.set_value(); });
  gone.get_future().wait_for(std::chrono::seconds{5});
  thread_.stop_and_join();  // the timers go without their loop turning
}

std::string ModelServer::digits() const {
  const std::lock_guard lock(mutex_);
  return digits_;
}

std::string ModelServer::twiml() const {
  const std::string host = (has(Fault::kOtherHost) ? "10.9.8.7:" : "127.0.0.1:") + std::to_string(port_);
  twilio::StreamTwiml stream;
  stream.stream_url = std::string(has(Fault::kHttpAction) ? "wss://" : "ws://") + host + "/ws/twilio-media";
  if (has(Fault::kQueryInStream)) stream.stream_url += "?token=1";
  stream.status_callback = "http://" + host + "/webhook/stream_status";
  stream.connect_action = "http://" + host + "/webhook/stream_ended";
  stream.parameters = {{"token", std::string(kStreamToken)}};
  if (has(Fault::kPlayFirst)) stream.play_first = "http://" + host + "/static/tts/greeting.wav";
  return (has(Fault::kByteOrderMark) ? "\xEF\xBB\xBF" : "") + twilio::connect_stream_twiml(stream);
}

bool ModelServer::is_signed(const net::HttpRequest& request) const {
  if (has(Fault::kRefusesRightSignature)) return false;
  const std::string_view header = request.header("X-Twilio-Signature").value_or("");
  if (has(Fault::kAcceptsUnsigned) && header.empty()) return true;
  if (has(Fault::kAcceptsWrongSignature) && !header.empty()) return true;
  const auto form = twilio::parse_form(request.body);
  if (!form) return false;
  twilio::SignedRequest check;
  const std::string url = this->url() + request.target;
  check.url = url;
  check.form = &*form;
  const std::vector<std::string> tokens{kToken};
  return twilio::verify_signature(check, header, tokens).ok;
}

net::WsDecision ModelServer::accept(const net::HttpRequest& request) {
  net::WsDecision decision;
  if (has(Fault::kNoSlash) && request.path().ends_with('/')) {
    decision.refuse = net::HttpResponse::text(404, "not found");
    return decision;
  }
  if (!has(Fault::kNoSubprotocolEcho) &&
      net::header_has_token(request.headers, "Sec-WebSocket-Protocol", "audio.twilio.com")) {
    decision.subprotocol = "audio.twilio.com";
  }
  decision.handler = std::make_shared<Agent>(*this);
  return decision;
}

net::ListenSpec ModelServer::routes() {
  const auto xml = [this](std::string body) {
    net::HttpResponse response;
    response.content_type = has(Fault::kWrongContentType) ? "application/json" : std::string(twilio::kTwimlContentType);
    response.body = std::move(body);
    return response;
  };
  net::ListenSpec spec;
  const auto route = [&](std::string method, std::string pattern,
                         std::function<net::HttpResponse(const net::HttpRequest&)> handler) {
    spec.routes.push_back({{std::move(method)}, std::move(pattern), net::at_once(std::move(handler))});
  };
  const auto nothing = [](const net::HttpRequest&) { return net::HttpResponse::empty(204); };
  if (!has(Fault::kNoVersion)) {
    route("GET", "/version", [](const net::HttpRequest&) { return net::HttpResponse::text(200, "model 1"); });
  }
  route("GET", "/readyz", [this](const net::HttpRequest&) {
    return net::HttpResponse::text(has(Fault::kDraining) ? 503 : 200, "ready");
  });
  route("GET", "/webhook/incoming_call_preview", [this, xml](const net::HttpRequest&) { return xml(twiml()); });
  route("POST", "/webhook/incoming_call", [this, xml](const net::HttpRequest& request) {
    return is_signed(request) ? xml(twiml()) : net::HttpResponse::text(403, "forbidden");
  });
  route("POST", "/webhook/handle_recording", [this, xml](const net::HttpRequest& request) {
    return is_signed(request) ? xml(twilio::hangup_twiml()) : net::HttpResponse::text(403, "forbidden");
  });
  route("POST", "/webhook/stream_ended", [xml](const net::HttpRequest&) { return xml(twilio::hangup_twiml()); });
  route("POST", "/webhook/call_status", [this, nothing](const net::HttpRequest& request) {
    return has(Fault::kStatusError) ? net::HttpResponse::text(500, "oops") : nothing(request);
  });
  net::HttpHandler stream_status = net::at_once(nothing);
  if (has(Fault::kSlowStatus)) {
    stream_status = [this](const net::HttpRequestPtr&, net::Responder respond) {
      slow_answers_.push_back(std::make_unique<net::Timer>(
          thread_.loop(), [respond](Timestamp) { respond(net::HttpResponse::empty(204)); }));
      slow_answers_.back()->arm_after(milliseconds{300});
    };
  }
  spec.routes.push_back({{"POST"}, "/webhook/stream_status", stream_status});
  net::WsRoute socket;
  socket.pattern = "/ws/twilio-media";
  socket.accept = [this](const net::HttpRequest& request) { return accept(request); };
  if (has(Fault::kStrangersStay)) socket.authenticate_within = milliseconds{60'000};
  spec.websockets.push_back(std::move(socket));
  return spec;
}

// ---- the proxy -----------------------------------------------------------------------------------------------------

namespace {

int connect_to(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

InjectingProxy::InjectingProxy(std::uint16_t to_port, std::string header)
    : to_port_(to_port), header_(std::move(header)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

InjectingProxy::~InjectingProxy() {
  over_ = true;
  thread_.join();
  close(listener_);
}

void InjectingProxy::serve() {
  std::vector<std::thread> connections;
  while (!over_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, 50) <= 0) continue;
    const int client = accept(listener_, nullptr, nullptr);
    if (client >= 0) connections.emplace_back([this, client] { forward(client); });
  }
  for (std::thread& connection : connections) connection.join();
}

void InjectingProxy::forward(int client) {
  const int server = connect_to(to_port_);
  std::array<char, 16384> buffer{};
  while (!over_ && server >= 0) {
    std::array<pollfd, 2> both{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
    if (poll(both.data(), both.size(), 50) <= 0) continue;
    bool open = true;
    for (int side = 0; side < 2 && open; ++side) {
      if (both[static_cast<std::size_t>(side)].revents == 0) continue;
      const ssize_t count = recv(side == 0 ? client : server, buffer.data(), buffer.size(), 0);
      std::string bytes(buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
      if (side == 1 && bytes.starts_with("HTTP/1.1 101")) bytes.insert(bytes.find("\r\n") + 2, header_ + "\r\n");
      open = count > 0 && write_all(side == 0 ? server : client, bytes);
    }
    if (!open) break;
  }
  if (server >= 0) close(server);
  close(client);
}

}  // namespace al::alctl::test
