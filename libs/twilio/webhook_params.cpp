#include "twilio/webhook_params.h"

#include <charconv>

namespace al::twilio {
namespace {

std::string text_of(const FormParams& form, std::string_view key) {
  return std::string(form.get(key));
}

template <typename Number>
std::optional<Number> number_of(const FormParams& form, std::string_view key) {
  const std::string_view text = form.get(key);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<CallSid> call_of(const FormParams& form) {
  const std::string_view sid = form.get("CallSid");
  if (!is_twilio_sid(sid, "CA")) {
    return fail(Errc::kMalformed, sid.empty() ? "CallSid is missing" : "CallSid is not CA and 32 hex digits");
  }
  return CallSid(std::string(sid));
}

AccountSid account_of(const FormParams& form) {
  return AccountSid(text_of(form, "AccountSid"));
}

}  // namespace

Result<VoiceRequest> read_voice_request(const FormParams& form) {
  auto call = call_of(form);
  if (!call) return fail(call.error());
  VoiceRequest out;
  out.call_sid = *call;
  out.account_sid = account_of(form);
  out.from = text_of(form, "From");
  out.to = text_of(form, "To");
  out.status = call_status_from_text(form.get("CallStatus"));
  out.direction = text_of(form, "Direction");
  out.forwarded_from = text_of(form, "ForwardedFrom");
  out.caller_name = text_of(form, "CallerName");
  out.digits = text_of(form, "Digits");
  out.error_code = text_of(form, "ErrorCode");
  out.error_url = text_of(form, "ErrorUrl");
  return out;
}

Result<StreamStatus> read_stream_status(const FormParams& form) {
  auto call = call_of(form);
  if (!call) return fail(call.error());
  StreamStatus out;
  out.call_sid = *call;
  out.account_sid = account_of(form);
  out.stream_sid = StreamSid(text_of(form, "StreamSid"));
  out.stream_name = text_of(form, "StreamName");
  out.error = text_of(form, "StreamError");
  out.timestamp = text_of(form, "Timestamp");
  const std::string_view event = form.get("StreamEvent");
  if (event == "stream-started") {
    out.event = StreamEvent::kStarted;
  } else if (event == "stream-stopped") {
    out.event = StreamEvent::kStopped;
  } else if (event == "stream-error") {
    out.event = StreamEvent::kError;
  } else {
    return fail(Errc::kMalformed, "StreamEvent is none of stream-started, stream-stopped, stream-error");
  }
  return out;
}

Result<CallStatusReport> read_call_status(const FormParams& form) {
  auto call = call_of(form);
  if (!call) return fail(call.error());
  const auto status = call_status_from_text(form.get("CallStatus"));
  if (!status) return fail(Errc::kMalformed, "CallStatus is missing or unknown");
  CallStatusReport out;
  out.call_sid = *call;
  out.account_sid = account_of(form);
  out.status = *status;
  out.duration_s = number_of<int>(form, "CallDuration");
  out.sequence = number_of<std::uint64_t>(form, "SequenceNumber");
  out.sip_response_code = text_of(form, "SipResponseCode");
  out.timestamp = text_of(form, "Timestamp");
  return out;
}

Result<RecordingReport> read_recording(const FormParams& form) {
  auto call = call_of(form);
  if (!call) return fail(call.error());
  RecordingReport out;
  out.call_sid = *call;
  out.account_sid = account_of(form);
  out.recording_sid = text_of(form, "RecordingSid");
  out.url = text_of(form, "RecordingUrl");
  out.status = text_of(form, "RecordingStatus");
  out.duration_s = number_of<int>(form, "RecordingDuration");
  out.digits = text_of(form, "Digits");
  out.from = text_of(form, "From");
  out.to = text_of(form, "To");
  return out;
}

Result<IncomingMessage> read_message(const FormParams& form) {
  constexpr int kMaxMedia = 10;
  IncomingMessage out;
  out.message_sid = text_of(form, "MessageSid");
  out.from = text_of(form, "From");
  if (out.message_sid.empty()) return fail(Errc::kMalformed, "MessageSid is missing");
  if (out.from.empty()) return fail(Errc::kMalformed, "From is missing");
  out.account_sid = account_of(form);
  out.to = text_of(form, "To");
  out.body = text_of(form, "Body");
  out.profile_name = text_of(form, "ProfileName");
  out.wa_id = text_of(form, "WaId");
  out.message_type = text_of(form, "MessageType");
  out.button_payload = text_of(form, "ButtonPayload");
  for (int i = 0; i < kMaxMedia; ++i) {
    const auto url = form.find("MediaUrl" + std::to_string(i));
    if (!url) break;
    out.media.push_back({std::string(*url), text_of(form, "MediaContentType" + std::to_string(i))});
  }
  return out;
}

Result<MessageStatusReport> read_message_status(const FormParams& form) {
  MessageStatusReport out;
  out.message_sid = text_of(form, "MessageSid");
  out.status = text_of(form, "MessageStatus");
  if (out.message_sid.empty()) return fail(Errc::kMalformed, "MessageSid is missing");
  if (out.status.empty()) return fail(Errc::kMalformed, "MessageStatus is missing");
  out.account_sid = account_of(form);
  out.to = text_of(form, "To");
  out.from = text_of(form, "From");
  out.error_code = number_of<int>(form, "ErrorCode");
  out.error_message = text_of(form, "ErrorMessage");
  return out;
}

}  // namespace al::twilio
