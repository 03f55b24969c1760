#include "agentd/media_service.h"

#include <utility>
#include <vector>

#include "core/log.h"

namespace al::agentd {
namespace {
constexpr std::string_view kSubprotocol = "audio.twilio.com";
// No message for so long: the peer is gone without a word. Twilio sends fifty a second.
constexpr milliseconds kSilence{30'000};
constexpr milliseconds kStartSlack{500};
}  // namespace

MediaService::MediaService(const WebGate& gate, CallDesk& desk, Metrics& metrics, CallContext* context,
                           MediaLimits limits)
    : gate_(gate), desk_(desk), metrics_(metrics), context_(context), limits_(limits) {
  desk_.watch_lost_streams([this](const CallSid& call, const StreamSid& stream) {
    close_stream(call, stream, twilio::CloseCode::kPolicy, "another stream has the call");
  });
}

net::WsRoute MediaService::route() {
  net::WsRoute route;
  route.pattern = "/ws/twilio-media";
  route.accept = [this](const net::HttpRequest& request) { return accept(request); };
  route.max_message = limits_.max_message;
  // The session's own order rules are first; this is for one that never says anything.
  route.authenticate_within = std::chrono::ceil<milliseconds>(limits_.start) + kStartSlack;
  route.silence_timeout = kSilence;
  return route;
}

net::WsDecision MediaService::accept(const net::HttpRequest& request) {
  net::WsDecision decision;
  const auto verdict = gate_.check_upgrade(request);
  if (!verdict.ok) {
    log::warn("WS_REFUSED", {{"client", gate_.client_address(request)}, {"why", verdict.detail}});
    decision.refuse = net::HttpResponse::text(403, "Forbidden\n");
    return decision;
  }
  const bool offered = net::header_has_token(request.headers, "Sec-WebSocket-Protocol", kSubprotocol);
  if (offered) decision.subprotocol = kSubprotocol;
  log::info("WS_HANDSHAKE", {{"client", gate_.client_address(request)},
                             {"subprotocol", offered ? kSubprotocol : "none offered"},
                             {"signature", verdict.checked ? "valid" : verdict.detail}});
  decision.handler = std::make_shared<MediaSession>(*this, limits_.start);
  return decision;
}

std::optional<twilio::StreamFault> MediaService::check_start(const twilio::msg::Start& start) {
  return desk_.check_start(start);
}

void MediaService::stream_started(const twilio::msg::Start& start, std::function<void(Result<StreamGrant>)> granted,
                                  std::function<void()> lost) {
  desk_.stream_started(start, std::move(granted), std::move(lost));
}

void MediaService::session_opened(const CallSid& call, const StreamSid& stream, std::weak_ptr<MediaSession> session) {
  const std::lock_guard lock(mutex_);
  sessions_[call] = {stream, std::move(session)};
}

void MediaService::stream_alive(const CallSid& call, const StreamSid& stream) {
  desk_.media_seen(call, stream);
}

void MediaService::stream_ended(const CallSid& call, const StreamSid& stream, const StreamEnd& end) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(call);
    if (found != sessions_.end() && found->second.stream == stream) sessions_.erase(found);
  }
  if (context_ != nullptr) {
    metrics_.call_ended(end.finished              ? "finished"
                        : end.gave_way            ? "played"
                        : end.reason == "drained" ? "handed_over"
                                                  : "stopped");
  }
  desk_.stream_closed(call, stream, end.finished, end.reason);
}

void MediaService::count_fault(twilio::StreamFault fault, bool closed) {
  metrics_.stream_fault(twilio::to_string(fault), closed);
}

std::unique_ptr<CallSession> MediaService::new_call(const twilio::msg::Start& start, const StreamGrant& grant) {
  if (context_ == nullptr) return nullptr;
  return std::make_unique<PhoneCall>(*context_, start, grant, ++calls_);
}

void MediaService::close_stream(const CallSid& call, const StreamSid& stream, twilio::CloseCode code,
                                std::string_view reason) {
  std::shared_ptr<MediaSession> session;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(call);
    if (found != sessions_.end() && found->second.stream == stream) session = found->second.session.lock();
  }
  if (session) session->close_soon(code, std::string(reason));
}

void MediaService::close_call(const CallSid& call, twilio::CloseCode code, std::string_view reason) {
  std::shared_ptr<MediaSession> session;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(call);
    if (found != sessions_.end()) session = found->second.session.lock();
  }
  if (session) session->close_soon(code, std::string(reason));
}

void MediaService::close_all(twilio::CloseCode code, std::string_view reason) {
  std::vector<std::shared_ptr<MediaSession>> open;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [call, one] : sessions_) {
      if (auto alive = one.session.lock()) open.push_back(std::move(alive));
    }
  }
  for (const auto& session : open) session->close_soon(code, std::string(reason));
}

std::size_t MediaService::open_sessions() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace al::agentd
