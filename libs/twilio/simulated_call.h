// Twilio's side of one telephone call, in virtual time: asks the webhook, follows the TwiML verb by verb, opens the
// media socket, sends the caller's voice every 20 ms, plays what comes back, returns marks, calls the status callbacks
// and the <Connect> action. Sans-I/O: a driver does the Actions (HTTP, socket, clips) and reports what happened. Facing
// a CallEngine it is a whole call without a socket; facing libs/net it is `alctl call`.
//
// Not thread-safe. After each method call, drain poll() to nullopt, then wake advance() at deadline(). `now` never goes
// back. The same options and reports give the same actions.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/random.h"
#include "core/time.h"
#include "twilio/call_status.h"
#include "twilio/form.h"
#include "twilio/simulated_stream.h"
#include "twilio/twiml.h"

namespace al::twilio {

struct SimulatedCallOptions {
  std::string webhook_url;      // of the number: https://…/webhook/incoming_call
  std::string status_callback;  // of the number, told when the call is over; empty = none
  std::string auth_token;       // signs every request and the upgrade; empty = nothing is signed
  bool sign_upgrade = true;
  AccountSid account_sid{"AC00000000000000000000000000000000"};
  CallSid call_sid{"CA00000000000000000000000000000000"};
  std::string from = "+972501234567";
  std::string to = "+97231234567";
  FormParams more_params;   // appended to every voice webhook
  std::string subprotocol;  // offered in the upgrade; the real Twilio offers none

  Duration http_timeout = seconds{15};
  Duration max_call = seconds{600};
  int max_requests = 50;  // TwiML documents in one call; ends runaway redirects

  // What the line does to the caller's frames on their way to the server. Order is kept, as TCP keeps it.
  Duration jitter{0};    // each frame up to this much late
  double loss = 0;       // 0..1: dropped by Twilio because the reader is slow (a hole in the chunk numbers)
  double duplicate = 0;  // 0..1: sent twice

  int lost_sockets = 0;  // so many streams are never opened: a network that swallows the handshake

  // What is not known of the real Twilio: is the action of <Connect> asked after …
  bool action_after_reset = true;             // … the socket broke
  bool action_after_half_open = true;         // … the peer went silent and was given up
  bool action_after_failed_handshake = true;  // … the upgrade was refused
  Duration half_open_notice = seconds{10};    // until a silent peer is given up
  // … or REST gave the call new TwiML while the stream was open? Asked and followed: the answer replaces that TwiML.
  enum class AfterUpdate { kNotAsked, kAskedAndIgnored, kAskedAndFollowed };
  AfterUpdate action_after_update = AfterUpdate::kNotAsked;

  bool record = true;         // keep both tracks
  bool keep_arrivals = true;  // keep when each media message of the server came
  std::uint64_t seed = 1;
};

namespace sim {
enum class HttpPurpose { kTwiml, kStreamStatus, kCallStatus, kRecordingStatus };
struct HttpRequest {  // answer with http_response() or http_failed()
  std::uint64_t id = 0;
  HttpPurpose purpose = HttpPurpose::kTwiml;
  std::string method;  // POST: `form` is the body; GET: it is in the URL already
  std::string url;
  FormParams form;
  std::string signature;  // X-Twilio-Signature; empty = unsigned
};
struct FetchClip {  // answer with clip_ready()
  std::uint64_t id = 0;
  std::string url;   // <Play>; empty for <Say>
  std::string text;  // <Say>
  std::string language;
};
struct OpenSocket {  // answer with socket_opened() or socket_refused()
  std::string url;
  std::string subprotocol;
  std::string signature;
};
struct SendText {
  std::string text;
};
struct CloseSocket {
  std::uint16_t code = 1000;
};
struct Note {  // for the timeline
  Timestamp at;
  std::string what;  // "twiml", "verb", "stream_start", "mark", "clear", "warning", "ended", …
  std::string detail;
};
struct Ended {
  CallStatus status = CallStatus::kCompleted;
  std::string reason;
};
}  // namespace sim
using SimAction = std::variant<sim::HttpRequest, sim::FetchClip, sim::OpenSocket, sim::SendText, sim::CloseSocket,
                               sim::Note, sim::Ended>;

struct HttpAnswer {
  int status = 200;
  std::string content_type;
  std::string body;
};

class SimulatedCall {
 public:
  enum class Leg { kIdle, kFetching, kSpeaking, kPausing, kRecording, kGathering, kConnecting, kStreaming, kEnded };
  enum class SocketEnd { kClosed, kReset, kHalfOpen };

  explicit SimulatedCall(SimulatedCallOptions options);

  // ---- the caller ----
  void dial(Timestamp now);                      // the call comes in: the webhook is asked
  void say(std::span<const std::uint8_t> ulaw);  // queued; one frame leaves every 20 ms, then silence again
  void stop_saying() { voice_.clear(); }
  [[nodiscard]] std::size_t unsaid_bytes() const { return voice_.size(); }
  void press(char digit, Timestamp now);
  void hang_up(Timestamp now);

  // ---- what became of the actions ----
  void http_response(std::uint64_t id, const HttpAnswer& answer, Timestamp now);
  void http_failed(std::uint64_t id, const Error& error, Timestamp now);
  void clip_ready(std::uint64_t id, std::vector<std::uint8_t> ulaw, Timestamp now);  // empty = could not be played
  void socket_opened(std::string_view subprotocol, Timestamp now);
  void socket_refused(int http_status, std::string_view why, Timestamp now);
  void socket_text(std::string_view text, Timestamp now);
  void socket_binary(Timestamp now);
  void socket_closed(SocketEnd how, std::uint16_t code, Timestamp now);
  void advance(Timestamp now);  // deadline() has come, or any time later: the missed 20 ms steps are made up

  // ---- REST: somebody updates the call (POST /Calls/{sid}.json) ----
  void rest_redirect(std::string_view url, Timestamp now);
  void rest_twiml(std::string_view twiml, Timestamp now);
  void rest_complete(Timestamp now);

  [[nodiscard]] std::optional<SimAction> poll();
  [[nodiscard]] std::optional<Timestamp> deadline() const;  // nullopt = only reports are awaited, or the call ended

  [[nodiscard]] Leg leg() const { return leg_; }
  [[nodiscard]] bool ended() const { return leg_ == Leg::kEnded; }
  [[nodiscard]] bool in_progress() const { return leg_ != Leg::kIdle && leg_ != Leg::kEnded; }
  [[nodiscard]] const SimulatedCallOptions& options() const { return options_; }
  [[nodiscard]] CallStatus status() const { return status_; }
  // The stream of now, or the last one; nullptr before the first.
  [[nodiscard]] const SimulatedStream* stream() const { return stream_.get(); }
  [[nodiscard]] int streams_opened() const { return streams_opened_; }
  [[nodiscard]] std::optional<Timestamp> answered_at() const { return answered_at_; }
  [[nodiscard]] std::optional<Timestamp> stream_started_at() const { return stream_started_at_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }  // 20 ms steps since the call was answered
  // Both sides since the call was answered, 160 bytes of µ-law per step, of equal length (empty without `record`).
  [[nodiscard]] const std::vector<std::uint8_t>& caller_track() const { return caller_track_; }
  [[nodiscard]] const std::vector<std::uint8_t>& agent_track() const { return agent_track_; }
  // The frame the caller heard last.
  [[nodiscard]] std::span<const std::uint8_t> last_heard() const { return last_heard_; }
  // Warnings and errors Twilio would have logged, over all streams and documents.
  [[nodiscard]] const std::vector<SimulatedStream::Warning>& debugger() const { return debugger_; }

 private:
  struct DelayedText {
    Timestamp due;
    std::string text;
  };
  struct PendingHttp {
    std::uint64_t id;
    sim::HttpPurpose purpose;
    Timestamp give_up;
  };

  // simulated_call.cpp: the line
  void step(Timestamp now);
  void send_caller_frame(Timestamp now);
  void flush_delayed(Timestamp now);
  void note(Timestamp now, std::string what, std::string detail);
  void log_error(int code, std::string detail, Timestamp now);
  void end_call(CallStatus status, std::string reason, Timestamp now);
  [[nodiscard]] std::array<std::uint8_t, kFrameBytes> next_voice_frame();

  // simulated_verbs.cpp: TwiML
  void run_document(std::string_view document, Timestamp now);
  void next_verb(Timestamp now);
  void run_verb(const TwimlElement& verb, Timestamp now);
  void begin_connect(const TwimlElement& connect, Timestamp now);
  void begin_record(const TwimlElement& record, Timestamp now);
  void begin_gather(const TwimlElement& gather, Timestamp now);
  void begin_clip(const TwimlElement& verb, Timestamp now);
  void finish_record(std::string_view ended_by, Timestamp now);
  void finish_gather(Timestamp now);
  void check_record(Timestamp now);
  void request_twiml(std::string_view url, std::string_view method, const FormParams& more, Timestamp now);
  void request_status(sim::HttpPurpose purpose, std::string_view url, FormParams form, Timestamp now);
  [[nodiscard]] FormParams call_params() const;
  [[nodiscard]] std::string resolve(std::string_view url) const;
  void sign(sim::HttpRequest& request) const;

  // simulated_socket.cpp: the media socket
  void stream_event(std::string_view event, std::string_view error, Timestamp now);
  void return_marks(std::vector<std::string> names, Timestamp now);
  void collect_warnings(Timestamp now);
  void leave_stream(Timestamp now);
  void after_connect(bool ask_action, Timestamp now);
  void ask_replaced_action(Timestamp now);
  void close_stream(Timestamp now);  // Twilio's side ends it: stop, close

  SimulatedCallOptions options_;
  Random random_;
  Leg leg_ = Leg::kIdle;
  std::deque<SimAction> actions_;
  std::deque<std::uint8_t> voice_;

  std::optional<Timestamp> answered_at_;
  std::optional<Timestamp> stream_started_at_;
  Timestamp next_step_{};
  std::uint64_t frames_ = 0;
  CallStatus status_ = CallStatus::kRinging;

  std::vector<PendingHttp> http_;
  std::uint64_t next_id_ = 0;
  std::uint64_t twiml_request_ = 0;  // the one request whose answer is awaited; 0 = none
  std::uint64_t clip_request_ = 0;
  int requests_ = 0;

  TwimlElement document_;
  std::size_t next_verb_ = 0;
  std::string document_url_;
  std::optional<Timestamp> wait_until_;  // <Pause>, <Gather>, a clip, a silent peer
  std::vector<std::uint8_t> clip_;
  std::size_t clip_at_ = 0;

  TwimlElement connect_;
  std::string stream_status_url_;
  std::unique_ptr<SimulatedStream> stream_;
  bool socket_open_ = false;
  bool half_open_ = false;
  int streams_opened_ = 0;
  std::size_t warnings_seen_ = 0;
  std::deque<DelayedText> delayed_;
  Timestamp last_due_{};
  std::uint32_t lost_frames_ = 0;  // since the last one that left

  TwimlElement active_;  // the <Record> or <Gather> that is running
  std::string digits_;
  std::uint64_t record_frames_ = 0;
  std::uint64_t record_quiet_ = 0;

  std::vector<std::uint8_t> caller_track_;
  std::vector<std::uint8_t> agent_track_;
  std::array<std::uint8_t, kFrameBytes> last_heard_{};
  std::vector<SimulatedStream::Warning> debugger_;
};

}  // namespace al::twilio
