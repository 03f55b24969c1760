#include "agentd/media_session.h"

#include <utility>
#include <variant>

#include "core/log.h"

namespace al::agentd {

using twilio::CloseCode;
using twilio::StreamVerdict;

namespace {
constexpr Duration kAliveReport = seconds{1};
constexpr std::size_t kMaxWaiting = 50;        // one second: the registry answers within a quarter of it
constexpr std::uint64_t kLogEveryFrames = 50;  // WS_MEDIA: one line in fifty frames at most (SPEC 15)
}  // namespace

void MediaSession::on_open(net::WsConnection& connection, Timestamp now) {
  connection_ = &connection;
  loop_ = &connection.loop();
  order_.emplace(now, start_limit_);
  start_timer_.emplace(connection.loop(), [this](Timestamp due) {
    const StreamVerdict verdict = order_->on_deadline(due);
    if (verdict.action != StreamVerdict::Action::kClose) return;
    if (verdict.fault) host_.count_fault(*verdict.fault, true);
    close(verdict.code, verdict.fault ? twilio::to_string(*verdict.fault) : "start timeout");
  });
  if (const auto due = order_->deadline()) start_timer_->arm(*due);
}

void MediaSession::on_text(std::string_view text, Timestamp now) {
  if (finished_) return;
  const auto keep = shared_from_this();
  const Result<twilio::MediaMessage> message = twilio::parse_media_message(text);
  const StreamVerdict verdict = order_->on_message(message, now);
  if (verdict.fault) host_.count_fault(*verdict.fault, verdict.action == StreamVerdict::Action::kClose);
  switch (verdict.action) {
    case StreamVerdict::Action::kClose:
      close(verdict.code, verdict.fault ? twilio::to_string(*verdict.fault) : "policy");
      return;
    case StreamVerdict::Action::kIgnore:
      return;
    case StreamVerdict::Action::kDeliver:
      deliver(*message, verdict, now);
  }
}

void MediaSession::deliver(const twilio::MediaMessage& message, const StreamVerdict& verdict, Timestamp now) {
  if (const auto* media = std::get_if<twilio::msg::Media>(&message)) {
    on_media(*media, verdict.missing_frames, now);
    return;
  }
  if (const auto* start = std::get_if<twilio::msg::Start>(&message)) {
    begin(*start, now);
    return;
  }
  if (driver_ == nullptr) {
    // Echo: a mark of ours cannot come back here, digits mean nothing; only the end does.
    if (std::holds_alternative<twilio::msg::Stop>(message)) finish("stop");
    return;
  }
  if (const auto input = bridge::to_input(message)) driver_->handle(*input, now);
  if (std::holds_alternative<twilio::msg::Stop>(message)) finish("stop");
}

void MediaSession::begin(const twilio::msg::Start& start, Timestamp now) {
  start_timer_->cancel();
  if (const auto fault = host_.check_start(start)) {
    const StreamVerdict verdict = order_->reject(*fault);
    host_.count_fault(*fault, true);
    close(verdict.code, twilio::to_string(*fault));
    return;
  }
  order_->accept();
  connection_->mark_authenticated();
  call_ = start.call_sid;
  stream_ = start.stream_sid;
  media_.emplace(stream_);
  begun_ = true;
  alive_reported_ = now;
  started_ = now;
  log::info("WS_START", {{"call", call_.str()}, {"stream", stream_.str()}, {"encoding", start.encoding}});
  net::Loop& loop = *loop_;
  const std::weak_ptr<MediaSession> weak = weak_from_this();
  host_.session_opened(call_, stream_, weak);
  host_.stream_started(
      start,
      [&loop, weak, start](Result<StreamGrant> grant) {
        loop.post([weak, start, grant = std::move(grant)] {
          const auto session = weak.lock();
          if (!session || session->finished_) return;
          if (grant) {
            session->go_on(start, *grant);
          } else {
            log::warn("STREAM_REFUSED", {{"call", start.call_sid.str()}, {"why", grant.error().detail}});
            session->second_socket();
          }
        });
      },
      [&loop, weak] {
        loop.post([weak] {
          if (const auto session = weak.lock()) session->second_socket();
        });
      });
}

void MediaSession::second_socket() {
  if (finished_) return;
  host_.count_fault(twilio::StreamFault::kSecondSocket, true);
  close(CloseCode::kPolicy, to_string(twilio::StreamFault::kSecondSocket));
}

void MediaSession::go_on(const twilio::msg::Start& start, const StreamGrant& grant) {
  granted_ = true;
  session_ = host_.new_call(start, grant);
  // The call began when `start` came: the greeting does not wait for the registry.
  if (session_ != nullptr) driver_ = session_->start(connection_->loop(), *this, started_);
  const std::vector<dialog::in::Media> waiting = std::move(waiting_);
  for (const dialog::in::Media& frame : waiting) take(frame, monotonic_now());
}

void MediaSession::on_media(const twilio::msg::Media& media, std::uint32_t missing, Timestamp now) {
  if (now - alive_reported_ >= kAliveReport || frames_in_ == 0) {
    alive_reported_ = now;
    host_.stream_alive(call_, stream_);
  }
  cutter_.push(media, missing, [&](const dialog::in::Media& frame) {
    ++frames_in_;
    if (frames_in_ % kLogEveryFrames == 0) {
      log::debug("WS_MEDIA", {{"call", call_.str()}, {"rx", frames_in_}, {"tx", frames_out_}});
    }
    take(frame, now);
  });
}

void MediaSession::take(const dialog::in::Media& frame, Timestamp now) {
  if (finished_) return;
  if (!granted_) {
    if (waiting_.size() < kMaxWaiting) waiting_.push_back(frame);
  } else if (driver_ != nullptr) {
    if (session_->listening()) driver_->handle(frame, now);
  } else {
    send_media(frame.ulaw);  // echo
  }
}

void MediaSession::send_media(const audio::UlawFrame& ulaw) {
  if (connection_ == nullptr || !media_) return;
  ++frames_out_;
  connection_->send_text(media_->fill(ulaw));
}

void MediaSession::send_mark(const std::string& name) {
  if (connection_ != nullptr) connection_->send_text(twilio::mark_message(stream_, name));
}

void MediaSession::clear() {
  if (connection_ == nullptr) return;
  // What still waits in our own queue must not be played after the clear.
  connection_->drop_queued();
  connection_->send_text(twilio::clear_message(stream_));
}

void MediaSession::close(CloseCode code, std::string_view reason) {
  if (finished_) return;
  net::WsConnection* connection = connection_;
  finish(std::string(reason));
  if (connection != nullptr) connection->close(static_cast<std::uint16_t>(code), reason);
}

void MediaSession::close_soon(CloseCode code, std::string reason) {
  loop_->post([weak = weak_from_this(), code, reason = std::move(reason)] {
    if (const auto session = weak.lock()) session->close(code, reason);
  });
}

void MediaSession::finish(std::string reason) {
  if (finished_) return;
  finished_ = true;
  if (start_timer_) start_timer_->cancel();
  if (driver_ != nullptr) driver_->close();
  StreamEnd end;
  end.finished = session_ != nullptr && session_->finished();
  end.gave_way = session_ != nullptr && session_->gives_way();
  driver_.reset();
  session_.reset();
  if (!begun_) return;
  end.reason = std::move(reason);
  if (connection_ != nullptr) end.stats = connection_->stats();
  end.frames_in = frames_in_;
  end.frames_out = frames_out_;
  log::info("WS_STOP", {{"call", call_.str()}, {"reason", end.reason}});
  log::info("WS_DONE", {{"call", call_.str()}, {"rx", frames_in_}, {"tx", frames_out_}});
  host_.stream_ended(call_, stream_, end);
}

void MediaSession::on_closed(const net::CloseInfo& info, Timestamp now) {
  if (driver_ != nullptr) driver_->handle(dialog::in::Hangup{"socket closed"}, now);
  finish(info.by_us ? "closed" : "closed by peer, code " + std::to_string(info.code));
  connection_ = nullptr;
}

}  // namespace al::agentd
