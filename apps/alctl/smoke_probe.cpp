#include "alctl/smoke_probe.h"

#include <condition_variable>
#include <mutex>

#include "twilio/signature.h"

namespace al::alctl {
namespace {

double ms_since(Timestamp begin) {
  return std::chrono::duration<double, std::milli>(monotonic_now() - begin).count();
}

std::string authority_of(const std::string& url) {
  const std::size_t mark = url.find("://");
  const std::size_t from = mark == std::string::npos ? 0 : mark + 3;
  return url.substr(from, url.find('/', from) - from);
}

// Waits on one thread for what happens on the loop's.
class Watcher : public net::WsClientSink {
 public:
  void on_open(const net::WsOpened& opened) override {
    const std::lock_guard lock(mutex_);
    probe_.opened = true;
    probe_.subprotocol = opened.subprotocol;
    opened_at_ = monotonic_now();
    known_ = true;
    changed_.notify_all();
  }
  void on_text(std::string_view) override {}
  void on_binary(std::span<const std::uint8_t>) override {}
  void on_closed(const net::CloseInfo& info) override {
    const std::lock_guard lock(mutex_);
    if (!info.by_us) {
      probe_.closed = info.code;
      probe_.closed_ms = ms_since(opened_at_);
    }
    changed_.notify_all();
  }
  void on_failed(const Error& error, int http_status) override {
    const std::lock_guard lock(mutex_);
    probe_.error = error.detail;
    probe_.http_status = http_status;
    known_ = true;
    changed_.notify_all();
  }
  bool wait_open(Duration limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return known_; }) && probe_.opened;
  }
  void wait_closed(Duration limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return probe_.closed.has_value(); });
  }
  SocketProbe result() {
    const std::lock_guard lock(mutex_);
    return probe_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  SocketProbe probe_;
  Timestamp opened_at_{};
  bool known_ = false;
};

}  // namespace

std::string Prober::to_connect(const std::string& url) const {
  if (target_.origin == target_.public_origin || authority_of(url) != authority_of(target_.public_origin)) return url;
  const bool secure = target_.origin.starts_with("https://");
  const std::string path = url.substr(url.find("://") + 3 + authority_of(url).size());
  return std::string(url.starts_with("ws") ? "ws" : "http") + (secure ? "s://" : "://") + authority_of(target_.origin) +
         path;
}

HttpProbe Prober::send(net::ClientRequest request) {
  request.timeouts.total = milliseconds{15'000};
  if (target_.origin != target_.public_origin) request.headers.push_back({"Host", authority_of(target_.public_origin)});
  const Timestamp begin = monotonic_now();
  auto answer = http_.fetch(std::move(request));
  HttpProbe probe;
  probe.ms = ms_since(begin);
  if (!answer) {
    probe.error = answer.error();
    return probe;
  }
  probe.status = answer->status;
  probe.content_type = std::string(net::find_header(answer->headers, "Content-Type").value_or(""));
  probe.body = std::move(answer->body);
  return probe;
}

HttpProbe Prober::get(const std::string& path) {
  net::ClientRequest request;
  request.url = target_.origin + path;
  return send(std::move(request));
}

HttpProbe Prober::post(const std::string& path, const twilio::FormParams& form, Sign sign) {
  net::ClientRequest request;
  request.method = "POST";
  request.url = target_.origin + path;
  request.body = twilio::encode_form(form);
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"},
                     {"User-Agent", "TwilioProxy/1.1"}};
  const std::string signed_url = target_.public_origin + path;
  if (sign == Sign::kRight) {
    request.headers.push_back({"X-Twilio-Signature", twilio::compute_signature(target_.auth_token, signed_url, &form)});
  } else if (sign == Sign::kWrong) {
    request.headers.push_back(
        {"X-Twilio-Signature", twilio::compute_signature("a token nobody has", signed_url, &form)});
  }
  return send(std::move(request));
}

SocketProbe Prober::open_socket(const std::string& url, const std::string& subprotocol,
                                const std::vector<std::string>& messages, Duration wait_for_close) {
  net::WsClientOptions options;
  options.url = to_connect(url);
  options.headers.push_back({"User-Agent", "Twilio.TmeWs/1.0"});
  if (!target_.auth_token.empty()) {
    options.headers.push_back({"x-twilio-signature", twilio::compute_signature(target_.auth_token, url, nullptr)});
  }
  if (!subprotocol.empty()) options.subprotocols.push_back(subprotocol);
  options.extra_ca_file = target_.ca_file;
  const auto watcher = std::make_shared<Watcher>();
  const Timestamp begin = monotonic_now();
  const auto socket = net::WebSocketClient::connect(loop_.loop(), std::move(options), watcher);
  const bool opened = watcher->wait_open(seconds{6});
  const double ms = ms_since(begin);
  if (opened) {
    for (const std::string& message : messages) socket->send_text(message);
    if (wait_for_close > Duration{0}) watcher->wait_closed(wait_for_close);
    socket->close();
  }
  SocketProbe probe = watcher->result();
  probe.ms = ms;
  if (!probe.opened && probe.error.empty()) probe.error = "no answer to the upgrade";
  return probe;
}

}  // namespace al::alctl
