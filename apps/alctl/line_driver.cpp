#include "alctl/line_driver.h"

#include <cstdlib>
#include <utility>

#include <unistd.h>

#include "audio/g711.h"
#include "audio/wav_file.h"

namespace al::alctl {
namespace {

using twilio::SimulatedCall;

// The sound of a fetched clip at 8 kHz µ-law; empty where it cannot be played.
std::vector<std::uint8_t> decode_clip(const std::string& bytes) {
  std::string path = "/tmp/alctl-clip-XXXXXX";
  const int fd = mkstemp(path.data());
  if (fd < 0) return {};
  const bool whole = write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  close(fd);
  const auto pcm = whole ? audio::read_8k(path) : fail(Errc::kInternal, "clip");
  unlink(path.c_str());
  if (!pcm) return {};
  std::vector<std::uint8_t> ulaw(pcm->size());
  audio::encode_ulaw(*pcm, ulaw);
  return ulaw;
}

// Silence for as long as a voice would take to say it: the simulated Twilio has no voice of its own.
std::vector<std::uint8_t> silence_for(const std::string& text) {
  constexpr std::size_t kBytesPerLetter = 8 * 60;
  return std::vector<std::uint8_t>(std::max<std::size_t>(text.size(), 5) * kBytesPerLetter, 0xFF);
}

}  // namespace

// Brings what happens on the socket to the driver as long as there is one.
class LineDriver::Socket : public net::WsClientSink {
 public:
  explicit Socket(LineDriver& driver) : driver_(&driver) {}
  void let_go() { driver_ = nullptr; }
  // Twilio's side has closed: what still comes is of no interest but the end.
  void expect_end() {
    closing_ = true;
    ++driver_->closing_;
  }

  void on_open(const net::WsOpened& opened) override {
    if (driver_ == nullptr) return;
    driver_->chosen_subprotocol_ = opened.subprotocol;
    tell([&](SimulatedCall& call, Timestamp now) { call.socket_opened(opened.subprotocol, now); });
  }
  void on_text(std::string_view text) override {
    tell([&](SimulatedCall& call, Timestamp now) { call.socket_text(text, now); });
  }
  void on_binary(std::span<const std::uint8_t>) override {
    tell([](SimulatedCall& call, Timestamp now) { call.socket_binary(now); });
  }
  void on_closed(const net::CloseInfo& info) override {
    if (driver_ != nullptr && closing_) {
      --driver_->closing_;
      driver_->finish_if_over();
      return;
    }
    const bool broke = info.code == net::ws_close::kAbnormal;
    tell([&](SimulatedCall& call, Timestamp now) {
      call.socket_closed(broke ? SimulatedCall::SocketEnd::kReset : SimulatedCall::SocketEnd::kClosed, info.code, now);
    });
  }
  void on_failed(const Error& error, int http_status) override {
    tell([&](SimulatedCall& call, Timestamp now) { call.socket_refused(http_status, to_string(error), now); });
  }

 private:
  template <typename Report>
  void tell(const Report& report) {
    if (driver_ == nullptr || closing_) return;
    const Timestamp now = monotonic_now();
    report(driver_->call_, now);
    driver_->pump(now);
  }
  LineDriver* driver_;
  bool closing_ = false;
};

LineDriver::LineDriver(net::Loop& loop, net::HttpClient& http, twilio::SimulatedCallOptions call,
                       LineDriverOptions options, LineEvents events)
    : loop_(loop),
      http_(http),
      call_(std::move(call)),
      options_(std::move(options)),
      events_(std::move(events)),
      timer_(loop, [this](Timestamp now) { on_timer(now); }) {}

LineDriver::~LineDriver() {
  *alive_ = false;
  for (const auto& sink : sinks_) sink->let_go();
}

void LineDriver::dial() {
  const Timestamp now = monotonic_now();
  call_.dial(now);
  pump(now);
}

void LineDriver::hang_up() {
  const Timestamp now = monotonic_now();
  call_.hang_up(now);
  pump(now);
}

void LineDriver::press(char digit) {
  const Timestamp now = monotonic_now();
  call_.press(digit, now);
  pump(now);
}

void LineDriver::on_timer(Timestamp now) {
  call_.advance(now);
  pump(now);
  if (call_.frames() != last_frames_ && !call_.ended()) {
    last_frames_ = call_.frames();
    if (events_.on_step) events_.on_step(now);
    pump(now);
  }
  finish_if_over();
}

void LineDriver::pump(Timestamp now) {
  while (auto action = call_.poll()) {
    std::visit([&](auto& one) { act(one, now); }, *action);
  }
  if (const auto next = call_.deadline()) {
    timer_.arm(*next);
  } else if (ended_) {
    timer_.arm(now + milliseconds{20});
  }
}

void LineDriver::finish_if_over() {
  const bool busy = open_requests_ > 0 || closing_ > 0;
  if (!ended_ || (busy && monotonic_now() < give_up_)) return;
  timer_.cancel();
  const twilio::sim::Ended ended = *std::exchange(ended_, std::nullopt);
  if (events_.on_ended) events_.on_ended(ended);
}

std::string LineDriver::to_connect(const std::string& url) const {
  if (options_.public_url.empty() || options_.connect_url.empty()) return url;
  const auto authority = [](const std::string& text) {
    const std::size_t mark = text.find("://");
    const std::size_t from = mark == std::string::npos ? 0 : mark + 3;
    return text.substr(from, text.find('/', from) - from);
  };
  if (authority(url) != authority(options_.public_url)) return url;
  const std::string path = url.substr(std::min(url.size(), url.find("://") + 3 + authority(url).size()));
  const bool secure = options_.connect_url.starts_with("https://");
  const bool socket = url.starts_with("ws");
  return std::string(socket ? "ws" : "http") + (secure ? "s://" : "://") + authority(options_.connect_url) + path;
}

void LineDriver::act(twilio::sim::HttpRequest& request, Timestamp now) {
  net::ClientRequest out;
  out.method = request.method;
  out.url = to_connect(request.url);
  out.headers.push_back({"User-Agent", "TwilioProxy/1.1"});
  if (out.url != request.url)
    out.headers.push_back({"Host", options_.public_url.substr(options_.public_url.find("://") + 3)});
  if (!request.signature.empty()) out.headers.push_back({"X-Twilio-Signature", request.signature});
  if (request.method == "POST") {
    out.headers.push_back({"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"});
    out.body = twilio::encode_form(request.form);
  }
  out.timeouts.total = milliseconds{15'000};
  ++open_requests_;
  // The client may outlive this driver: only the loop, and `alive` on it, may be touched before looking.
  const auto done = [this, &loop = loop_, alive = alive_, id = request.id, purpose = request.purpose, url = request.url,
                     sent = now](Result<net::ClientResponse> result) {
    // On the client's thread: hand it to the loop.
    loop.post([this, alive, id, purpose, url, sent, result = std::move(result)] {
      if (!*alive) return;
      --open_requests_;
      const Timestamp at = monotonic_now();
      const double ms = std::chrono::duration<double, std::milli>(at - sent).count();
      requests_.push_back({purpose, url, result ? result->status : 0, ms});
      if (result) {
        const auto type = net::find_header(result->headers, "Content-Type");
        call_.http_response(id, {result->status, std::string(type.value_or("")), result->body}, at);
      } else {
        call_.http_failed(id, result.error(), at);
      }
      pump(at);
      finish_if_over();
    });
  };
  http_.start_detached(std::move(out), done);
}

void LineDriver::act(twilio::sim::FetchClip& clip, Timestamp now) {
  if (clip.url.empty()) {
    call_.clip_ready(clip.id, silence_for(clip.text), now);
    return;
  }
  net::ClientRequest request;
  request.url = to_connect(clip.url);
  ++open_requests_;
  http_.start_detached(std::move(request),
                       [this, &loop = loop_, alive = alive_, id = clip.id](Result<net::ClientResponse> result) {
                         std::vector<std::uint8_t> sound;
                         if (result && result->status == 200) sound = decode_clip(result->body);
                         loop.post([this, alive, id, sound = std::move(sound)] {
                           if (!*alive) return;
                           --open_requests_;
                           const Timestamp at = monotonic_now();
                           call_.clip_ready(id, sound, at);
                           pump(at);
                         });
                       });
}

void LineDriver::act(twilio::sim::OpenSocket& open, Timestamp) {
  if (!sinks_.empty() && socket_) sinks_.back()->let_go();
  if (socket_) old_sockets_.push_back(std::move(socket_));
  sinks_.push_back(std::make_shared<Socket>(*this));
  net::WsClientOptions options;
  options.url = to_connect(open.url);
  options.headers.push_back({"User-Agent", "Twilio.TmeWs/1.0"});
  if (!open.signature.empty()) options.headers.push_back({"x-twilio-signature", open.signature});
  if (options.url != open.url) {
    options.headers.push_back({"Host", options_.public_url.substr(options_.public_url.find("://") + 3)});
  }
  if (!open.subprotocol.empty()) options.subprotocols.push_back(open.subprotocol);
  options.extra_ca_file = options_.extra_ca_file;
  socket_ = net::WebSocketClient::connect(loop_, std::move(options), sinks_.back());
}

void LineDriver::act(twilio::sim::SendText& text, Timestamp) {
  if (socket_) socket_->send_text(text.text);
}

void LineDriver::act(twilio::sim::CloseSocket& close, Timestamp) {
  if (!socket_) return;
  sinks_.back()->expect_end();
  socket_->close(close.code);
  old_sockets_.push_back(std::move(socket_));
}

void LineDriver::act(twilio::sim::Note& note, Timestamp) {
  if (events_.on_note) events_.on_note(note);
}

void LineDriver::act(twilio::sim::Ended& ended, Timestamp now) {
  ended_ = ended;
  give_up_ = now + options_.after_end;
}

}  // namespace al::alctl
