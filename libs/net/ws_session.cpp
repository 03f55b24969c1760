#include "net/ws_session.h"

#include <algorithm>
#include <array>
#include <exception>

#include "core/log.h"
#include "core/utf8.h"

namespace al::net {
namespace {

constexpr std::size_t kMaxCloseReason = 123;    // RFC 6455 5.5: 125 bytes less the code
constexpr std::size_t kControlReserve = 1'024;  // pongs and the close frame may pass the queue's bound by this much
constexpr std::size_t kKeptBytes = 8'192;       // buffers that grew beyond this are given back when empty

template <typename Buffer>
void clear_and_trim(Buffer& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptBytes) buffer.shrink_to_fit();
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

WsSession::WsSession(ServerLoop& server, const WsRoute& route, std::shared_ptr<WsHandler> handler)
    : Connection(server),
      route_(route),
      handler_(std::move(handler)),
      decoder_(WsDecoder::Limits{route.max_message, false}),
      timer_(server.loop, [this](Timestamp now) { on_timer(now); }) {}

WsSession::~WsSession() = default;

bool WsSession::open(std::string_view early) {
  if (!start_transport()) return false;
  const Timestamp now = monotonic_now();
  opened_at_ = last_received_ = last_ping_ = now;
  opened_ = true;
  server_.counters.ws_opened.fetch_add(1, std::memory_order_relaxed);
  server_.counters.open_websockets.fetch_add(1, std::memory_order_relaxed);
  enter_waiting_list();
  arm_timer(now);
  try {
    handler_->on_open(*this, now);
  } catch (const std::exception& error) {
    log::error("WS_HANDLER_EXCEPTION", {{"what", error.what()}});
    close(ws_close::kInternalError, "internal error");
  }
  if (!early.empty() && state_ != State::kDead) {
    std::vector<std::uint8_t> copy(early.begin(), early.end());
    received(copy, now);
  }
  return true;
}

// ---- receiving ------------------------------------------------------------------------------------------------------

void WsSession::received(std::span<std::uint8_t> bytes, Timestamp now) {
  stats_.bytes_in += bytes.size();
  last_received_ = now;
  if (rest_.empty()) {
    const std::size_t used = decode(bytes, now);
    if (used < bytes.size()) keep_rest(bytes.subspan(used));
    return;
  }
  rest_.insert(rest_.end(), bytes.begin(), bytes.end());
  const std::size_t used = decode(rest_, now);
  rest_.erase(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(used));
  if (rest_.empty()) clear_and_trim(rest_);
}

void WsSession::keep_rest(std::span<const std::uint8_t> rest) {
  rest_.reserve(std::max(rest.size(), decoder_.wanted()));
  rest_.assign(rest.begin(), rest.end());
}

// Returns how many bytes are done with.
std::size_t WsSession::decode(std::span<std::uint8_t> bytes, Timestamp now) {
  std::size_t consumed = 0;
  while (state_ == State::kOpen || state_ == State::kClosing) {
    const std::optional<WsEvent> event = decoder_.next(bytes, consumed);
    if (event) {
      handle_event(*event, now);
      continue;
    }
    if (!decoder_.violation()) return consumed;
    handle_violation(*decoder_.violation());
  }
  return bytes.size();  // whatever else comes is of no interest
}

void WsSession::handle_event(const WsEvent& event, Timestamp now) {
  switch (event.opcode) {
    case WsOpcode::kText:
      if (state_ != State::kOpen) return;
      ++stats_.messages_in;
      try {
        handler_->on_text(event.payload, now);
      } catch (const std::exception& error) {
        log::error("WS_HANDLER_EXCEPTION", {{"what", error.what()}});
        close(ws_close::kInternalError, "internal error");
      }
      return;
    case WsOpcode::kPing:
      if (state_ == State::kOpen) (void)send_frame(WsOpcode::kPong, event.payload, route_.max_queue_bytes);
      return;
    case WsOpcode::kClose:
      handle_close(event);
      return;
    default:
      return;  // a pong: it counted as a sign of life when it was received
  }
}

void WsSession::handle_close(const WsEvent& event) {
  close_received_ = true;
  note_close(event.close_code, false, repair_utf8(event.payload));
  if (!close_sent_) send_close_frame(event.close_code, {});
  state_ = State::kClosing;
  if (queued() == 0) end(last_received_);
}

void WsSession::handle_violation(const WsViolation& violation) {
  note_close(violation.close_code, true, violation.reason);
  if (!close_sent_) send_close_frame(violation.close_code, violation.reason);
  linger();
}

// The peer shall see our close frame: closing with unread bytes in the socket would send a reset instead of it. So: no
// more from us, then wait for the peer's end.
void WsSession::linger() {
  state_ = State::kLingering;
  if (queued() == 0) shut_down_writing();
  const Timestamp now = monotonic_now();
  close_deadline_ = now + route_.close_timeout;
  arm_timer(now);
}

void WsSession::peer_gone(Timestamp now) {
  end(now);
}

// ---- sending --------------------------------------------------------------------------------------------------------

SendResult WsSession::send_text(std::string_view text) {
  if (state_ != State::kOpen) return SendResult::kClosed;
  const SendResult result = send_frame(WsOpcode::kText, text, route_.max_queue_bytes);
  if (result == SendResult::kFull) {
    ++stats_.dropped_full;
    server_.counters.ws_dropped_messages.fetch_add(1, std::memory_order_relaxed);
  } else if (result != SendResult::kClosed) {
    ++stats_.messages_out;
  }
  return result;
}

SendResult WsSession::send_frame(WsOpcode opcode, std::string_view payload, std::size_t bound) {
  // Header and payload in one piece: one system call. A media message has about 380 bytes.
  std::array<std::uint8_t, 2'048> frame;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below, hot path
  const std::size_t head = write_frame_header(std::span<std::uint8_t, kMaxServerHeader>(frame.data(), kMaxServerHeader),
                                              opcode, payload.size());
  const std::size_t total = head + payload.size();
  if (queued() + total > bound) return SendResult::kFull;
  const std::span<const std::uint8_t> header(frame.data(), head);
  if (queued() != 0) return enqueue(header, payload, 0);
  std::ptrdiff_t written = 0;
  if (total <= frame.size()) {
    std::copy(payload.begin(), payload.end(), frame.data() + head);
    written = write_some({frame.data(), total});
  } else {
    queue_.assign(reinterpret_cast<const char*>(header.data()), header.size());
    queue_.append(payload);
    written = write_some(bytes_of(queue_));
    queue_.clear();
  }
  if (written < 0) {
    broken();
    return SendResult::kClosed;
  }
  stats_.bytes_out += static_cast<std::uint64_t>(written);
  if (static_cast<std::size_t>(written) == total) return SendResult::kSent;
  const SendResult result = enqueue(header, payload, static_cast<std::size_t>(written));
  wait_for_room(true);
  return result;
}

// Queues a frame without its first `skip` bytes, which are on the wire already.
SendResult WsSession::enqueue(std::span<const std::uint8_t> header, std::string_view payload, std::size_t skip) {
  const std::size_t total = header.size() + payload.size();
  if (skip < header.size()) {
    queue_.append(reinterpret_cast<const char*>(header.data()) + skip, header.size() - skip);
    queue_.append(payload);
  } else {
    queue_.append(payload.substr(skip - header.size()));
  }
  queued_frames_.push_back(static_cast<std::uint32_t>(total - skip));
  stats_.queued_bytes = queued();
  stats_.queued_bytes_max = std::max(stats_.queued_bytes_max, stats_.queued_bytes);
  return SendResult::kQueued;
}

void WsSession::flush() {
  if (state_ == State::kDead) return;
  if (queued() != 0) {
    const std::ptrdiff_t written = write_some(bytes_of(queue_).subspan(queue_begin_));
    if (written < 0) return end(monotonic_now());
    stats_.bytes_out += static_cast<std::uint64_t>(written);
    queue_begin_ += static_cast<std::size_t>(written);
    auto left = static_cast<std::size_t>(written);
    while (left > 0) {
      std::uint32_t& oldest = queued_frames_[first_frame_];
      const std::size_t part = std::min<std::size_t>(left, oldest);
      oldest -= static_cast<std::uint32_t>(part);
      left -= part;
      if (oldest == 0) ++first_frame_;
    }
    stats_.queued_bytes = queued();
  }
  if (queued() != 0) return wait_for_room(true);
  clear_and_trim(queue_);
  clear_and_trim(queued_frames_);
  queue_begin_ = first_frame_ = 0;
  wait_for_room(false);
  if (state_ == State::kLingering) shut_down_writing();
  if (state_ == State::kClosing && close_sent_ && close_received_) end(monotonic_now());
}

std::size_t WsSession::drop_queued() {
  if (state_ != State::kOpen || queued() == 0) return 0;
  // The oldest frame may be half on the wire already: it stays. Whether it is cannot be told from its size alone, so a
  // whole one stays too; that is one frame of 20 ms at most.
  const std::size_t kept = queued_frames_[first_frame_];
  const std::size_t dropped = queued() - kept;
  queue_.resize(queue_begin_ + kept);
  queued_frames_.resize(first_frame_ + 1);
  stats_.queued_bytes = queued();
  return dropped;
}

void WsSession::close(std::uint16_t code, std::string_view reason) {
  if (state_ != State::kOpen) return;
  note_close(code, true, reason);
  send_close_frame(code, reason);
  state_ = State::kClosing;
  const Timestamp now = monotonic_now();
  close_deadline_ = now + route_.close_timeout;
  arm_timer(now);
}

void WsSession::send_close_frame(std::uint16_t code, std::string_view reason) {
  close_sent_ = true;
  if (code == ws_close::kNoStatus) {
    (void)send_frame(WsOpcode::kClose, {}, route_.max_queue_bytes + kControlReserve);
    return;
  }
  std::string payload;
  payload += static_cast<char>(code >> 8);
  payload += static_cast<char>(code & 0xFF);
  payload += truncate_utf8(reason, kMaxCloseReason);
  (void)send_frame(WsOpcode::kClose, payload, route_.max_queue_bytes + kControlReserve);
}

// ---- life -----------------------------------------------------------------------------------------------------------

void WsSession::note_close(std::uint16_t code, bool by_us, std::string_view reason) {
  if (close_noted_) return;
  close_noted_ = true;
  close_info_ = CloseInfo{code, by_us, std::string(reason)};
}

// A write failed, perhaps in the middle of the handler's own call: the end comes in a call of its own.
void WsSession::broken() {
  server_.loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) static_cast<WsSession&>(*self).end(monotonic_now());
  });
}

void WsSession::drop() {
  end(monotonic_now());
}

void WsSession::end(Timestamp now) {
  if (state_ == State::kDead) return;
  state_ = State::kDead;
  timer_.cancel();
  close_transport();
  if (opened_) {
    server_.counters.open_websockets.fetch_sub(1, std::memory_order_relaxed);
    const std::shared_ptr<WsHandler> handler = std::move(handler_);
    try {
      handler->on_closed(close_info_, now);
    } catch (const std::exception& error) {
      log::error("WS_HANDLER_EXCEPTION", {{"what", error.what()}});
    }
  }
  forget();
}

void WsSession::mark_authenticated() {
  authenticated_ = true;
  leave_waiting_list();
}

// One timer for everything; it looks at the clock values itself, so that a received frame only stores one.
void WsSession::arm_timer(Timestamp now) {
  std::optional<Timestamp> next;
  const auto consider = [&next](Timestamp when) { next = next ? std::min(*next, when) : when; };
  if (state_ == State::kClosing || state_ == State::kLingering) {
    consider(close_deadline_);
  } else {
    if (!authenticated_) consider(opened_at_ + route_.authenticate_within);
    if (route_.silence_timeout.count() > 0) consider(last_received_ + route_.silence_timeout);
    if (route_.ping_interval.count() > 0) consider(std::max(last_ping_ + route_.ping_interval, now));
  }
  if (next) timer_.arm(*next);
}

void WsSession::on_timer(Timestamp now) {
  if (state_ == State::kClosing || state_ == State::kLingering) return end(now);
  if (!authenticated_ && now >= opened_at_ + route_.authenticate_within) {
    close(ws_close::kPolicyViolation, "not authenticated in time");
    return;
  }
  if (route_.silence_timeout.count() > 0 && now >= last_received_ + route_.silence_timeout) {
    note_close(ws_close::kAbnormal, true, "nothing received");
    return end(now);
  }
  if (route_.ping_interval.count() > 0 && now >= last_ping_ + route_.ping_interval) {
    last_ping_ = now;
    (void)send_frame(WsOpcode::kPing, {}, route_.max_queue_bytes);
  }
  arm_timer(now);
}

WsStats WsSession::stats() const {
  return stats_;
}

}  // namespace al::net
