// One /ws/twilio-media socket: order rules, the one-time token, then an echo or a call. It knows Twilio's messages and
// the socket; what a call is worth and what happens around it is the MediaHost's business. Lives on the socket's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agentd/call_desk.h"
#include "agentd/call_driver.h"
#include "audio/format.h"
#include "bridge/stream_bridge.h"
#include "core/ids.h"
#include "net/http_server.h"
#include "twilio/media_message.h"
#include "twilio/stream_order.h"

namespace al::agentd {

// What is around one call while its stream is open. Destroyed on the loop when the stream is over.
class CallSession {
 public:
  virtual ~CallSession() = default;
  // The driver of this call, started; `out` lives until the session is destroyed.
  virtual std::shared_ptr<CallDriver> start(net::Loop& loop, MediaOut& out, Timestamp now) = 0;
  // The conversation came to its end: the stream is not to be opened again.
  [[nodiscard]] virtual bool finished() const = 0;
  // False while what the caller says can change nothing any more (PLAYBACK=redirect: a clip is about to be played).
  [[nodiscard]] virtual bool listening() const { return true; }
  // The stream gives way to a clip of the agent's answer; the conversation goes on in the next stream.
  [[nodiscard]] virtual bool gives_way() const { return false; }
};

struct StreamEnd {
  std::string reason;  // "stop", "closed by peer", "policy: media_before_start", "drained", …
  net::WsStats stats;
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  bool finished = false;  // the conversation had come to its end
  bool gave_way = false;  // to a clip (PLAYBACK=redirect)
};

class MediaSession;

class MediaHost {
 public:
  virtual ~MediaHost() = default;
  // Token, account, call: what can be said at once, without I/O. A fault closes the socket.
  virtual std::optional<twilio::StreamFault> check_start(const twilio::msg::Start& start) = 0;
  // Claims the call in the registry. `granted` comes once, soon, from any thread: an error means that another socket or
  // the redirect was first. `lost` may come later, from any thread: the same, from a slow database.
  virtual void stream_started(const twilio::msg::Start& start, std::function<void(Result<StreamGrant>)> granted,
                              std::function<void()> lost) = 0;
  virtual void session_opened(const CallSid& call, const StreamSid& stream, std::weak_ptr<MediaSession> session) = 0;
  // Once a second while media arrives: the call is alive.
  virtual void stream_alive(const CallSid& call, const StreamSid& stream) = 0;
  virtual void stream_ended(const CallSid& call, const StreamSid& stream, const StreamEnd& end) = 0;
  virtual void count_fault(twilio::StreamFault fault, bool closed) = 0;
  // nullptr: WS_MODE=echo, the caller hears himself.
  virtual std::unique_ptr<CallSession> new_call(const twilio::msg::Start& start, const StreamGrant& grant) = 0;
};

class MediaSession final : public net::WsHandler, public MediaOut, public std::enable_shared_from_this<MediaSession> {
 public:
  explicit MediaSession(MediaHost& host, Duration start_limit = twilio::StreamOrder::kStartLimit)
      : host_(host), start_limit_(start_limit) {}

  void on_open(net::WsConnection& connection, Timestamp now) override;
  void on_text(std::string_view text, Timestamp now) override;
  void on_closed(const net::CloseInfo& info, Timestamp now) override;

  void send_media(const audio::UlawFrame& ulaw) override;
  void send_mark(const std::string& name) override;
  void clear() override;

  // Ends the stream from outside (drain, another winner). On the loop's thread.
  void close(twilio::CloseCode code, std::string_view reason);
  // The same from any thread.
  void close_soon(twilio::CloseCode code, std::string reason);

 private:
  void deliver(const twilio::MediaMessage& message, const twilio::StreamVerdict& verdict, Timestamp now);
  void begin(const twilio::msg::Start& start, Timestamp now);
  void on_media(const twilio::msg::Media& media, std::uint32_t missing, Timestamp now);
  void go_on(const twilio::msg::Start& start, const StreamGrant& grant);
  void take(const dialog::in::Media& frame, Timestamp now);
  void second_socket();
  void finish(std::string reason);

  MediaHost& host_;
  const Duration start_limit_;
  net::WsConnection* connection_ = nullptr;
  net::Loop* loop_ = nullptr;  // set once, before the session is known to anybody else
  std::optional<twilio::StreamOrder> order_;
  std::optional<net::Timer> start_timer_;
  CallSid call_;
  StreamSid stream_;
  std::optional<twilio::MediaTemplate> media_;
  bridge::FrameCutter cutter_;
  Timestamp started_{};
  bool granted_ = false;
  std::vector<dialog::in::Media> waiting_;  // frames that came before the grant, at most kMaxWaiting
  std::unique_ptr<CallSession> session_;
  std::shared_ptr<CallDriver> driver_;
  Timestamp alive_reported_{};
  std::uint64_t frames_in_ = 0;
  std::uint64_t frames_out_ = 0;
  bool begun_ = false;
  bool finished_ = false;
};

}  // namespace al::agentd
