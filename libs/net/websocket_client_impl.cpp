#include "net/websocket_client_impl.h"

#include <algorithm>

namespace al::net {

WebSocketClient::Impl::Impl(Loop& loop, WsClientOptions options, std::shared_ptr<WsClientSink> sink)
    : loop_(loop),
      options_(std::move(options)),
      sink_(std::move(sink)),
      timer_(loop, [this](Timestamp now) { on_timer(now); }),
      started_(monotonic_now()),
      last_received_(started_) {
  close_deadline_ = started_ + options_.connect_timeout;
}

void WebSocketClient::Impl::on_loop(std::function<void()> work) {
  if (loop_.is_current()) return work();
  loop_.post([self = shared_from_this(), work = std::move(work)] { work(); });
}

SendResult WebSocketClient::Impl::send(std::string data, bool text) {
  if (over_.load()) return SendResult::kClosed;
  const std::size_t size = data.size();
  if (queued_bytes_.fetch_add(size) + size > options_.max_queue_bytes) {
    queued_bytes_.fetch_sub(size);
    const std::lock_guard lock(stats_mutex_);
    ++stats_.dropped_full;
    return SendResult::kFull;
  }
  on_loop([this, message = Message{std::move(data), text}]() mutable {
    if (state_ == State::kDone || close_wanted_) {
      queued_bytes_.fetch_sub(message.data.size());
      return;
    }
    queue_.push_back(std::move(message));
    next();
  });
  return SendResult::kQueued;
}

void WebSocketClient::Impl::close(std::uint16_t code, std::string reason) {
  over_.store(true);
  on_loop([this, code, reason = std::move(reason)] {
    if (state_ == State::kDone || close_wanted_) return;
    close_wanted_ = CloseInfo{code, true, reason};
    close_deadline_ = monotonic_now() + options_.close_timeout;
    if (state_ == State::kConnecting) return closed(CloseInfo{ws_close::kAbnormal, true, "closed before it was open"});
    arm_timer();
    next();
  });
}

void WebSocketClient::Impl::abort() {
  over_.store(true);
  on_loop([this] {
    if (state_ == State::kDone) return;
    drop_socket();
    closed(CloseInfo{ws_close::kAbnormal, true, "aborted"});
  });
}

void WebSocketClient::Impl::orphan() {
  over_.store(true);
  on_loop([this] {
    sink_.reset();
    finish();
  });
}

void WebSocketClient::Impl::opened(WsOpened info) {
  if (state_ != State::kConnecting) return;
  state_ = State::kOpen;
  alive();
  info.took = last_received_ - started_;
  next_ping_ = last_received_ + options_.ping_interval;
  arm_timer();
  if (const auto sink = sink_) sink->on_open(info);
  next();
}

void WebSocketClient::Impl::received(std::string_view data, bool text) {
  alive();
  {
    const std::lock_guard lock(stats_mutex_);
    ++stats_.messages_in;
    stats_.bytes_in += data.size();
  }
  const auto sink = sink_;
  if (!sink) return;
  if (text) return sink->on_text(data);
  sink->on_binary({reinterpret_cast<const std::uint8_t*>(data.data()), data.size()});
}

void WebSocketClient::Impl::next() {
  if (state_ != State::kOpen || writing_) return;
  if (!queue_.empty()) {
    writing_ = true;
    return write_front();
  }
  if (!close_wanted_) return;
  state_ = State::kClosing;
  closing_by_us_ = true;
  send_close(close_wanted_->code, close_wanted_->reason);
}

void WebSocketClient::Impl::written() {
  writing_ = false;
  if (state_ == State::kDone) return;
  {
    const std::lock_guard lock(stats_mutex_);
    ++stats_.messages_out;
    stats_.bytes_out += queue_.front().data.size();
  }
  queued_bytes_.fetch_sub(queue_.front().data.size());
  queue_.pop_front();
  next();
}

void WebSocketClient::Impl::failed(Error error, int http_status) {
  if (state_ == State::kDone) return;
  const auto sink = std::exchange(sink_, nullptr);
  finish();
  if (sink) sink->on_failed(error, http_status);
}

void WebSocketClient::Impl::closed(CloseInfo info) {
  if (state_ == State::kDone) return;
  const bool was_open = state_ != State::kConnecting;
  const auto sink = std::exchange(sink_, nullptr);
  finish();
  if (!sink) return;
  if (was_open) return sink->on_closed(info);
  sink->on_failed(Error{Errc::kClosed, info.reason}, 0);
}

void WebSocketClient::Impl::finish() {
  over_.store(true);
  if (state_ == State::kDone) return;
  state_ = State::kDone;
  timer_.cancel();
  drop_socket();
}

void WebSocketClient::Impl::arm_timer() {
  std::optional<Timestamp> when;
  const auto consider = [&when](Timestamp at) { when = when ? std::min(*when, at) : at; };
  if (state_ == State::kConnecting || close_wanted_) consider(close_deadline_);
  if (state_ == State::kOpen && options_.ping_interval.count() > 0) consider(next_ping_);
  if (state_ == State::kOpen && options_.idle_timeout.count() > 0) consider(last_received_ + options_.idle_timeout);
  if (when) {
    timer_.arm(*when);
  } else {
    timer_.cancel();
  }
}

void WebSocketClient::Impl::on_timer(Timestamp now) {
  const auto alive_until = shared_from_this();
  if (state_ == State::kConnecting) {
    return failed({Errc::kTimeout, "not open within " + std::to_string(options_.connect_timeout.count()) + " ms"}, 0);
  }
  if (close_wanted_ && now >= close_deadline_)
    return closed(CloseInfo{close_wanted_->code, true, "the peer did not answer the close frame"});
  if (options_.idle_timeout.count() > 0 && now >= last_received_ + options_.idle_timeout)
    return closed(CloseInfo{ws_close::kAbnormal, true, "nothing received"});
  if (state_ == State::kOpen && options_.ping_interval.count() > 0 && now >= next_ping_) {
    next_ping_ = now + options_.ping_interval;
    send_ping();
  }
  arm_timer();
}

WsStats WebSocketClient::Impl::stats() const {
  const std::lock_guard lock(stats_mutex_);
  WsStats copy = stats_;
  copy.queued_bytes = queued_bytes_.load();
  return copy;
}

}  // namespace al::net
