// The messages that a server sends to Twilio.
#include <cstring>

#include "core/json.h"
#include "twilio/base64.h"
#include "twilio/media_message.h"

namespace al::twilio {
namespace {

std::string begin_message(std::string_view event, const StreamSid& stream) {
  std::string text = "{\"event\":\"";
  text += event;
  text += "\",\"streamSid\":";
  append_json_string(text, stream.str());
  return text;
}

constexpr std::string_view kBeforePayload = ",\"media\":{\"payload\":\"";
constexpr std::string_view kAfterPayload = "\"}}";

}  // namespace

MediaTemplate::MediaTemplate(const StreamSid& stream) : text_(begin_message("media", stream)) {
  text_ += kBeforePayload;
  payload_at_ = text_.size();
  text_.append(base64_length(kFrameBytes), 'A');
  text_ += kAfterPayload;
}

std::string_view MediaTemplate::fill(std::span<const std::uint8_t, kFrameBytes> ulaw) {
  base64_encode(ulaw, text_.data() + payload_at_);
  return text_;
}

std::string media_message(const StreamSid& stream, std::span<const std::uint8_t> ulaw) {
  std::string text = begin_message("media", stream);
  text += kBeforePayload;
  const std::size_t at = text.size();
  text.append(base64_length(ulaw.size()), 'A');
  base64_encode(ulaw, text.data() + at);
  text += kAfterPayload;
  return text;
}

std::string mark_message(const StreamSid& stream, std::string_view name) {
  std::string text = begin_message("mark", stream) + ",\"mark\":{\"name\":";
  append_json_string(text, name);
  return text + "}}";
}

std::string clear_message(const StreamSid& stream) {
  return begin_message("clear", stream) + "}";
}

}  // namespace al::twilio
