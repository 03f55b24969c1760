#include "net/net_test_support.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace al::net::test {

int WsFrame::close_code() const {
  if (payload.size() < 2) return -1;
  return (static_cast<unsigned char>(payload[0]) << 8) | static_cast<unsigned char>(payload[1]);
}

RawClient::RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    ADD_FAILURE() << "connect: " << std::strerror(errno);
}

RawClient::~RawClient() {
  if (fd_ >= 0) ::close(fd_);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::shut_down_writing() {
  ::shutdown(fd_, SHUT_WR);
}

void RawClient::reset() {
  const linger hard{1, 0};
  (void)setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(fd_);
  fd_ = -1;
}

bool RawClient::fill() {
  pollfd ready{fd_, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(kPatience.count())) != 1) {
    ADD_FAILURE() << "nothing came within " << kPatience.count() << " ms";
    return false;
  }
  char bytes[16'384];
  const ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

std::optional<std::string> RawClient::read_until(std::string_view end) {
  while (true) {
    const std::size_t at = buffer_.find(end);
    if (at != std::string::npos) {
      std::string text = buffer_.substr(0, at + end.size());
      buffer_.erase(0, at + end.size());
      return text;
    }
    if (!fill()) return std::nullopt;
  }
}

std::string RawClient::read_exactly(std::size_t count) {
  while (buffer_.size() < count && fill()) {
  }
  std::string text = buffer_.substr(0, count);
  buffer_.erase(0, count);
  return text;
}

std::string RawClient::read_to_end() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

bool RawClient::ended() {
  read_to_end();
  return !::testing::Test::HasFailure();
}

bool RawClient::Response::has(std::string_view line) const {
  return header.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

RawClient::Response RawClient::read_response(bool head) {
  Response response;
  const std::optional<std::string> header = read_until("\r\n\r\n");
  if (!header || header->size() < 12) return response;
  response.header = *header;
  response.status = std::atoi(header->c_str() + 9);
  const std::size_t length = header->find("Content-Length: ");
  if (length != std::string::npos && !head)
    response.body = read_exactly(static_cast<std::size_t>(std::atoi(header->c_str() + length + 16)));
  return response;
}

RawClient::Response RawClient::request(std::string_view text, bool head) {
  send(text);
  return read_response(head);
}

bool RawClient::upgrade(std::string_view path, std::string_view extra_headers) {
  const std::string text = "GET " + std::string(path) +
                           " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                           std::string(extra_headers) + "\r\n";
  return request(text).status == 101;
}

std::optional<WsFrame> RawClient::read_frame() {
  const std::string head = read_exactly(2);
  if (head.size() < 2) return std::nullopt;
  const auto byte = [](char c) { return static_cast<unsigned char>(c); };
  WsFrame result;
  result.fin = (byte(head[0]) & 0x80) != 0;
  result.opcode = byte(head[0]) & 0x0F;
  EXPECT_EQ(byte(head[0]) & 0x70, 0) << "a server must not set RSV bits";
  EXPECT_EQ(byte(head[1]) & 0x80, 0) << "a server must not mask";
  std::size_t length = byte(head[1]) & 0x7F;
  if (length >= 126) {
    const std::string more = read_exactly(length == 126 ? 2 : 8);
    length = 0;
    for (const char c : more) length = (length << 8) | byte(c);
  }
  result.payload = read_exactly(length);
  if (result.payload.size() != length) return std::nullopt;
  return result;
}

int RawClient::read_close_code() {
  while (const std::optional<WsFrame> next = read_frame()) {
    if (next->opcode == 8) return next->close_code();
  }
  return ws_close::kAbnormal;
}

std::string frame(std::string_view payload, FrameShape shape) {
  std::string out;
  out += static_cast<char>((shape.fin ? 0x80 : 0) | (shape.rsv << 4) | shape.opcode);
  const std::uint64_t length = shape.claimed_length.value_or(payload.size());
  int bytes = shape.length_bytes;
  if (bytes == 0) bytes = length <= 125 ? 1 : length <= 0xFFFF ? 2 : 8;
  const int mask_bit = shape.mask ? 0x80 : 0;
  if (bytes == 1) {
    out += static_cast<char>(mask_bit | static_cast<int>(length));
  } else {
    out += static_cast<char>(mask_bit | (bytes == 2 ? 126 : 127));
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>((length >> (8 * i)) & 0xFF);
  }
  constexpr unsigned char kMask[4] = {0x37, 0xFA, 0x21, 0x3D};
  if (shape.mask) out.append(reinterpret_cast<const char*>(kMask), 4);
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ (shape.mask ? kMask[i % 4] : 0));
  return out;
}

std::string close_payload(int code, std::string_view reason) {
  std::string payload;
  payload += static_cast<char>(code >> 8);
  payload += static_cast<char>(code & 0xFF);
  payload += reason;
  return payload;
}

void EchoHandler::on_open(WsConnection& connection, Timestamp) {
  connection_ = &connection;
  if (authenticate_) connection.mark_authenticated();
  log_.waiter.change([&] { ++log_.opened; });
}

void EchoHandler::on_text(std::string_view text, Timestamp) {
  if (text == "throw") throw std::runtime_error("asked for");
  if (text == "close") return connection_->close(ws_close::kNormal, "asked for");
  (void)connection_->send_text(text);
}

void EchoHandler::on_closed(const CloseInfo& info, Timestamp) {
  log_.waiter.change([&] {
    ++log_.closed;
    log_.closes.push_back(info);
  });
}

TestServer::TestServer(ListenSpec spec, ServerLimits limits, std::size_t loop_count) {
  std::vector<Loop*> loops;
  for (std::size_t i = 0; i < loop_count; ++i) {
    threads_.push_back(std::make_unique<LoopThread>("test-loop"));
    loops.push_back(&threads_.back()->loop());
  }
  server_ = std::make_unique<HttpServer>(std::move(loops), limits);
  const Result<void> listening = server_->listen(std::move(spec));
  EXPECT_TRUE(listening.has_value()) << (listening ? "" : listening.error().detail);
}

void TestServer::stop() {
  Waiter waiter;
  bool done = false;
  server_->stop(ws_close::kGoingAway, milliseconds{200}, [&] { waiter.change([&] { done = true; }); });
  EXPECT_TRUE(waiter.wait([&] { return done; })) << "the server did not become empty";
}

TestServer::~TestServer() {
  stop();
  threads_.clear();
}

std::size_t open_descriptors() {
  const auto all = std::filesystem::directory_iterator("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TestCertificate::TestCertificate() {
  std::string pattern = (std::filesystem::temp_directory_path() / "al-net-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "mkdtemp failed";
  folder_ = pattern;
  EVP_PKEY* const pair = EVP_EC_gen("P-256");
  X509* const x509 = X509_new();
  X509_set_version(x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3'600);
  X509_gmtime_adj(X509_getm_notAfter(x509), 86'400);
  X509_set_pubkey(x509, pair);
  X509_NAME* const name = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x509, name);
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
  for (const auto& [nid, value] : {std::pair{NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"},
                                   std::pair{NID_basic_constraints, "critical,CA:TRUE"}}) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(x509, pair, EVP_sha256());
  FILE* file = std::fopen(key().c_str(), "w");
  PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  file = std::fopen(certificate().c_str(), "w");
  PEM_write_X509(file, x509);
  std::fclose(file);
  X509_free(x509);
  EVP_PKEY_free(pair);
}

TestCertificate::~TestCertificate() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace al::net::test
