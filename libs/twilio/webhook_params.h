// Typed views of what Twilio posts: only what this program uses, every field optional unless it says so, texts kept raw
// (`From` may be "anonymous", "client:x" or a SIP address). Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "twilio/call_status.h"
#include "twilio/form.h"

namespace al::twilio {

struct VoiceRequest {  // an incoming call, and every further TwiML request of it
  CallSid call_sid;    // required, CA + 32 hex digits
  AccountSid account_sid;
  std::string from;
  std::string to;
  std::optional<CallStatus> status;
  std::string direction;
  std::string forwarded_from;
  std::string caller_name;
  std::string digits;      // <Gather>, <Record>
  std::string error_code;  // on a fallback URL
  std::string error_url;
};
[[nodiscard]] Result<VoiceRequest> read_voice_request(const FormParams& form);

enum class StreamEvent { kStarted, kStopped, kError };
struct StreamStatus {  // statusCallback of <Stream>
  CallSid call_sid;    // required
  AccountSid account_sid;
  StreamSid stream_sid;
  std::string stream_name;
  StreamEvent event = StreamEvent::kStarted;  // required
  std::string error;                          // text, on kError
  std::string timestamp;                      // ISO 8601, as sent
};
[[nodiscard]] Result<StreamStatus> read_stream_status(const FormParams& form);

struct CallStatusReport {  // StatusCallback of the number or of the call
  CallSid call_sid;        // required
  AccountSid account_sid;
  CallStatus status = CallStatus::kQueued;  // required
  std::optional<int> duration_s;
  std::optional<std::uint64_t> sequence;
  std::string sip_response_code;
  std::string timestamp;  // RFC 2822, as sent
};
[[nodiscard]] Result<CallStatusReport> read_call_status(const FormParams& form);

struct RecordingReport {  // `action` of <Record> and recordingStatusCallback
  CallSid call_sid;       // required
  AccountSid account_sid;
  std::string recording_sid;
  std::string url;     // empty: nothing was recorded
  std::string status;  // completed, in-progress, absent, failed; empty on the action request
  std::optional<int> duration_s;
  std::string digits;  // the key that ended it, or "hangup"
  std::string from;
  std::string to;
};
[[nodiscard]] Result<RecordingReport> read_recording(const FormParams& form);

struct MessageMedia {
  std::string url;
  std::string content_type;
};
struct IncomingMessage {    // WhatsApp or SMS
  std::string message_sid;  // required
  AccountSid account_sid;
  std::string from;  // "whatsapp:+972…", required
  std::string to;
  std::string body;
  std::string profile_name;
  std::string wa_id;
  std::string message_type;  // text, image, audio, button, …
  std::string button_payload;
  std::vector<MessageMedia> media;  // at most 10
};
[[nodiscard]] Result<IncomingMessage> read_message(const FormParams& form);

struct MessageStatusReport {
  std::string message_sid;  // required
  AccountSid account_sid;
  std::string status;  // required
  std::string to;
  std::string from;
  std::optional<int> error_code;
  std::string error_message;
};
[[nodiscard]] Result<MessageStatusReport> read_message_status(const FormParams& form);

}  // namespace al::twilio
