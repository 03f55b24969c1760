#include "twilio/media_message.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "twilio/base64.h"

namespace al::twilio {

bool ShortText::assign(std::string_view text) {
  if (text.size() > kCapacity) return false;
  std::copy(text.begin(), text.end(), chars_.begin());
  size_ = static_cast<std::uint8_t>(text.size());
  return true;
}

bool AudioBytes::assign_base64(std::string_view text) {
  const std::size_t room = base64_max_decoded(text.size());
  // The two bytes that padding takes away may make it fit after all.
  if (room <= kFrameBytes + 2) {
    if (const auto size = base64_decode(text, near_)) {
      size_ = *size;
      return true;
    }
    if (room <= kFrameBytes) return false;
  }
  far_.resize(room);
  const auto size = base64_decode(text, far_);
  if (!size) return false;
  far_.resize(*size);
  size_ = *size;
  if (size_ <= kFrameBytes) std::copy(far_.begin(), far_.end(), near_.begin());
  return true;
}

bool operator==(const AudioBytes& a, const AudioBytes& b) {
  const auto left = a.bytes();
  const auto right = b.bytes();
  return std::equal(left.begin(), left.end(), right.begin(), right.end());
}

namespace {

using nlohmann::json;

constexpr std::size_t kMaxShortField = 64;  // the longest field the scanner looks into, payload apart

// ---- the scanner ------------------------------------------------------------------------------------------------

// Eight characters that are all printable ASCII, none of them a quote or a backslash? (Zero bytes of a word are found
// as in S. Anderson, "Bit Twiddling Hacks".) A payload of 216 characters costs a sixth of looking at each.
bool is_plain_word(const char* text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  constexpr std::uint64_t kHigh = 0x8080808080808080ULL;
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  const auto has = [word](std::uint8_t byte) {
    const std::uint64_t difference = word ^ (kOnes * byte);
    return (difference - kOnes) & ~difference;
  };
  const std::uint64_t control = (word - kOnes * 0x20) & ~word;
  return ((word | control | has('"') | has('\\') | has(0x7F)) & kHigh) == 0;
}

// A cursor over one flat JSON text. Refuses whatever it does not like; the full parser then decides.
struct Cursor {
  const char* at;
  const char* end;

  void skip_space() {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) ++at;
  }
  bool take(char c) {
    skip_space();
    if (at == end || *at != c) return false;
    ++at;
    return true;
  }
  // A string of printable ASCII without escapes: nothing else needs unescaping or a UTF-8 check.
  bool text(std::string_view& out) {
    if (!take('"')) return false;
    const char* const begin = at;
    while (end - at >= 8 && is_plain_word(at)) at += 8;
    while (at < end && *at != '"' && *at != '\\' && *at >= 0x20 && *at < 0x7F) ++at;
    if (at == end || *at != '"') return false;
    out = {begin, static_cast<std::size_t>(at - begin)};
    ++at;
    return true;
  }
};

bool whole_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Track> track_from(std::string_view text) {
  if (text == "inbound" || text == "inbound_track") return Track::kInbound;
  if (text == "outbound" || text == "outbound_track") return Track::kOutbound;
  return std::nullopt;
}

// Each key may come once: the full parser would take the last of several.
struct Seen {
  unsigned bits = 0;
  bool first(unsigned bit) {
    const bool fresh = (bits & (1U << bit)) == 0;
    bits |= 1U << bit;
    return fresh;
  }
};

bool scan_media_object(Cursor& cursor, msg::Media& out) {
  Seen seen;
  if (!cursor.take('{')) return false;
  do {
    std::string_view key;
    std::string_view value;
    if (!cursor.text(key) || !cursor.take(':') || !cursor.text(value)) return false;
    if (key == "payload") {
      if (!seen.first(0) || !out.audio.assign_base64(value)) return false;
    } else if (key == "track") {
      const auto track = track_from(value);
      if (!seen.first(1) || !track) return false;
      out.track = *track;
    } else if (key == "chunk") {
      if (!seen.first(2) || !whole_number(value, out.chunk)) return false;
    } else if (key == "timestamp") {
      if (!seen.first(3) || !whole_number(value, out.timestamp_ms)) return false;
    } else {
      return false;
    }
  } while (cursor.take(','));
  return cursor.take('}') && (seen.bits & 1U) != 0;
}

// ---- the full parser ----------------------------------------------------------------------------------------------

tl::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::kMalformed, "media message: " + detail);
}

// A number that may be written as text; 0 where absent or unreadable (sequence numbers are a help, not a promise).
std::uint64_t number_of(const json& object, std::string_view key) {
  const json* member = json_member(object, key);
  if (member == nullptr) return 0;
  if (member->is_number_unsigned()) return member->get<std::uint64_t>();
  std::uint64_t value = 0;
  if (member->is_string() && whole_number(member->get_ref<const std::string&>(), value)) return value;
  return 0;
}

StreamSid stream_of(const json& message) {
  return StreamSid(json_string(message, "streamSid"));
}

const json& object_of(const json& message, std::string_view key) {
  static const json kEmpty = json::object();
  const json* member = json_member(message, key);
  return member != nullptr && member->is_object() ? *member : kEmpty;
}

Result<MediaMessage> read_start(const json& message) {
  const json& start = object_of(message, "start");
  msg::Start out;
  out.sequence = number_of(message, "sequenceNumber");
  out.stream_sid = stream_of(message);
  if (out.stream_sid.empty()) out.stream_sid = StreamSid(json_string(start, "streamSid"));
  out.account_sid = AccountSid(json_string(start, "accountSid"));
  for (const auto& [name, value] : object_of(start, "customParameters").items()) {
    if (value.is_string()) out.parameters[name] = value.get<std::string>();
  }
  std::string call = json_string(start, "callSid");
  if (call.empty() && out.parameters.contains("call_sid")) call = out.parameters["call_sid"];
  out.call_sid = CallSid(std::move(call));
  if (const json* tracks = json_member(start, "tracks"); tracks != nullptr && tracks->is_array()) {
    for (const json& track : *tracks) {
      if (track.is_string()) out.tracks.push_back(track.get<std::string>());
    }
  }
  const json& format = object_of(start, "mediaFormat");
  out.encoding = json_string(format, "encoding");
  // More than an int holds is no rate that we could play.
  out.sample_rate_hz = static_cast<int>(std::min<std::uint64_t>(number_of(format, "sampleRate"), 1'000'000));
  out.channels = static_cast<int>(std::min<std::uint64_t>(number_of(format, "channels"), 1'000));
  if (out.stream_sid.empty()) return malformed("start without streamSid");
  if (out.stream_sid.str().size() > ShortText::kCapacity) return malformed("start.streamSid is too long");
  if (out.encoding != "audio/x-mulaw" || out.sample_rate_hz != 8000 || out.channels != 1) {
    return fail(Errc::kUnsupported, "media message: start.mediaFormat is '" + out.encoding + "' " +
                                        std::to_string(out.sample_rate_hz) + " Hz x " + std::to_string(out.channels) +
                                        ", only audio/x-mulaw 8000 Hz x 1 is known");
  }
  return MediaMessage(std::move(out));
}

Result<MediaMessage> read_media(const json& message) {
  const json& media = object_of(message, "media");
  msg::Media out;
  out.sequence = number_of(message, "sequenceNumber");
  out.chunk = number_of(media, "chunk");
  out.timestamp_ms = number_of(media, "timestamp");
  const std::string track = json_string(media, "track", "inbound");
  const auto known = track_from(track);
  if (!known) return malformed("unknown media.track");
  out.track = *known;
  if (!out.stream_sid.assign(json_string(message, "streamSid"))) return malformed("streamSid is too long");
  const json* payload = json_member(media, "payload");
  if (payload == nullptr || !payload->is_string()) return malformed("media without payload");
  if (!out.audio.assign_base64(payload->get_ref<const std::string&>())) return malformed("media.payload is not base64");
  return MediaMessage(std::move(out));
}

Result<MediaMessage> read_dtmf(const json& message) {
  const std::string digit = json_string(object_of(message, "dtmf"), "digit");
  constexpr std::string_view kDigits = "0123456789*#ABCD";
  if (digit.size() != 1 || kDigits.find(digit[0]) == std::string_view::npos)
    return malformed("dtmf.digit is not a key");
  msg::Dtmf out;
  out.sequence = number_of(message, "sequenceNumber");
  out.stream_sid = stream_of(message);
  out.digit = digit[0];
  return MediaMessage(std::move(out));
}

Result<MediaMessage> read_mark(const json& message) {
  const json* name = json_member(object_of(message, "mark"), "name");
  if (name == nullptr || !name->is_string()) return malformed("mark without name");
  msg::Mark out;
  out.sequence = number_of(message, "sequenceNumber");
  out.stream_sid = stream_of(message);
  out.name = name->get<std::string>();
  return MediaMessage(std::move(out));
}

Result<MediaMessage> read_stop(const json& message) {
  const json& stop = object_of(message, "stop");
  msg::Stop out;
  out.sequence = number_of(message, "sequenceNumber");
  out.stream_sid = stream_of(message);
  out.account_sid = AccountSid(json_string(stop, "accountSid"));
  out.call_sid = CallSid(json_string(stop, "callSid"));
  return MediaMessage(std::move(out));
}

}  // namespace

namespace detail {

bool scan_media(std::string_view text, msg::Media& out) {
  Cursor cursor{text.data(), text.data() + text.size()};
  Seen seen;
  if (!cursor.take('{')) return false;
  do {
    std::string_view key;
    std::string_view value;
    if (!cursor.text(key) || key.size() > kMaxShortField || !cursor.take(':')) return false;
    if (key == "media") {
      if (!seen.first(0) || !scan_media_object(cursor, out)) return false;
      continue;
    }
    if (!cursor.text(value)) return false;
    if (key == "event") {
      if (!seen.first(1) || value != "media") return false;
    } else if (key == "sequenceNumber") {
      if (!seen.first(2) || !whole_number(value, out.sequence)) return false;
    } else if (key == "streamSid") {
      if (!seen.first(3) || !out.stream_sid.assign(value)) return false;
    } else {
      return false;
    }
  } while (cursor.take(','));
  if (!cursor.take('}')) return false;
  cursor.skip_space();
  return cursor.at == cursor.end && (seen.bits & 3U) == 3U;
}

Result<MediaMessage> parse_with_json(std::string_view text) {
  const Result<json> parsed = parse_json(text, kMaxMessageBytes);
  if (!parsed) return malformed(parsed.error().detail);
  const json& message = *parsed;
  if (!message.is_object()) return malformed("not a JSON object");
  const json* event = json_member(message, "event");
  if (event == nullptr || !event->is_string()) return malformed("no event");
  const std::string& name = event->get_ref<const std::string&>();
  if (name == "media") return read_media(message);
  if (name == "connected") {
    return MediaMessage(msg::Connected{json_string(message, "protocol"), json_string(message, "version")});
  }
  if (name == "start") return read_start(message);
  if (name == "dtmf") return read_dtmf(message);
  if (name == "mark") return read_mark(message);
  if (name == "stop") return read_stop(message);
  return MediaMessage(msg::Unknown{name.substr(0, kMaxShortField)});
}

}  // namespace detail

Result<MediaMessage> parse_media_message(std::string_view text) {
  if (text.size() > kMaxMessageBytes) {
    return fail(Errc::kMalformed, "media message: " + std::to_string(text.size()) + " bytes, at most " +
                                      std::to_string(kMaxMessageBytes) + " are read");
  }
  Result<MediaMessage> result{tl::in_place, std::in_place_type<msg::Media>};
  if (detail::scan_media(text, std::get<msg::Media>(*result))) return result;
  return detail::parse_with_json(text);
}

}  // namespace al::twilio
