#include "providers/fakes/raw_server.h"

#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace al::providers {
namespace {

constexpr std::size_t kMaxRequest = std::size_t{32} << 20;
constexpr std::size_t kReadSize = 64 * 1024;

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned int value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out.push_back(static_cast<char>(value));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

// Reads the head of a request out of `head` (without its last empty line).
RawRequest parse_head(std::string_view head) {
  RawRequest request;
  const std::size_t line_end = head.find("\r\n");
  const std::string_view line = head.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t second = line.rfind(' ');
  request.method = line.substr(0, first);
  if (second > first) request.target = line.substr(first + 1, second - first - 1);
  std::string_view rest = line_end == std::string_view::npos ? std::string_view{} : head.substr(line_end + 2);
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view field = rest.substr(0, end);
    const std::size_t colon = field.find(':');
    if (colon != std::string_view::npos) {
      std::string_view value = field.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      request.headers.push_back({std::string(field.substr(0, colon)), std::string(value)});
    }
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 2);
  }
  return request;
}

// True with a whole request taken off `buffer`; false when the connection is over.
bool read_request(RawConnection& connection, std::string& buffer, RawRequest& request) {
  std::size_t head_end = std::string::npos;
  while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (buffer.size() > kMaxRequest || !connection.receive(buffer)) return false;
  }
  request = parse_head(std::string_view(buffer).substr(0, head_end));
  buffer.erase(0, head_end + 4);
  if (net::find_header(request.headers, "expect")) connection.send("HTTP/1.1 100 Continue\r\n\r\n");
  std::size_t length = 0;
  if (const auto text = net::find_header(request.headers, "content-length")) {
    std::from_chars(text->data(), text->data() + text->size(), length);
  }
  if (length > kMaxRequest) return false;
  while (buffer.size() < length) {
    if (!connection.receive(buffer)) return false;
  }
  request.body = buffer.substr(0, length);
  buffer.erase(0, length);
  return true;
}

std::string head_of(int status, const net::HttpHeaders& headers) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " " + std::string(net::reason_phrase(status)) + "\r\n";
  for (const auto& header : headers) head += header.name + ": " + header.value + "\r\n";
  return head;
}

}  // namespace

std::string RawRequest::query(std::string_view name) const {
  const std::size_t mark = target.find('?');
  std::string_view rest = mark == std::string::npos ? std::string_view{} : std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name)
      return equals == std::string_view::npos ? "" : percent_decode(pair.substr(equals + 1));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
  }
  return {};
}

RawConnection::~RawConnection() {
  if (socket_ >= 0) ::close(socket_);
}

RawConnection::Ready RawConnection::poll_for(Duration delay, bool read) {
  if (socket_ < 0) return Ready::kGone;
  const auto deadline = monotonic_now() + delay;
  while (true) {
    // POLLRDHUP tells of a peer that closed even where its last bytes were not read.
    pollfd fds[2] = {{socket_, static_cast<short>((read ? POLLIN : 0) | POLLRDHUP), 0}, {stop_event_, POLLIN, 0}};
    const auto left = std::max<std::int64_t>(0, to_ms(deadline - monotonic_now() + microseconds(999)));
    const int count = ::poll(fds, 2, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (count < 0 && errno != EINTR) return Ready::kGone;
    if ((fds[1].revents & POLLIN) != 0) return Ready::kGone;
    if (read && (fds[0].revents & POLLIN) != 0) return Ready::kReadable;
    if ((fds[0].revents & (POLLERR | POLLHUP | POLLRDHUP | POLLNVAL)) != 0) return Ready::kGone;
    if (monotonic_now() >= deadline) return Ready::kTimeout;
  }
}

bool RawConnection::wait(Duration delay) {
  return delay <= Duration::zero() || poll_for(delay, false) == Ready::kTimeout;
}

bool RawConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    if (socket_ < 0) return false;
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool RawConnection::receive(std::string& buffer) {
  const std::size_t before = buffer.size();
  while (buffer.size() == before) {
    if (!receive_for(buffer, seconds{3600})) return false;
  }
  return true;
}

bool RawConnection::receive_for(std::string& buffer, Duration delay) {
  switch (poll_for(delay, true)) {
    case Ready::kGone:
      return false;
    case Ready::kTimeout:
      return true;
    case Ready::kReadable:
      break;
  }
  const std::size_t before = buffer.size();
  buffer.resize(before + kReadSize);
  const ssize_t count = ::recv(socket_, buffer.data() + before, kReadSize, 0);
  buffer.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return count > 0;
}

void RawConnection::reset() {
  const linger hard{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(socket_);
  socket_ = -1;
  ended_ = true;
}

void RawConnection::end() {
  ended_ = true;
}

RawServer::RawServer(Handler handler, std::atomic<int>* open_connections)
    : handler_(std::move(handler)), open_connections_(open_connections) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  stop_event_ = ::eventfd(0, EFD_CLOEXEC);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  constexpr int kBacklog = 256;
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, kBacklog) != 0 ||
      ::getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("fake server: cannot listen on 127.0.0.1");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

RawServer::~RawServer() {
  const std::uint64_t one = 1;
  if (::write(stop_event_, &one, sizeof one) < 0) std::perror("fake server");
  acceptor_.join();
  reap(true);
  ::close(listener_);
  ::close(stop_event_);
}

std::string RawServer::origin(std::string_view scheme) const {
  return std::string(scheme) + "://127.0.0.1:" + std::to_string(port_);
}

void RawServer::accept_loop() {
  while (true) {
    pollfd fds[2] = {{listener_, POLLIN, 0}, {stop_event_, POLLIN, 0}};
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if ((fds[1].revents & POLLIN) != 0) return;
    if ((fds[0].revents & POLLIN) == 0) continue;
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    reap(false);
    const std::lock_guard lock(mutex_);
    Worker& worker = workers_.emplace_back();
    worker.thread = std::thread([this, socket, &worker] {
      serve(socket);
      worker.finished = true;
    });
  }
}

void RawServer::serve(int socket) {
  if (open_connections_ != nullptr) ++*open_connections_;
  {
    RawConnection connection(socket, stop_event_);
    std::string buffer;
    RawRequest request;
    while (!connection.ended() && read_request(connection, buffer, request)) handler_(request, connection);
  }
  if (open_connections_ != nullptr) --*open_connections_;
}

void RawServer::reap(bool all) {
  std::list<Worker> done;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = workers_.begin(); it != workers_.end();) {
      const auto next = std::next(it);
      if (all || it->finished) done.splice(done.end(), workers_, it);
      it = next;
    }
  }
  for (Worker& worker : done) worker.thread.join();
}

bool send_response(RawConnection& connection, int status, const net::HttpHeaders& headers, std::string_view body) {
  std::string bytes = head_of(status, headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return connection.send(bytes.append(body));
}

bool send_chunked_head(RawConnection& connection, int status, const net::HttpHeaders& headers) {
  return connection.send(head_of(status, headers) + "Transfer-Encoding: chunked\r\n\r\n");
}

bool send_chunk(RawConnection& connection, std::string_view bytes) {
  if (bytes.empty()) return true;
  char size[20];
  const int length = std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return connection.send(std::string(size, static_cast<std::size_t>(length)).append(bytes).append("\r\n"));
}

bool send_last_chunk(RawConnection& connection) {
  return connection.send("0\r\n\r\n");
}

}  // namespace al::providers
