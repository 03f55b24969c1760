// The messages of Twilio Media Streams (Twilio: voice/media-streams/websocket-messages), both ways.
//
// Inbound: text -> MediaMessage. A `media` message in the shape that Twilio sends is read by a scanner without any
// allocation; everything else (other events, escapes, odd order or types) goes to a full JSON parser, and both agree on
// every text (tested against each other). Numbers are accepted as strings and as numbers, unknown fields are ignored.
// Outbound: a template in which only the payload is patched.
// Pure; no state is shared between objects.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/ids.h"

namespace al::twilio {

inline constexpr std::size_t kFrameBytes = 160;             // 20 ms of µ-law at 8 kHz
inline constexpr std::size_t kMaxMessageBytes = 64 * 1024;  // of one text message, either way

// A short text kept inside the object: identifiers of a message that arrives 50 times a second.
class ShortText {
 public:
  static constexpr std::size_t kCapacity = 47;
  ShortText() = default;
  // False, and unchanged, when the text is too long.
  [[nodiscard]] bool assign(std::string_view text);
  [[nodiscard]] std::string_view view() const { return {chars_.data(), size_}; }
  friend bool operator==(const ShortText& a, const ShortText& b) { return a.view() == b.view(); }

 private:
  std::array<char, kCapacity> chars_{};
  std::uint8_t size_ = 0;
};

// Audio bytes of one message: up to 20 ms inside the object, more (Twilio allows any size) on the heap.
class AudioBytes {
 public:
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return size_ <= kFrameBytes ? std::span<const std::uint8_t>(near_.data(), size_)
                                : std::span<const std::uint8_t>(far_);
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  // Decodes base64 text in place. False when it is not base64.
  [[nodiscard]] bool assign_base64(std::string_view text);
  friend bool operator==(const AudioBytes& a, const AudioBytes& b);

 private:
  std::array<std::uint8_t, kFrameBytes> near_{};
  std::vector<std::uint8_t> far_;
  std::size_t size_ = 0;
};

enum class Track { kInbound, kOutbound };

namespace msg {
struct Connected {
  std::string protocol;  // "Call"
  std::string version;   // "1.0.0"
  friend bool operator==(const Connected&, const Connected&) = default;
};
struct Start {
  std::uint64_t sequence = 0;
  StreamSid stream_sid;
  AccountSid account_sid;
  CallSid call_sid;  // start.callSid, else customParameters.call_sid
  std::vector<std::string> tracks;
  std::map<std::string, std::string> parameters;  // customParameters
  std::string encoding;                           // "audio/x-mulaw"
  int sample_rate_hz = 0;                         // 8000
  int channels = 0;                               // 1
  friend bool operator==(const Start&, const Start&) = default;
};
struct Media {
  std::uint64_t sequence = 0;      // counts every message after connected; 0 = not given
  std::uint64_t chunk = 0;         // counts media messages from 1; 0 = not given
  std::uint64_t timestamp_ms = 0;  // of the first sample, since the stream began
  Track track = Track::kInbound;
  ShortText stream_sid;
  AudioBytes audio;  // µ-law, 8 kHz, mono
  friend bool operator==(const Media&, const Media&) = default;
};
struct Dtmf {
  std::uint64_t sequence = 0;
  StreamSid stream_sid;
  char digit = 0;  // 0-9 * # A-D
  friend bool operator==(const Dtmf&, const Dtmf&) = default;
};
struct Mark {
  std::uint64_t sequence = 0;
  StreamSid stream_sid;
  std::string name;
  friend bool operator==(const Mark&, const Mark&) = default;
};
struct Stop {
  std::uint64_t sequence = 0;
  StreamSid stream_sid;
  AccountSid account_sid;
  CallSid call_sid;
  friend bool operator==(const Stop&, const Stop&) = default;
};
struct Unknown {  // an event that this version does not know: ignore and count
  std::string event;
  friend bool operator==(const Unknown&, const Unknown&) = default;
};
}  // namespace msg

using MediaMessage =
    std::variant<msg::Connected, msg::Start, msg::Media, msg::Dtmf, msg::Mark, msg::Stop, msg::Unknown>;

// Errors: kMalformed, naming the field; kUnsupported for a media format other than 8 kHz mono µ-law.
[[nodiscard]] Result<MediaMessage> parse_media_message(std::string_view text);

// The two ways of parse_media_message, for tests. scan: false = "not in the usual shape, ask the full parser".
namespace detail {
[[nodiscard]] bool scan_media(std::string_view text, msg::Media& out);
[[nodiscard]] Result<MediaMessage> parse_with_json(std::string_view text);
}  // namespace detail

// ---- what a server sends ------------------------------------------------------------------------------------------

// {"event":"media",…} with 20 ms of audio, patched in place: no allocation per frame. One per stream and thread.
class MediaTemplate {
 public:
  explicit MediaTemplate(const StreamSid& stream);
  // The message for one frame; the view lives until the next call.
  [[nodiscard]] std::string_view fill(std::span<const std::uint8_t, kFrameBytes> ulaw);
  // Its length in bytes, the same for every frame.
  [[nodiscard]] std::size_t size() const { return text_.size(); }

 private:
  std::string text_;
  std::size_t payload_at_ = 0;
};

// Any number of µ-law bytes in one message.
[[nodiscard]] std::string media_message(const StreamSid& stream, std::span<const std::uint8_t> ulaw);
// Returned by Twilio once everything before it was played or cleared. Names should be unique in a stream.
[[nodiscard]] std::string mark_message(const StreamSid& stream, std::string_view name);
[[nodiscard]] std::string clear_message(const StreamSid& stream);

}  // namespace al::twilio
