#include "twilio/twiml.h"

#include "core/utf8.h"

namespace al::twilio {
namespace {

constexpr std::string_view kProlog = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

// XML 1.0 section 2.2: tab, line feed and carriage return are the only control characters; U+FFFE and U+FFFF are none.
bool is_xml_character(char32_t c) {
  if (c < 0x20) return c == '\t' || c == '\n' || c == '\r';
  return c != 0xFFFE && c != 0xFFFF;
}

// `in_attribute`: also quotes, and white space that a parser would turn into a plain space.
void append_escaped(std::string& out, std::string_view text, bool in_attribute) {
  while (!text.empty()) {
    const char32_t c = take_codepoint(text);
    if (!is_xml_character(c)) continue;
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (in_attribute && c == '"') {
      out += "&quot;";
    } else if (in_attribute && c == '\t') {
      out += "&#x9;";
    } else if (in_attribute && c == '\n') {
      out += "&#xA;";
    } else if (c == '\r') {
      out += "&#xD;";  // a parser would read a bare one as a line feed
    } else {
      append_utf8(out, c);
    }
  }
}

void append_element(std::string& out, const TwimlElement& element) {
  out += '<';
  out += element.name;
  for (const auto& [key, value] : element.attributes) {
    out += ' ';
    out += key;
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
  }
  if (element.text.empty() && element.children.empty()) {
    out += "/>";
    return;
  }
  out += '>';
  append_escaped(out, element.text, false);
  for (const TwimlElement& child : element.children) append_element(out, child);
  out += "</";
  out += element.name;
  out += '>';
}

TwimlElement response() {
  TwimlElement root;
  root.name = "Response";
  return root;
}

void add_line(TwimlElement& parent, const SpokenLine& line) {
  if (!line.play_url.empty()) {
    parent.child("Play", line.play_url);
    return;
  }
  if (line.text.empty()) return;  // an empty <Say> is error 13520
  TwimlElement& say = parent.child("Say", line.text);
  if (!line.language.empty()) say.attribute("language", line.language);
  if (!line.voice.empty()) say.attribute("voice", line.voice);
}

void add_stream(TwimlElement& root, const StreamTwiml& stream) {
  TwimlElement& connect = root.child("Connect");
  if (!stream.connect_action.empty()) connect.attribute("action", stream.connect_action);
  TwimlElement& inner = connect.child("Stream");
  inner.attribute("url", stream.stream_url);
  if (!stream.status_callback.empty()) inner.attribute("statusCallback", stream.status_callback);
  for (const auto& [name, value] : stream.parameters) {
    inner.child("Parameter").attribute("name", name).attribute("value", value);
  }
}

void add_voicemail(TwimlElement& root, const VoicemailTwiml& voicemail) {
  add_line(root, voicemail.greeting);
  TwimlElement& record = root.child("Record");
  record.attribute("action", voicemail.record_action);
  record.attribute("method", "POST");
  record.attribute("maxLength", std::to_string(voicemail.max_length_s));
  record.attribute("timeout", std::to_string(voicemail.silence_timeout_s));
  record.attribute("playBeep", "true");
  if (!voicemail.status_callback.empty()) {
    record.attribute("recordingStatusCallback", voicemail.status_callback);
    record.attribute("recordingStatusCallbackEvent", "completed absent");
  }
  // Reached only where nothing was recorded: a recording leads to the action.
  add_line(root, voicemail.thanks);
  root.child("Hangup");
}

}  // namespace

TwimlElement& TwimlElement::attribute(std::string_view key, std::string_view value) {
  attributes.emplace_back(key, value);
  return *this;
}

TwimlElement& TwimlElement::child(std::string_view child_name, std::string_view child_text) {
  TwimlElement& made = children.emplace_back();
  made.name = child_name;
  made.text = child_text;
  return made;
}

std::string render_twiml(const TwimlElement& root) {
  std::string out(kProlog);
  append_element(out, root);
  return out;
}

std::string connect_stream_twiml(const StreamTwiml& stream) {
  TwimlElement root = response();
  if (stream.play_first && !stream.play_first->empty()) root.child("Play", *stream.play_first);
  add_stream(root, stream);
  return render_twiml(root);
}

std::string voicemail_twiml(const VoicemailTwiml& voicemail) {
  TwimlElement root = response();
  add_voicemail(root, voicemail);
  return render_twiml(root);
}

std::string apology_twiml(const SpokenLine& apology, const VoicemailTwiml& voicemail) {
  TwimlElement root = response();
  add_line(root, apology);
  add_voicemail(root, voicemail);
  return render_twiml(root);
}

std::string play_then_connect_twiml(std::string_view clip_url, const StreamTwiml& stream) {
  StreamTwiml with_clip = stream;
  with_clip.play_first = std::string(clip_url);
  return connect_stream_twiml(with_clip);
}

std::string goodbye_twiml(const SpokenLine& line) {
  TwimlElement root = response();
  add_line(root, line);
  root.child("Hangup");
  return render_twiml(root);
}

std::string hangup_twiml() {
  TwimlElement root = response();
  root.child("Hangup");
  return render_twiml(root);
}

std::string empty_twiml() {
  return render_twiml(response());
}

std::string message_twiml(std::string_view text) {
  TwimlElement root = response();
  if (!text.empty()) root.child("Message").child("Body", text);
  return render_twiml(root);
}

}  // namespace al::twilio
