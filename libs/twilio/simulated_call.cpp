// The line of the simulated call: the caller's voice, time, both tracks. TwiML: simulated_verbs.cpp; the media socket:
// simulated_socket.cpp.
#include "twilio/simulated_call.h"

#include <algorithm>
#include <utility>

#include "twilio/twiml_parse.h"

namespace al::twilio {
namespace {

constexpr Duration kStep = milliseconds{20};
constexpr std::uint8_t kSilence = 0xFF;

}  // namespace

SimulatedCall::SimulatedCall(SimulatedCallOptions options) : options_(std::move(options)), random_(options_.seed) {
  last_heard_.fill(kSilence);
}

std::optional<SimAction> SimulatedCall::poll() {
  if (actions_.empty()) return std::nullopt;
  SimAction action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

std::optional<Timestamp> SimulatedCall::deadline() const {
  std::optional<Timestamp> next;
  const auto sooner = [&](Timestamp when) { next = next ? std::min(*next, when) : when; };
  if (answered_at_ && !ended()) sooner(next_step_);
  if (wait_until_) sooner(*wait_until_);
  if (!delayed_.empty()) sooner(delayed_.front().due);
  for (const PendingHttp& request : http_) sooner(request.give_up);
  return next;
}

void SimulatedCall::note(Timestamp now, std::string what, std::string detail) {
  actions_.emplace_back(sim::Note{now, std::move(what), std::move(detail)});
}

void SimulatedCall::log_error(int code, std::string detail, Timestamp now) {
  note(now, "error", std::to_string(code) + " " + detail);
  debugger_.push_back({code, std::move(detail)});
}

void SimulatedCall::dial(Timestamp now) {
  if (leg_ != Leg::kIdle) return;
  note(now, "dial", options_.from + " calls " + options_.to);
  leg_ = Leg::kFetching;
  request_twiml(options_.webhook_url, "POST", {}, now);
}

void SimulatedCall::say(std::span<const std::uint8_t> ulaw) {
  voice_.insert(voice_.end(), ulaw.begin(), ulaw.end());
}

void SimulatedCall::press(char digit, Timestamp now) {
  note(now, "dtmf", std::string(1, digit));
  if (leg_ == Leg::kStreaming) {
    actions_.emplace_back(sim::SendText{stream_->dtmf(digit)});
    return;
  }
  if (leg_ == Leg::kRecording &&
      attribute_or(active_, "finishOnKey", "1234567890*#").find(digit) != std::string_view::npos) {
    finish_record(std::string(1, digit), now);
    return;
  }
  if (leg_ != Leg::kGathering) return;
  if (attribute_or(active_, "finishOnKey", "#").find(digit) != std::string_view::npos) {
    finish_gather(now);
    return;
  }
  digits_ += digit;
  const std::string_view wanted = attribute_or(active_, "numDigits", "");
  if (!wanted.empty() && std::to_string(digits_.size()) == wanted) finish_gather(now);
}

void SimulatedCall::hang_up(Timestamp now) {
  if (ended()) return;
  note(now, "hangup", "the caller hangs up");
  if (leg_ == Leg::kIdle) {
    leg_ = Leg::kEnded;
    return;
  }
  end_call(answered_at_ ? CallStatus::kCompleted : CallStatus::kNoAnswer, "the caller hung up", now);
}

void SimulatedCall::end_call(CallStatus status, std::string reason, Timestamp now) {
  if (ended()) return;
  close_stream(now);
  leg_ = Leg::kEnded;
  status_ = status;
  wait_until_.reset();
  // A TwiML answer that is still under way is of no use any more; status callbacks are waited for.
  std::erase_if(http_, [](const PendingHttp& request) { return request.purpose == sim::HttpPurpose::kTwiml; });
  twiml_request_ = 0;
  clip_request_ = 0;
  if (!options_.status_callback.empty()) {
    FormParams form = call_params();
    form.add("CallDuration", std::to_string(answered_at_ ? (now - *answered_at_) / seconds{1} : 0));
    form.add("CallbackSource", "call-progress-events");
    form.add("SequenceNumber", "0");
    request_status(sim::HttpPurpose::kCallStatus, options_.status_callback, std::move(form), now);
  }
  note(now, "ended", reason);
  actions_.emplace_back(sim::Ended{status, std::move(reason)});
}

std::array<std::uint8_t, kFrameBytes> SimulatedCall::next_voice_frame() {
  std::array<std::uint8_t, kFrameBytes> frame{};
  frame.fill(kSilence);
  const std::size_t taken = std::min(kFrameBytes, voice_.size());
  std::copy_n(voice_.begin(), taken, frame.begin());
  voice_.erase(voice_.begin(), voice_.begin() + static_cast<std::ptrdiff_t>(taken));
  return frame;
}

void SimulatedCall::send_caller_frame(Timestamp now) {
  const auto frame = next_voice_frame();
  if (options_.record) caller_track_.insert(caller_track_.end(), frame.begin(), frame.end());
  if (leg_ == Leg::kRecording) {
    // µ-law codes above 0x5F (sign apart) are amplitudes under 400 of 32768: no voice.
    const bool quiet = std::all_of(frame.begin(), frame.end(), [](std::uint8_t byte) { return (byte & 0x7F) > 0x5F; });
    ++record_frames_;
    record_quiet_ = quiet ? record_quiet_ + 1 : 0;
  }
  if (leg_ != Leg::kStreaming || !stream_) return;
  if (options_.loss > 0 && random_.unit() < options_.loss) {
    lost_frames_ = std::min<std::uint32_t>(lost_frames_ + 1, 1000);
    return;
  }
  const std::string text = stream_->media(frame, std::exchange(lost_frames_, 0));
  const int copies = options_.duplicate > 0 && random_.unit() < options_.duplicate ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (options_.jitter <= Duration{0}) {
      actions_.emplace_back(sim::SendText{text});
      continue;
    }
    const auto late =
        Duration{static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(options_.jitter.count()) + 1))};
    last_due_ = std::max(last_due_, now + late);  // TCP keeps the order
    delayed_.push_back({last_due_, text});
  }
}

void SimulatedCall::flush_delayed(Timestamp now) {
  while (!delayed_.empty() && delayed_.front().due <= now) {
    if (socket_open_) actions_.emplace_back(sim::SendText{std::move(delayed_.front().text)});
    delayed_.pop_front();
  }
}

// Twenty milliseconds of the line: what the caller says, then what the caller hears.
void SimulatedCall::step(Timestamp now) {
  ++frames_;
  send_caller_frame(now);
  last_heard_.fill(kSilence);
  if (leg_ == Leg::kStreaming && stream_) {
    PlayoutBuffer::Played played = stream_->play_frame();
    last_heard_ = played.ulaw;
    return_marks(std::move(played.marks), now);
  } else if (clip_at_ < clip_.size()) {
    const std::size_t taken = std::min(kFrameBytes, clip_.size() - clip_at_);
    std::copy_n(clip_.begin() + static_cast<std::ptrdiff_t>(clip_at_), taken, last_heard_.begin());
    clip_at_ += taken;
  }
  if (options_.record) agent_track_.insert(agent_track_.end(), last_heard_.begin(), last_heard_.end());
  if (leg_ == Leg::kSpeaking && clip_request_ == 0 && clip_at_ >= clip_.size()) next_verb(now);
  if (leg_ == Leg::kRecording) check_record(now);
  if (answered_at_ && now - *answered_at_ >= options_.max_call)
    end_call(CallStatus::kCompleted, "the longest allowed call", now);
}

void SimulatedCall::advance(Timestamp now) {
  flush_delayed(now);
  while (answered_at_ && !ended() && next_step_ <= now) {
    const Timestamp at = next_step_;
    next_step_ += kStep;
    step(at);
    flush_delayed(now);
  }
  const std::vector<PendingHttp> waiting = http_;
  for (const PendingHttp& request : waiting) {
    if (request.give_up <= now) http_failed(request.id, Error{Errc::kTimeout, "no answer within the limit"}, now);
  }
  if (!wait_until_ || *wait_until_ > now || ended()) return;
  wait_until_.reset();
  if (leg_ == Leg::kPausing) {
    next_verb(now);
  } else if (leg_ == Leg::kGathering) {
    finish_gather(now);
  } else if (half_open_) {
    half_open_ = false;
    log_error(31921, "the server went silent", now);
    stream_event("stream-error", "31921 - Stream - WebSocket - Connection lost", now);
    leave_stream(now);
    after_connect(options_.action_after_half_open, now);
  }
}

}  // namespace al::twilio
