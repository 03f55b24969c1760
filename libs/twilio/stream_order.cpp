#include "twilio/stream_order.h"

#include <algorithm>
#include <variant>

namespace al::twilio {
namespace {

// Nothing to deliver, nothing to count: what comes after the close.
constexpr StreamVerdict kNothing{StreamVerdict::Action::kIgnore, std::nullopt, CloseCode::kNormal, 0};

}  // namespace

std::string_view to_string(StreamFault fault) {
  switch (fault) {
    case StreamFault::kNotJson:
      return "not_json";
    case StreamFault::kBinary:
      return "binary";
    case StreamFault::kTooBig:
      return "too_big";
    case StreamFault::kStartTimeout:
      return "start_timeout";
    case StreamFault::kMediaBeforeStart:
      return "media_before_start";
    case StreamFault::kEventBeforeStart:
      return "event_before_start";
    case StreamFault::kStopWithoutStart:
      return "stop_without_start";
    case StreamFault::kSecondConnected:
      return "second_connected";
    case StreamFault::kSecondStart:
      return "second_start";
    case StreamFault::kAfterStop:
      return "after_stop";
    case StreamFault::kUnknownEvent:
      return "unknown_event";
    case StreamFault::kWrongStream:
      return "wrong_stream";
    case StreamFault::kSequenceGap:
      return "sequence_gap";
    case StreamFault::kSequenceOld:
      return "sequence_old";
    case StreamFault::kBadFormat:
      return "bad_format";
    case StreamFault::kTokenMissing:
      return "token_missing";
    case StreamFault::kTokenInvalid:
      return "token_invalid";
    case StreamFault::kTokenExpired:
      return "token_expired";
    case StreamFault::kTokenUsed:
      return "token_used";
    case StreamFault::kTokenPreview:
      return "token_preview";
    case StreamFault::kSecondSocket:
      return "second_socket";
    case StreamFault::kServerFull:
      return "server_full";
    case StreamFault::kTooManyFaults:
      return "too_many_faults";
    case StreamFault::kCount:
      break;
  }
  return "unknown";
}

StreamOrder::StreamOrder(Timestamp opened, Duration start_limit) : start_by_(opened + start_limit) {}

void StreamOrder::note(StreamFault why) {
  ++counts_[static_cast<std::size_t>(why)];
}

StreamVerdict StreamOrder::close(StreamFault why, CloseCode code) {
  state_ = State::kClosed;
  return {StreamVerdict::Action::kClose, why, code, 0};
}

StreamVerdict StreamOrder::fault(StreamFault why, CloseCode code, Timestamp now) {
  if (state_ == State::kClosed) return kNothing;
  note(why);
  if (state_ != State::kStarted && state_ != State::kStopped) return close(why, code);
  recent_[recent_at_] = now;
  recent_at_ = (recent_at_ + 1) % recent_.size();
  recent_size_ = std::min(recent_size_ + 1, recent_.size());
  const Timestamp oldest = recent_size_ < recent_.size() ? Timestamp::min() : recent_[recent_at_];
  if (recent_size_ == recent_.size() && now - oldest <= kFaultWindow) {
    note(StreamFault::kTooManyFaults);
    return close(why, code);
  }
  return {StreamVerdict::Action::kIgnore, why, code, 0};
}

StreamVerdict StreamOrder::on_message(const Result<MediaMessage>& message, Timestamp now) {
  if (state_ == State::kClosed) return kNothing;
  if (!message) {
    if (message.error().code == Errc::kUnsupported) return fault(StreamFault::kBadFormat, CloseCode::kPolicy, now);
    return fault(StreamFault::kNotJson, CloseCode::kBadPayload, now);
  }
  return std::visit([&](const auto& event) { return judge(event, now); }, *message);
}

StreamVerdict StreamOrder::on_binary(Timestamp now) {
  return fault(StreamFault::kBinary, CloseCode::kUnsupportedData, now);
}

StreamVerdict StreamOrder::on_too_big(Timestamp) {
  if (state_ == State::kClosed) return kNothing;
  note(StreamFault::kTooBig);
  return close(StreamFault::kTooBig, CloseCode::kTooBig);  // the rest of the message would have to be read
}

StreamVerdict StreamOrder::on_deadline(Timestamp now) {
  const auto limit = deadline();
  if (!limit || now < *limit) return kNothing;
  note(StreamFault::kStartTimeout);
  return close(StreamFault::kStartTimeout, CloseCode::kPolicy);
}

void StreamOrder::accept() {
  if (state_ == State::kWaitingForToken) state_ = State::kStarted;
}

StreamVerdict StreamOrder::reject(StreamFault why) {
  if (state_ == State::kClosed) return kNothing;
  note(why);
  return close(why, why == StreamFault::kServerFull ? CloseCode::kTryAgainLater : CloseCode::kPolicy);
}

std::optional<Timestamp> StreamOrder::deadline() const {
  // A token that is being looked up does not stop the clock: a stranger is gone within the limit whatever happens.
  const bool waiting = state_ == State::kOpened || state_ == State::kConnected || state_ == State::kWaitingForToken;
  return waiting ? std::optional(start_by_) : std::nullopt;
}

StreamVerdict StreamOrder::judge(const msg::Connected&, Timestamp now) {
  if (state_ != State::kOpened) return fault(StreamFault::kSecondConnected, CloseCode::kPolicy, now);
  state_ = State::kConnected;
  return {};
}

StreamVerdict StreamOrder::judge(const msg::Start& message, Timestamp now) {
  if (state_ != State::kOpened && state_ != State::kConnected) {
    return fault(StreamFault::kSecondStart, CloseCode::kPolicy, now);
  }
  // The parser has refused identifiers that are too long.
  static_cast<void>(stream_.assign(message.stream_sid.str()));
  last_sequence_ = message.sequence;
  state_ = State::kWaitingForToken;
  return {};
}

StreamVerdict StreamOrder::judge(const msg::Media& message, Timestamp now) {
  if (state_ == State::kStopped) return fault(StreamFault::kAfterStop, CloseCode::kPolicy, now);
  if (state_ != State::kStarted) return fault(StreamFault::kMediaBeforeStart, CloseCode::kPolicy, now);
  if (message.track == Track::kOutbound) return fault(StreamFault::kWrongStream, CloseCode::kPolicy, now);
  if (!message.stream_sid.view().empty() && !(message.stream_sid == stream_)) {
    return fault(StreamFault::kWrongStream, CloseCode::kPolicy, now);
  }
  last_sequence_ = std::max(last_sequence_, message.sequence);
  if (message.chunk == 0) return {};  // not numbered
  // Loss and repetition are the line's doing, not an offence: counted, never a reason to close.
  if (message.chunk <= last_chunk_) {
    note(StreamFault::kSequenceOld);
    return {StreamVerdict::Action::kIgnore, StreamFault::kSequenceOld, CloseCode::kNormal, 0};
  }
  const std::uint64_t missing = message.chunk - last_chunk_ - 1;
  last_chunk_ = message.chunk;
  if (missing == 0) return {};
  note(StreamFault::kSequenceGap);
  StreamVerdict verdict;
  verdict.fault = StreamFault::kSequenceGap;
  verdict.missing_frames = static_cast<std::uint32_t>(std::min<std::uint64_t>(missing, kMaxConcealed));
  return verdict;
}

StreamVerdict StreamOrder::judge_event(std::string_view stream, std::uint64_t sequence, Timestamp now) {
  if (state_ == State::kStopped) return fault(StreamFault::kAfterStop, CloseCode::kPolicy, now);
  if (state_ != State::kStarted) return fault(StreamFault::kEventBeforeStart, CloseCode::kPolicy, now);
  if (!stream.empty() && stream != stream_.view()) return fault(StreamFault::kWrongStream, CloseCode::kPolicy, now);
  last_sequence_ = std::max(last_sequence_, sequence);
  return {};
}

StreamVerdict StreamOrder::judge(const msg::Dtmf& message, Timestamp now) {
  return judge_event(message.stream_sid.str(), message.sequence, now);
}

StreamVerdict StreamOrder::judge(const msg::Mark& message, Timestamp now) {
  return judge_event(message.stream_sid.str(), message.sequence, now);
}

StreamVerdict StreamOrder::judge(const msg::Stop& message, Timestamp now) {
  if (state_ == State::kStopped) return fault(StreamFault::kAfterStop, CloseCode::kPolicy, now);
  if (state_ != State::kStarted) return fault(StreamFault::kStopWithoutStart, CloseCode::kPolicy, now);
  const std::string& stream = message.stream_sid.str();
  if (!stream.empty() && stream != stream_.view()) return fault(StreamFault::kWrongStream, CloseCode::kPolicy, now);
  state_ = State::kStopped;
  return {};
}

StreamVerdict StreamOrder::judge(const msg::Unknown&, Timestamp) {
  // Twilio may add events: ignored before and after start, bounded by the start limit and by the message rate.
  note(StreamFault::kUnknownEvent);
  return {StreamVerdict::Action::kIgnore, StreamFault::kUnknownEvent, CloseCode::kNormal, 0};
}

}  // namespace al::twilio
