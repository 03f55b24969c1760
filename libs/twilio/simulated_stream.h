// Twilio's end of one media socket, without the socket: the messages it sends (with the right fields, numbers as
// strings, one sequence), and what it does with the messages it gets, including the warnings it would log.
// Used by SimulatedCall; also usable alone. Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "twilio/media_message.h"
#include "twilio/simulated_playout.h"

namespace al::twilio {

struct StreamIdentity {
  AccountSid account_sid;
  CallSid call_sid;
  StreamSid stream_sid;
  std::vector<std::pair<std::string, std::string>> parameters;
};

// One media message of the server, as it arrived.
struct MediaArrival {
  Timestamp at;
  std::uint32_t bytes = 0;            // of µ-law
  std::uint32_t buffered_before = 0;  // bytes waiting when it came; 0 = it started (or restarted) the sound
  bool after_mark_or_clear = false;   // the first since a mark or a clear: a new speech
};

class SimulatedStream {
 public:
  SimulatedStream(StreamIdentity identity, bool keep_arrivals);

  // ---- what Twilio sends; each returns the text of one message ----
  [[nodiscard]] std::string connected() const;
  [[nodiscard]] std::string start();
  // 20 ms of the caller (any size is allowed); `skip` leaves a hole in the chunk numbers, as congestion does (31930).
  [[nodiscard]] std::string media(std::span<const std::uint8_t> ulaw, std::uint32_t skip = 0);
  [[nodiscard]] std::string dtmf(char digit);
  [[nodiscard]] std::string mark(std::string_view name);
  [[nodiscard]] std::string stop();

  // ---- what the server sends ----
  // Returns the marks that are due at once, to be sent back with mark().
  [[nodiscard]] std::vector<std::string> server_text(std::string_view text, Timestamp now);
  void server_binary();
  // Twenty milliseconds pass on the line.
  [[nodiscard]] PlayoutBuffer::Played play_frame() { return playout_.play_frame(); }

  // Twilio's warnings, each once a stream: 31950 binary, 31951 invalid message, 31931 buffer full.
  struct Warning {
    int code;
    std::string detail;
  };
  [[nodiscard]] const std::vector<Warning>& warnings() const { return warnings_; }
  [[nodiscard]] const PlayoutBuffer& playout() const { return playout_; }
  [[nodiscard]] const std::vector<MediaArrival>& arrivals() const { return arrivals_; }
  [[nodiscard]] std::uint64_t media_received() const { return media_received_; }
  [[nodiscard]] std::uint64_t media_sent() const { return media_sent_; }
  [[nodiscard]] std::uint64_t clears() const { return clears_; }
  [[nodiscard]] Timestamp last_clear() const { return last_clear_; }
  // Nothing came since the last mark or clear: the server has said all it wanted to.
  [[nodiscard]] bool speech_closed() const { return fresh_; }
  [[nodiscard]] const StreamIdentity& identity() const { return identity_; }

 private:
  void warn(int code, std::string detail);
  [[nodiscard]] std::string head(std::string_view event);

  StreamIdentity identity_;
  bool keep_arrivals_;
  PlayoutBuffer playout_;
  std::uint64_t sequence_ = 0;
  std::uint64_t chunk_ = 0;
  std::uint64_t samples_ = 0;  // sent so far: gives the timestamp
  std::uint64_t media_sent_ = 0;
  std::uint64_t media_received_ = 0;
  std::uint64_t clears_ = 0;
  Timestamp last_clear_{};
  bool fresh_ = true;  // the next media message starts a speech
  std::vector<MediaArrival> arrivals_;
  std::vector<Warning> warnings_;
};

}  // namespace al::twilio
