// May this message come now? The order rules of the media socket as a state machine without I/O, so that every sequence
// can be tried. It judges; the caller closes the socket, checks the token and delivers what passes.
//
//   opened -> (connected) -> start -> [token accepted] -> media | dtmf | mark … -> stop
//
// Before the token is accepted any fault closes at once and costs nothing. After it, faults are dropped and counted,
// and ten within ten seconds close. Not thread-safe: one per socket.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/time.h"
#include "twilio/media_message.h"

namespace al::twilio {

// RFC 6455 section 7.4.1 and the IANA registry of close codes.
enum class CloseCode : std::uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocol = 1002,
  kUnsupportedData = 1003,  // binary
  kBadPayload = 1007,       // not UTF-8 or not JSON
  kPolicy = 1008,           // token, order
  kTooBig = 1009,
  kInternal = 1011,
  kTryAgainLater = 1013,  // full
};

enum class StreamFault : std::uint8_t {
  kNotJson,
  kBinary,
  kTooBig,
  kStartTimeout,  // no start within the limit
  kMediaBeforeStart,
  kEventBeforeStart,  // mark or dtmf
  kStopWithoutStart,
  kSecondConnected,
  kSecondStart,
  kAfterStop,
  kUnknownEvent,
  kWrongStream,  // another streamSid than in start
  kSequenceGap,
  kSequenceOld,   // repeated or late
  kBadFormat,     // not 8 kHz mono µ-law
  kTokenMissing,  // by the caller, through reject()
  kTokenInvalid,
  kTokenExpired,
  kTokenUsed,
  kTokenPreview,
  kSecondSocket,
  kServerFull,
  kTooManyFaults,
  kCount,
};
// The label of the counter, "media_before_start".
[[nodiscard]] std::string_view to_string(StreamFault fault);

struct StreamVerdict {
  enum class Action { kDeliver, kIgnore, kClose };
  Action action = Action::kDeliver;
  std::optional<StreamFault> fault;     // counted
  CloseCode code = CloseCode::kNormal;  // kClose
  // kDeliver of media: frames that never came before this one, to be concealed (bounded by kMaxConcealed).
  std::uint32_t missing_frames = 0;
};

class StreamOrder {
 public:
  static constexpr Duration kStartLimit = seconds{3};
  static constexpr std::uint32_t kMaxFaults = 10;  // within kFaultWindow, after the token
  static constexpr Duration kFaultWindow = seconds{10};
  static constexpr std::uint32_t kMaxConcealed = 25;  // half a second; more is a new beginning

  explicit StreamOrder(Timestamp opened, Duration start_limit = kStartLimit);

  // Judges what came out of parse_media_message. A delivered Start must be answered by accept() or reject().
  StreamVerdict on_message(const Result<MediaMessage>& message, Timestamp now);
  StreamVerdict on_binary(Timestamp now);
  StreamVerdict on_too_big(Timestamp now);
  // The time given by deadline() has come.
  StreamVerdict on_deadline(Timestamp now);

  void accept();  // the token of `start` is right
  StreamVerdict reject(StreamFault why);

  [[nodiscard]] std::optional<Timestamp> deadline() const;  // until start was seen
  [[nodiscard]] bool started() const { return state_ == State::kStarted; }
  [[nodiscard]] bool stopped() const { return state_ == State::kStopped; }
  [[nodiscard]] std::uint64_t count(StreamFault fault) const { return counts_[static_cast<std::size_t>(fault)]; }

 private:
  enum class State { kOpened, kConnected, kWaitingForToken, kStarted, kStopped, kClosed };

  StreamVerdict fault(StreamFault why, CloseCode code, Timestamp now);
  StreamVerdict close(StreamFault why, CloseCode code);
  StreamVerdict judge(const msg::Connected& message, Timestamp now);
  StreamVerdict judge(const msg::Start& message, Timestamp now);
  StreamVerdict judge(const msg::Media& message, Timestamp now);
  StreamVerdict judge(const msg::Dtmf& message, Timestamp now);
  StreamVerdict judge(const msg::Mark& message, Timestamp now);
  StreamVerdict judge(const msg::Stop& message, Timestamp now);
  StreamVerdict judge(const msg::Unknown& message, Timestamp now);
  StreamVerdict judge_event(std::string_view stream, std::uint64_t sequence, Timestamp now);
  void note(StreamFault why);

  State state_ = State::kOpened;
  Timestamp start_by_;
  ShortText stream_;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t last_chunk_ = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(StreamFault::kCount)> counts_{};
  std::array<Timestamp, kMaxFaults> recent_{};  // a ring of the last faults
  std::size_t recent_size_ = 0;
  std::size_t recent_at_ = 0;
};

}  // namespace al::twilio
