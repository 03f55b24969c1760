#include "twilio/simulated_stream.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "twilio/base64.h"

namespace al::twilio {
namespace {

using nlohmann::json;

// True when `object` has exactly these members.
bool has_exactly(const json& object, std::initializer_list<std::string_view> names) {
  if (!object.is_object() || object.size() != names.size()) return false;
  return std::all_of(names.begin(), names.end(), [&](std::string_view name) { return object.contains(name); });
}

void append_text_member(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, value);
}

}  // namespace

SimulatedStream::SimulatedStream(StreamIdentity identity, bool keep_arrivals)
    : identity_(std::move(identity)), keep_arrivals_(keep_arrivals) {}

std::string SimulatedStream::head(std::string_view event) {
  std::string text =
      "{\"event\":\"" + std::string(event) + "\",\"sequenceNumber\":\"" + std::to_string(++sequence_) + "\"";
  append_text_member(text, "streamSid", identity_.stream_sid.str());
  return text;
}

std::string SimulatedStream::connected() const {
  return R"({"event":"connected","protocol":"Call","version":"1.0.0"})";
}

std::string SimulatedStream::start() {
  std::string text = head("start") + ",\"start\":{\"accountSid\":";
  append_json_string(text, identity_.account_sid.str());
  append_text_member(text, "streamSid", identity_.stream_sid.str());
  append_text_member(text, "callSid", identity_.call_sid.str());
  text += ",\"tracks\":[\"inbound\"],\"customParameters\":{";
  bool first = true;
  for (const auto& [name, value] : identity_.parameters) {
    if (!first) text += ',';
    first = false;
    append_json_string(text, name);
    text += ':';
    append_json_string(text, value);
  }
  return text + "},\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1}}}";
}

std::string SimulatedStream::media(std::span<const std::uint8_t> ulaw, std::uint32_t skip) {
  chunk_ += skip + 1;
  samples_ += skip * kFrameBytes;
  constexpr std::uint64_t kSamplesPerMs = 8;
  std::string text = head("media") + ",\"media\":{\"track\":\"inbound\",\"chunk\":\"" + std::to_string(chunk_) +
                     "\",\"timestamp\":\"" + std::to_string(samples_ / kSamplesPerMs) + "\",\"payload\":\"";
  const std::size_t at = text.size();
  text.append(base64_length(ulaw.size()), 'A');
  base64_encode(ulaw, text.data() + at);
  samples_ += ulaw.size();
  ++media_sent_;
  return text + "\"}}";
}

std::string SimulatedStream::dtmf(char digit) {
  return head("dtmf") + ",\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"" + std::string(1, digit) + "\"}}";
}

std::string SimulatedStream::mark(std::string_view name) {
  std::string text = head("mark") + ",\"mark\":{\"name\":";
  append_json_string(text, name);
  return text + "}}";
}

std::string SimulatedStream::stop() {
  std::string text = head("stop") + ",\"stop\":{\"accountSid\":";
  append_json_string(text, identity_.account_sid.str());
  append_text_member(text, "callSid", identity_.call_sid.str());
  return text + "}}";
}

void SimulatedStream::warn(int code, std::string detail) {
  const bool known =
      std::any_of(warnings_.begin(), warnings_.end(), [&](const Warning& one) { return one.code == code; });
  if (!known) warnings_.push_back({code, std::move(detail)});
}

void SimulatedStream::server_binary() {
  warn(31950, "a binary frame");
}

std::vector<std::string> SimulatedStream::server_text(std::string_view text, Timestamp now) {
  const Result<json> parsed = parse_json(text, 4 * kMaxMessageBytes);
  if (!parsed || !parsed->is_object()) {
    warn(31951, "a message that is no JSON object");
    return {};
  }
  const json& message = *parsed;
  const std::string event = json_string(message, "event");
  const json* inner = json_member(message, event);
  if (json_string(message, "streamSid") != identity_.stream_sid.str()) {
    warn(31951, "event '" + event + "' with another streamSid");
    return {};
  }
  if (event == "clear" && has_exactly(message, {"event", "streamSid"})) {
    ++clears_;
    last_clear_ = now;
    fresh_ = true;
    return playout_.clear();
  }
  const bool shaped = has_exactly(message, {"event", "streamSid", event});
  if (event == "mark" && shaped && has_exactly(*inner, {"name"}) && (*inner)["name"].is_string()) {
    fresh_ = true;
    return playout_.add_mark((*inner)["name"].get_ref<const std::string&>());
  }
  if (event != "media" || !shaped || !has_exactly(*inner, {"payload"}) || !(*inner)["payload"].is_string()) {
    warn(31951, "event '" + event.substr(0, 40) + "' is unknown, or has a missing or an extra field");
    return {};
  }
  const std::string& payload = (*inner)["payload"].get_ref<const std::string&>();
  std::vector<std::uint8_t> ulaw(base64_max_decoded(payload.size()));
  const auto size = base64_decode(payload, ulaw);
  if (!size) {
    warn(31951, "media.payload is not base64");
    return {};
  }
  ulaw.resize(*size);
  ++media_received_;
  if (keep_arrivals_) {
    arrivals_.push_back(
        {now, static_cast<std::uint32_t>(ulaw.size()), static_cast<std::uint32_t>(playout_.buffered_bytes()), fresh_});
  }
  fresh_ = false;
  if (!playout_.add_audio(ulaw)) warn(31931, "more than ten minutes of audio are waiting: discarded");
  return {};
}

}  // namespace al::twilio
