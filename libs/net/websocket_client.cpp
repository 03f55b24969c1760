#include "net/websocket_client.h"

#include <algorithm>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "net/loop_impl.h"
#include "net/websocket_client_impl.h"

namespace al::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using PlainStream = Tcp::socket;
using SecureStream = asio::ssl::stream<Tcp::socket>;

std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

Errc code_of(const error_code& error) {
  const bool certificate = error.category() == asio::error::get_ssl_category();
  return certificate ? Errc::kRejected : Errc::kClosed;
}

}  // namespace

template <typename Stream>
class WsClientStream final : public WebSocketClient::Impl {
 public:
  WsClientStream(Loop& loop, WsClientOptions options, std::shared_ptr<WsClientSink> sink, Url url)
      : Impl(loop, std::move(options), std::move(sink)), url_(std::move(url)), resolver_(loop.impl().io) {}

  void start() override {
    if (!make_stream()) return;
    arm_connect_timer();
    resolver_.async_resolve(url_.host, url_.port, [self = self()](const error_code& error, auto endpoints) {
      if (error) return self->fail_with("name look-up", error);
      asio::async_connect(self->socket(), endpoints,
                          [self](const error_code& failed, const Tcp::endpoint&) { self->connected(failed); });
    });
  }

 private:
  static constexpr bool kSecure = std::is_same_v<Stream, SecureStream>;

  std::shared_ptr<WsClientStream> self() { return std::static_pointer_cast<WsClientStream>(shared_from_this()); }
  Tcp::socket& socket() {
    if constexpr (kSecure) {
      return ws_->next_layer().next_layer();
    } else {
      return ws_->next_layer();
    }
  }

  bool make_stream() {
    if constexpr (kSecure) {
      tls_.emplace(asio::ssl::context::tls_client);
      error_code error;
      SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
      tls_->set_default_verify_paths(error);
      if (!options_.extra_ca_file.empty()) tls_->load_verify_file(options_.extra_ca_file, error);
      if (error) {
        failed({Errc::kMalformed, "certificate authorities " + options_.extra_ca_file + ": " + error.message()}, 0);
        return false;
      }
      ws_.emplace(loop_.impl().io, *tls_);
      ws_->next_layer().set_verify_mode(asio::ssl::verify_peer);
      ws_->next_layer().set_verify_callback(asio::ssl::host_name_verification(url_.host));
      // SSL_set_tlsext_host_name() without the C cast in its macro.
      SSL_ctrl(ws_->next_layer().native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               url_.host.data());
    } else {
      ws_.emplace(loop_.impl().io);
    }
    return true;
  }

  void connected(const error_code& error) {
    if (state_ == State::kDone) return;
    if (error) return fail_with("connect", error);
    error_code ignored;
    socket().set_option(Tcp::no_delay(true), ignored);
    if constexpr (kSecure) {
      ws_->next_layer().async_handshake(asio::ssl::stream_base::client, [self = self()](const error_code& failed_with) {
        if (self->state_ == State::kDone) return;
        if (failed_with) return self->fail_with("TLS", failed_with);
        self->upgrade();
      });
    } else {
      upgrade();
    }
  }

  void upgrade() {
    // Timeouts are ours: Beast would keep a timer of its own for each read.
    ws_->set_option(
        websocket::stream_base::timeout{websocket::stream_base::none(), websocket::stream_base::none(), false});
    ws_->read_message_max(options_.max_message);
    ws_->auto_fragment(false);
    ws_->set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      for (const HttpHeader& header : options_.headers) request.set(header.name, header.value);
      if (!options_.subprotocols.empty())
        request.set(beast::http::field::sec_websocket_protocol, join(options_.subprotocols));
    }));
    ws_->control_callback([this](websocket::frame_type, beast::string_view) { alive(); });
    ws_->async_handshake(response_, url_.authority(), url_.target,
                         [self = self()](const error_code& error) { self->upgraded(error); });
  }

  void upgraded(const error_code& error) {
    if (state_ == State::kDone) return;
    if (error == websocket::error::upgrade_declined) {
      const int status = static_cast<int>(response_.result_int());
      return failed({Errc::kRejected, place() + " answers " + std::to_string(status) + " to the upgrade"}, status);
    }
    if (error) return fail_with("upgrade", error);
    WsOpened info;
    for (const auto& field : response_)
      info.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    info.subprotocol = std::string(find_header(info.headers, "Sec-WebSocket-Protocol").value_or(""));
    const auto& offered = options_.subprotocols;
    if (!info.subprotocol.empty() && std::find(offered.begin(), offered.end(), info.subprotocol) == offered.end()) {
      // RFC 6455 4.1: the connection must be failed.
      return failed(
          {Errc::kRejected, place() + " chose the subprotocol '" + info.subprotocol + "', which was not offered"},
          static_cast<int>(response_.result_int()));
    }
    opened(std::move(info));
    read();
  }

  void read() {
    if (state_ == State::kDone) return;
    ws_->async_read(buffer_, [self = self()](const error_code& error, std::size_t) {
      if (self->state_ == State::kDone) return;
      if (error) return self->read_failed(error);
      const auto data = self->buffer_.cdata();
      self->received({static_cast<const char*>(data.data()), data.size()}, self->ws_->got_text());
      self->buffer_.clear();
      self->read();
    });
  }

  void read_failed(const error_code& error) {
    if (error == websocket::error::closed) {
      const auto& reason = ws_->reason();
      return closed(CloseInfo{reason.code, closing_by_us_, std::string(reason.reason.data(), reason.reason.size())});
    }
    if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow)
      return closed(CloseInfo{ws_close::kMessageTooBig, true, "message too big"});
    if (error.category() == make_error_code(websocket::error::closed).category())
      return closed(CloseInfo{ws_close::kProtocolError, true, error.message()});
    closed(CloseInfo{ws_close::kAbnormal, false, error.message()});
  }

  void write_front() override {
    ws_->text(queue_.front().text);
    ws_->async_write(asio::buffer(queue_.front().data), [self = self()](const error_code& error, std::size_t) {
      if (self->state_ == State::kDone) return;
      if (!error) return self->written();
      // A close frame that came meanwhile ends writes too; the read says why.
      if (error != asio::error::operation_aborted && error != websocket::error::closed)
        self->closed(CloseInfo{ws_close::kAbnormal, false, error.message()});
    });
  }

  void send_close(std::uint16_t code, const std::string& reason) override {
    websocket::close_reason why(static_cast<websocket::close_code>(code));
    why.reason = reason.substr(0, 123);
    ws_->async_close(why, [self = self(), code](const error_code& error) {
      // Without an error the peer's close frame has come; the pending read may report it first.
      if (self->state_ == State::kDone) return;
      if (error) return self->closed(CloseInfo{ws_close::kAbnormal, true, error.message()});
      const auto& theirs = self->ws_->reason();
      self->closed(
          CloseInfo{theirs.code == websocket::close_code::none ? code : static_cast<std::uint16_t>(theirs.code), true,
                    std::string(theirs.reason.data(), theirs.reason.size())});
    });
  }

  void send_ping() override {
    ws_->async_ping({}, [self = self()](const error_code&) {});  // a dead peer shows by the idle limit
  }

  void drop_socket() override {
    resolver_.cancel();
    if (!ws_) return;
    error_code ignored;
    socket().close(ignored);
  }

  std::string place() const { return url_.scheme + "://" + url_.authority(); }
  void fail_with(std::string_view step, const error_code& error) {
    failed({code_of(error), place() + ": " + std::string(step) + ": " + error.message()}, 0);
  }

  Url url_;
  Tcp::resolver resolver_;
  std::optional<asio::ssl::context> tls_;
  std::optional<websocket::stream<Stream>> ws_;
  websocket::response_type response_;
  beast::flat_buffer buffer_;
};

namespace {

// A URL that cannot be used: reported like any other failure.
class BadUrl final : public WebSocketClient::Impl {
 public:
  using Impl::Impl;
  void start() override { failed({Errc::kMalformed, "not a ws or wss address"}, 0); }

 private:
  void write_front() override {}
  void send_close(std::uint16_t, const std::string&) override {}
  void send_ping() override {}
  void drop_socket() override {}
};

}  // namespace

std::unique_ptr<WebSocketClient> WebSocketClient::connect(Loop& loop, WsClientOptions options,
                                                          std::shared_ptr<WsClientSink> sink) {
  const std::optional<Url> url = parse_url(options.url);
  std::shared_ptr<Impl> impl;
  if (!url || (url->scheme != "ws" && url->scheme != "wss")) {
    impl = std::make_shared<BadUrl>(loop, std::move(options), std::move(sink));
  } else if (url->tls()) {
    impl = std::make_shared<WsClientStream<SecureStream>>(loop, std::move(options), std::move(sink), *url);
  } else {
    impl = std::make_shared<WsClientStream<PlainStream>>(loop, std::move(options), std::move(sink), *url);
  }
  loop.post([impl] { impl->start(); });
  return std::unique_ptr<WebSocketClient>(new WebSocketClient(std::move(impl)));
}

WebSocketClient::WebSocketClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebSocketClient::~WebSocketClient() {
  impl_->orphan();
}

SendResult WebSocketClient::send_text(std::string_view text) {
  return impl_->send(std::string(text), true);
}
SendResult WebSocketClient::send_binary(std::span<const std::uint8_t> data) {
  return impl_->send(std::string(reinterpret_cast<const char*>(data.data()), data.size()), false);
}
void WebSocketClient::close(std::uint16_t code, std::string_view reason) {
  impl_->close(code, std::string(reason));
}
void WebSocketClient::abort() {
  impl_->abort();
}
WsStats WebSocketClient::stats() const {
  return impl_->stats();
}

}  // namespace al::net
