// What the media sockets need of this node: admission, the registry, a call behind each granted stream. Also knows the
// open sessions, so that a drain can hand them over. Sockets of several loops use it: thread-safe.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "agentd/media_session.h"
#include "agentd/phone_call.h"
#include "agentd/web_gate.h"

namespace al::agentd {

// What a stranger may do on the socket before and after `start`.
struct MediaLimits {
  Duration start = twilio::StreamOrder::kStartLimit;   // WS_START_TIMEOUT_SEC
  std::size_t max_message = twilio::kMaxMessageBytes;  // WS_MAX_MESSAGE_BYTES
};

class MediaService final : public MediaHost {
 public:
  // `context` null: WS_MODE=echo.
  MediaService(const WebGate& gate, CallDesk& desk, Metrics& metrics, CallContext* context, MediaLimits limits = {});

  // "/ws/twilio-media" for HttpServer.
  [[nodiscard]] net::WsRoute route();
  // Closes one stream of a call, if it is open here.
  void close_stream(const CallSid& call, const StreamSid& stream, twilio::CloseCode code, std::string_view reason);
  // Closes the stream of one call, or of all. Twilio then asks /webhook/stream_ended what comes next.
  void close_call(const CallSid& call, twilio::CloseCode code, std::string_view reason);
  void close_all(twilio::CloseCode code, std::string_view reason);
  [[nodiscard]] std::size_t open_sessions() const;

  std::optional<twilio::StreamFault> check_start(const twilio::msg::Start& start) override;
  void stream_started(const twilio::msg::Start& start, std::function<void(Result<StreamGrant>)> granted,
                      std::function<void()> lost) override;
  void stream_alive(const CallSid& call, const StreamSid& stream) override;
  void stream_ended(const CallSid& call, const StreamSid& stream, const StreamEnd& end) override;
  void count_fault(twilio::StreamFault fault, bool closed) override;
  std::unique_ptr<CallSession> new_call(const twilio::msg::Start& start, const StreamGrant& grant) override;
  void session_opened(const CallSid& call, const StreamSid& stream, std::weak_ptr<MediaSession> session) override;

 private:
  net::WsDecision accept(const net::HttpRequest& request);

  const WebGate& gate_;
  CallDesk& desk_;
  Metrics& metrics_;
  CallContext* context_;
  const MediaLimits limits_;
  std::atomic<std::uint64_t> calls_{0};
  mutable std::mutex mutex_;
  struct Open {
    StreamSid stream;  // a call may have its next stream before its last one is closed here
    std::weak_ptr<MediaSession> session;
  };
  std::map<CallSid, Open> sessions_;
};

}  // namespace al::agentd
