// TwiML documents, built so that nothing can be forgotten to be escaped (XML 1.0; Twilio: voice/twiml).
// A small element tree, its rendering, and the documents that a call needs. Pure and thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.h"

namespace al::twilio {

inline constexpr std::string_view kTwimlContentType = "text/xml; charset=utf-8";
inline constexpr std::size_t kMaxTwimlBytes = 64 * 1024;  // error 11750 beyond

// One element: text or children, not both.
struct TwimlElement {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;  // in the order in which they are written
  std::string text;
  std::vector<TwimlElement> children;

  TwimlElement& attribute(std::string_view key, std::string_view value);
  // Adds a child and returns it; the reference lives until the next child is added.
  TwimlElement& child(std::string_view child_name, std::string_view child_text = {});
};

// `<?xml version="1.0" encoding="UTF-8"?>` and the tree, on one line. Characters that XML 1.0 forbids and bytes that
// are not UTF-8 are replaced by U+FFFD or left out (control characters).
[[nodiscard]] std::string render_twiml(const TwimlElement& response);

// Something Twilio shall speak: a clip of ours when `play_url` is set, else its own voice.
struct SpokenLine {
  std::string play_url;
  std::string text;
  std::string language = "he-IL";                 // BCP 47, as Twilio's <Say> knows it
  std::string voice = "Google.he-IL-Standard-A";  // must fit the language; empty = Twilio's choice
};

struct StreamTwiml {
  std::string stream_url;       // wss://host/ws/twilio-media, no query (Twilio strips it)
  std::string status_callback;  // https://host/webhook/stream_status
  std::string connect_action;   // https://host/webhook/stream_ended
  std::vector<std::pair<std::string, std::string>> parameters;  // call_sid, token, …; name + value under 500 characters
  std::optional<std::string> play_first;                        // a clip played before the stream (delays it)
};

// The answer to an incoming call, and to a resumed one (`resume` adds the parameter resume=<tries so far>).
[[nodiscard]] std::string connect_stream_twiml(const StreamTwiml& stream);

struct VoicemailTwiml {
  SpokenLine greeting;
  SpokenLine thanks;
  std::string record_action;    // https://host/webhook/handle_recording: always absolute, never left out
  std::string status_callback;  // recordingStatusCallback; empty = none
  int max_length_s = 120;
  int silence_timeout_s = 5;
};
// Greet, <Record>, thank, hang up. The thanks is heard where nothing was recorded; after a recording Twilio asks
// `record_action`, which answers with goodbye_twiml(thanks).
[[nodiscard]] std::string voicemail_twiml(const VoicemailTwiml& voicemail);
// A full node or one over its budget: an apology, then voicemail.
[[nodiscard]] std::string apology_twiml(const SpokenLine& apology, const VoicemailTwiml& voicemail);
// PLAYBACK=redirect: play a synthesised clip, then open the stream again.
[[nodiscard]] std::string play_then_connect_twiml(std::string_view clip_url, const StreamTwiml& stream);
// One last sentence, then hang up.
[[nodiscard]] std::string goodbye_twiml(const SpokenLine& line);
[[nodiscard]] std::string hangup_twiml();
[[nodiscard]] std::string empty_twiml();                         // "<Response/>": nothing to do
[[nodiscard]] std::string message_twiml(std::string_view text);  // the answer to a WhatsApp message

}  // namespace al::twilio
