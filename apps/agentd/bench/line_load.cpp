#include "agentd/bench/line_load.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/secret.h"

namespace al::bench {
namespace {

constexpr Duration kFrame = milliseconds{20};
constexpr Duration kTick = Duration{500};
constexpr std::size_t kFrameBytes = 160;
constexpr std::size_t kInFlight = 64;  // frames of a line that may be on their way
constexpr std::array<std::uint8_t, 4> kMask{0x37, 0xFA, 0x21, 0x3D};

std::string masked_frame(std::string_view text) {
  std::string frame = "\x81";
  if (text.size() < 126) {
    frame += static_cast<char>(0x80U | text.size());
  } else {
    frame += static_cast<char>(0xFE);
    frame += static_cast<char>(text.size() >> 8);
    frame += static_cast<char>(text.size() & 0xFF);
  }
  frame.append(reinterpret_cast<const char*>(kMask.data()), kMask.size());
  for (std::size_t i = 0; i < text.size(); ++i)
    frame += static_cast<char>(static_cast<std::uint8_t>(text[i]) ^ kMask[i % kMask.size()]);
  return frame;
}

bool send_all(int fd, std::string_view bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

}  // namespace

struct LineLoad::Line {
  ~Line() {
    if (fd >= 0) ::close(fd);
  }
  int fd = -1;
  std::string stream_sid;
  std::uint64_t frames = 0;
  std::string rest;                            // the beginning of a frame
  Timestamp last_received{};                   // 0 = none yet
  std::array<Timestamp, kInFlight> sent_at{};  // by frame number
  std::uint64_t received = 0;
};

LineLoad::LineLoad(LineLoadOptions options)
    : options_(std::move(options)),
      payload_(base64_encode(std::string(kFrameBytes, options_.quiet ? '\xFF' : '\x55'))),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

LineLoad::~LineLoad() {
  ::close(epoll_);
}

Result<void> LineLoad::connect() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  inet_pton(AF_INET, options_.address.c_str(), &address.sin_addr);
  for (int n = 0; n < options_.lines; ++n) {
    auto line = std::make_unique<Line>();
    line->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(line->fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return fail(Errc::kClosed, fmt::format("line {}: {}", n, std::strerror(errno)));
    const int on = 1;
    (void)setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    send_all(line->fd, fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                                   options_.path, options_.address));
    std::string answer;
    while (answer.find("\r\n\r\n") == std::string::npos) {
      char byte = 0;
      if (::recv(line->fd, &byte, 1, 0) != 1) return fail(Errc::kClosed, fmt::format("line {}: no upgrade", n));
      answer += byte;
    }
    if (!answer.starts_with("HTTP/1.1 101")) return fail(Errc::kRejected, answer.substr(0, answer.find('\r')));
    line->stream_sid = fmt::format("MZ{:032x}", n);
    const std::string call = fmt::format("CA{:032x}", n);
    send_all(line->fd, masked_frame(R"({"event":"connected","protocol":"Call","version":"1.0.0"})"));
    send_all(
        line->fd,
        masked_frame(fmt::format(
            R"({{"event":"start","sequenceNumber":"1","start":{{"accountSid":"AC{:032x}","streamSid":"{}","callSid":"{}",)"
            R"("tracks":["inbound"],"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},)"
            R"("customParameters":{{"call_sid":"{}","token":"{}"}}}},"streamSid":"{}"}})",
            1, line->stream_sid, call, call, options_.token, line->stream_sid)));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = line.get();
    epoll_ctl(epoll_, EPOLL_CTL_ADD, line->fd, &event);
    lines_.push_back(std::move(line));
  }
  return {};
}

void LineLoad::send_due(Timestamp now, bool measured, LineLoadReport& report) {
  const Duration gap = kFrame / static_cast<std::int64_t>(lines_.size());
  for (; next_due_ <= now; next_due_ += std::max(gap, Duration{1})) {
    Line& line = *lines_[next_line_];
    next_line_ = (next_line_ + 1) % lines_.size();
    if (line.fd < 0) continue;
    ++line.frames;
    line.sent_at[line.frames % kInFlight] = monotonic_now();
    const std::string frame = masked_frame(fmt::format(
        R"({{"event":"media","sequenceNumber":"{}","media":{{"track":"inbound","chunk":"{}","timestamp":"{}","payload":"{}"}},"streamSid":"{}"}})",
        line.frames + 1, line.frames, line.frames * 20, payload_, line.stream_sid));
    if (!send_all(line.fd, frame)) {
      ::close(line.fd);
      line.fd = -1;
      ++report.lines_lost;
      continue;
    }
    if (!measured) continue;
    ++report.sent;
    report.send_lag_us.push_back(static_cast<std::int32_t>((now - next_due_).count()));
  }
}

void LineLoad::receive(Line& line, bool measured, LineLoadReport& report) {
  char bytes[16'384];
  const ssize_t count = ::recv(line.fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (count <= 0) {
    if (count < 0 && errno == EAGAIN) return;
    ::close(line.fd);
    line.fd = -1;
    ++report.lines_lost;
    return;
  }
  const Timestamp now = monotonic_now();
  line.rest.append(bytes, static_cast<std::size_t>(count));
  std::size_t at = 0;
  while (line.rest.size() - at >= 4) {
    std::size_t length = static_cast<std::uint8_t>(line.rest[at + 1]);
    std::size_t head = 2;
    if (length == 126) {
      length = static_cast<std::size_t>(static_cast<std::uint8_t>(line.rest[at + 2]) << 8) |
               static_cast<std::uint8_t>(line.rest[at + 3]);
      head = 4;
    }
    if (line.rest.size() - at < head + length) break;
    at += head + length;
    ++line.received;
    if (measured && line.last_received.time_since_epoch().count() != 0) {
      ++report.received;
      const Duration between = now - line.last_received;
      report.deviation_us.push_back(static_cast<std::int32_t>(std::abs((between - kFrame).count())));
      report.echo_us.push_back(static_cast<std::int32_t>((now - line.sent_at[line.received % kInFlight]).count()));
    }
    line.last_received = now;
  }
  line.rest.erase(0, at);
}

LineLoadReport LineLoad::run(milliseconds warm_up, milliseconds measured) {
  LineLoadReport report;
  const auto expected = static_cast<std::size_t>(measured / kFrame + 2) * lines_.size();
  report.deviation_us.reserve(expected);
  report.echo_us.reserve(expected);
  report.send_lag_us.reserve(expected);
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const timespec tick{0, std::chrono::nanoseconds(kTick).count()};
  const itimerspec spec{tick, tick};
  timerfd_settime(timer, 0, &spec, nullptr);
  epoll_event timer_event{};
  timer_event.events = EPOLLIN;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, timer, &timer_event);

  const Timestamp begin = monotonic_now();
  next_due_ = begin;
  const Timestamp end = begin + warm_up + measured;
  while (monotonic_now() < end) {
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, 100);
    const Timestamp now = monotonic_now();
    const bool counted = now >= begin + warm_up;
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr) {
        std::uint64_t expirations = 0;
        (void)!::read(timer, &expirations, sizeof expirations);
        send_due(now, counted, report);
      } else {
        receive(*static_cast<Line*>(events[i].data.ptr), counted, report);
      }
    }
  }
  ::close(timer);
  return report;
}

std::int32_t percentile(std::vector<std::int32_t> values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank), values.end());
  return values[rank];
}

}  // namespace al::bench
