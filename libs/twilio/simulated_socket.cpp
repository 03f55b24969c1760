// The media socket of the simulated call: from <Connect><Stream> to the action that follows it.
#include <algorithm>

#include "twilio/signature.h"
#include "twilio/simulated_call.h"
#include "twilio/twiml_parse.h"

namespace al::twilio {
namespace {

// MZ and 32 hex digits made of the call's own, so that runs repeat exactly.
StreamSid make_stream_sid(const CallSid& call, int number) {
  const std::string& sid = call.str();
  std::string tail = sid.size() > 2 ? sid.substr(2) : std::string(32, '0');
  tail.resize(32, '0');
  constexpr std::string_view kHex = "0123456789abcdef";
  tail[0] = kHex[static_cast<std::size_t>(number) % kHex.size()];
  return StreamSid("MZ" + tail);
}

}  // namespace

void SimulatedCall::begin_connect(const TwimlElement& connect, Timestamp now) {
  connect_ = connect;
  const auto inner = std::find_if(connect.children.begin(), connect.children.end(),
                                  [](const TwimlElement& child) { return child.name == "Stream"; });
  if (inner == connect.children.end()) {
    log_error(12200, "<Connect> without a <Stream>", now);
    next_verb(now);
    return;
  }
  std::string url = resolve(attribute_or(*inner, "url", ""));
  stream_status_url_ = attribute_or(*inner, "statusCallback", "");
  const bool secure = url.starts_with("wss://");
  const bool local =
      url.starts_with("ws://127.0.0.1") || url.starts_with("ws://localhost") || url.starts_with("ws://[::1]");
  if (!secure && !local) {
    log_error(31922, "the stream's URL is not wss://: " + url, now);
    after_connect(options_.action_after_failed_handshake, now);
    return;
  }
  url = url.substr(0, url.find('?'));  // Twilio removes the query without a word

  StreamIdentity identity;
  identity.account_sid = options_.account_sid;
  identity.call_sid = options_.call_sid;
  identity.stream_sid = make_stream_sid(options_.call_sid, ++streams_opened_);
  for (const TwimlElement& child : inner->children) {
    if (child.name != "Parameter") continue;
    identity.parameters.emplace_back(attribute_or(child, "name", ""), attribute_or(child, "value", ""));
  }
  stream_ = std::make_unique<SimulatedStream>(std::move(identity), options_.keep_arrivals);
  warnings_seen_ = 0;
  leg_ = Leg::kConnecting;

  sim::OpenSocket open;
  open.url = url;
  open.subprotocol = options_.subprotocol;
  if (options_.sign_upgrade && !options_.auth_token.empty()) {
    open.signature = compute_signature(options_.auth_token, url, nullptr);
  }
  note(now, "connect", url);
  if (streams_opened_ <= options_.lost_sockets) return;
  actions_.emplace_back(std::move(open));
}

void SimulatedCall::socket_opened(std::string_view subprotocol, Timestamp now) {
  if (leg_ != Leg::kConnecting) {
    actions_.emplace_back(sim::CloseSocket{1000});
    return;
  }
  if (subprotocol != options_.subprotocol && !subprotocol.empty()) {
    // RFC 6455 section 4.1: a client fails the connection when it gets a subprotocol that it did not ask for.
    actions_.emplace_back(sim::CloseSocket{1002});
    socket_refused(101, "the server chose a subprotocol that was not offered: '" + std::string(subprotocol) + "'", now);
    return;
  }
  leg_ = Leg::kStreaming;
  socket_open_ = true;
  half_open_ = false;
  stream_started_at_ = now;
  lost_frames_ = 0;
  note(now, "stream_start", stream_->identity().stream_sid.str());
  actions_.emplace_back(sim::SendText{stream_->connected()});
  actions_.emplace_back(sim::SendText{stream_->start()});
  stream_event("stream-started", "", now);
}

void SimulatedCall::socket_refused(int http_status, std::string_view why, Timestamp now) {
  if (leg_ != Leg::kConnecting) return;
  log_error(31920, "handshake failed (" + std::to_string(http_status) + "): " + std::string(why), now);
  stream_event("stream-error", "31920 - Stream - WebSocket - Handshake Error", now);
  after_connect(options_.action_after_failed_handshake, now);
}

void SimulatedCall::socket_text(std::string_view text, Timestamp now) {
  if (leg_ != Leg::kStreaming || !stream_ || half_open_) return;
  const std::uint64_t clears = stream_->clears();
  return_marks(stream_->server_text(text, now), now);
  if (stream_->clears() != clears) note(now, "clear", "");
  collect_warnings(now);
}

void SimulatedCall::socket_binary(Timestamp now) {
  if (leg_ != Leg::kStreaming || !stream_) return;
  stream_->server_binary();
  collect_warnings(now);
}

void SimulatedCall::socket_closed(SocketEnd how, std::uint16_t code, Timestamp now) {
  if (leg_ != Leg::kStreaming) return;
  if (how == SocketEnd::kHalfOpen) {
    half_open_ = true;
    wait_until_ = now + options_.half_open_notice;
    return;
  }
  constexpr std::uint16_t kNormal = 1000;
  const bool reset = how == SocketEnd::kReset;
  note(now, "stream_stop", reset ? "the connection broke" : "the server closed with " + std::to_string(code));
  if (reset || code != kNormal) {
    log_error(31921, reset ? "the connection broke" : "closed by the server with " + std::to_string(code), now);
    stream_event("stream-error", "31921 - Stream - WebSocket - Connection lost", now);
  } else {
    stream_event("stream-stopped", "", now);
  }
  leave_stream(now);
  after_connect(!reset || options_.action_after_reset, now);
}

void SimulatedCall::stream_event(std::string_view event, std::string_view error, Timestamp now) {
  if (stream_status_url_.empty() || !stream_) return;
  const StreamIdentity& identity = stream_->identity();
  FormParams form{{"AccountSid", identity.account_sid.str()},
                  {"CallSid", identity.call_sid.str()},
                  {"StreamSid", identity.stream_sid.str()},
                  {"StreamName", identity.stream_sid.str()},
                  {"StreamEvent", event},
                  {"Timestamp", to_iso8601(WallTime{std::chrono::floor<milliseconds>(now.time_since_epoch())})}};
  if (!error.empty()) form.add("StreamError", error);
  request_status(sim::HttpPurpose::kStreamStatus, stream_status_url_, std::move(form), now);
}

void SimulatedCall::return_marks(std::vector<std::string> names, Timestamp now) {
  for (const std::string& name : names) {
    note(now, "mark", name);
    actions_.emplace_back(sim::SendText{stream_->mark(name)});
  }
}

void SimulatedCall::collect_warnings(Timestamp now) {
  const auto& warnings = stream_->warnings();
  for (; warnings_seen_ < warnings.size(); ++warnings_seen_) {
    log_error(warnings[warnings_seen_].code, warnings[warnings_seen_].detail, now);
  }
}

void SimulatedCall::leave_stream(Timestamp) {
  socket_open_ = false;
  half_open_ = false;
  wait_until_.reset();
  delayed_.clear();
}

void SimulatedCall::close_stream(Timestamp now) {
  if (leg_ == Leg::kConnecting) {
    actions_.emplace_back(sim::CloseSocket{1000});
    leg_ = Leg::kFetching;
    return;
  }
  if (leg_ != Leg::kStreaming) return;
  flush_delayed(Timestamp::max());
  actions_.emplace_back(sim::SendText{stream_->stop()});
  actions_.emplace_back(sim::CloseSocket{1000});
  note(now, "stream_stop", "Twilio ends the stream");
  stream_event("stream-stopped", "", now);
  leave_stream(now);
  leg_ = Leg::kFetching;
}

void SimulatedCall::after_connect(bool ask_action, Timestamp now) {
  const std::string action(attribute_or(connect_, "action", ""));
  if (action.empty() || !ask_action) {
    next_verb(now);
    return;
  }
  request_twiml(action, attribute_or(connect_, "method", "POST"), {}, now);
}

// The stream was ended by new TwiML from REST: the action of its <Connect> has nothing to decide any more, but nobody
// promises that it is not asked.
void SimulatedCall::ask_replaced_action(Timestamp now) {
  using AfterUpdate = SimulatedCallOptions::AfterUpdate;
  const std::string action(attribute_or(connect_, "action", ""));
  if (options_.action_after_update == AfterUpdate::kNotAsked || action.empty() || ended()) return;
  sim::HttpRequest request;
  request.id = ++next_id_;
  request.method = "POST";
  request.url = resolve(action);
  request.form = call_params();
  sign(request);
  if (options_.action_after_update == AfterUpdate::kAskedAndFollowed) twiml_request_ = request.id;
  http_.push_back({request.id, sim::HttpPurpose::kTwiml, now + options_.http_timeout});
  note(now, "request", "POST " + request.url + " (of the replaced <Connect>)");
  actions_.emplace_back(std::move(request));
}

}  // namespace al::twilio
