#include "agentd/call_pages.h"

#include <filesystem>
#include <utility>

#include "core/log.h"

namespace al::agentd {
namespace {

// What Twilio itself says where no clip of the agent's own voice is there.
struct Sentences {
  std::string_view voicemail;
  std::string_view thanks;
};
Sentences sentences_for(std::string_view language) {
  if (language.starts_with("he") || language.starts_with("iw")) {
    return {"לא נוכל לענות כרגע. אפשר להשאיר הודעה אחרי הצליל, ונחזור אליכם.",
            "תודה, ההודעה נשמרה. נחזור אליכם בהקדם."};
  }
  return {"We cannot take your call right now. Please leave a message after the tone, and we will call you back.",
          "Thank you, your message is saved. We will call you back."};
}

std::string stream_origin(const std::string& base) {
  // https -> wss; http -> ws, which only a local test uses.
  return base.starts_with("https") ? "wss" + base.substr(5) : "ws" + base.substr(4);
}

}  // namespace

CallPages::CallPages(const Settings& settings, std::shared_ptr<const dialog::Persona> persona, ClipPath clip_path)
    : persona_(std::move(persona)),
      clip_path_(std::move(clip_path)),
      voicemail_max_s_(static_cast<int>(settings.duration("voicemail_max_sec").count() / 1'000'000)) {
  // Twilio speaks Hebrew with Google's voices only; for other languages its own default voice is right.
  if (!settings.given("voicemail_language") && persona_->language.starts_with("he")) {
    say_language_ = "he-IL";
    say_voice_ = "Google.he-IL-Standard-A";
  } else {
    say_language_ = settings.given("voicemail_language") ? settings.string("voicemail_language") : persona_->language;
  }
  if (settings.boolean("twiml_play_greeting")) {
    const std::filesystem::path clip = settings.string("greeting_clip");
    const std::filesystem::path folder = settings.string("static_dir");
    if (!clip.empty() && !folder.empty() && std::filesystem::is_regular_file(folder / clip)) {
      greeting_clip_ = "/static/tts/" + clip.generic_string();
    } else {
      log::warn("GREETING_CLIP_MISSING", {{"greeting_clip", clip.string()},
                                          {"static_dir", folder.string()},
                                          {"instead", "the call starts without it"}});
    }
  }
}

twilio::SpokenLine CallPages::line(const std::string& base, std::string_view text) const {
  twilio::SpokenLine spoken;
  if (const std::string path = clip_path_ ? clip_path_(text) : std::string(); !path.empty())
    spoken.play_url = base + path;
  spoken.text = text;
  spoken.language = say_language_;
  spoken.voice = say_voice_;
  return spoken;
}

twilio::VoicemailTwiml CallPages::voicemail_parts(const std::string& base) const {
  const Sentences sentences = sentences_for(say_language_);
  twilio::VoicemailTwiml parts;
  parts.greeting = line(base, sentences.voicemail);
  parts.thanks = line(base, sentences.thanks);
  parts.record_action = base + "/webhook/handle_recording";
  parts.status_callback = base + "/webhook/handle_recording";
  parts.max_length_s = voicemail_max_s_;
  return parts;
}

twilio::StreamTwiml CallPages::stream(const std::string& base, const StreamCall& call) const {
  twilio::StreamTwiml stream;
  stream.stream_url = stream_origin(base) + "/ws/twilio-media";
  stream.status_callback = base + "/webhook/stream_status";
  stream.connect_action = base + "/webhook/stream_ended";
  stream.parameters = {{"call_sid", call.call.str()}, {"token", call.token}};
  if (call.turns > 0) stream.parameters.emplace_back("turns", std::to_string(call.turns));
  if (call.idle_prompts > 0) stream.parameters.emplace_back("idle", std::to_string(call.idle_prompts));
  if (call.resumes > 0) {
    stream.parameters.emplace_back("resume", std::to_string(call.resumes));
  } else if (!greeting_clip_.empty()) {
    stream.play_first = base + greeting_clip_;
  }
  return stream;
}

std::string CallPages::connect(const std::string& base, const StreamCall& call) const {
  return twilio::connect_stream_twiml(stream(base, call));
}

std::string CallPages::play_then_connect(const std::string& base, const std::string& clip_url,
                                         const StreamCall& call) const {
  return twilio::play_then_connect_twiml(clip_url, stream(base, call));
}

std::string CallPages::play_then_hang_up(const std::string& clip_url) {
  twilio::SpokenLine goodbye;
  goodbye.play_url = clip_url;
  return twilio::goodbye_twiml(goodbye);
}

std::string CallPages::voicemail(const std::string& base) const {
  return twilio::voicemail_twiml(voicemail_parts(base));
}

std::string CallPages::full(const std::string& base) const {
  return twilio::apology_twiml(line(base, persona_->phrases.apology), voicemail_parts(base));
}

std::string CallPages::resumed_too_often(const std::string& base) const {
  return twilio::goodbye_twiml(line(base, persona_->phrases.goodbye));
}

std::string CallPages::recorded(const std::string& base) const {
  return twilio::goodbye_twiml(line(base, sentences_for(say_language_).thanks));
}

std::string CallPages::over() {
  return twilio::hangup_twiml();
}

std::string CallPages::ask_again(const std::string& base) {
  twilio::TwimlElement response{"Response", {}, {}, {}};
  response.child("Pause").attribute("length", "2");
  response.child("Redirect", base + "/webhook/stream_ended").attribute("method", "POST");
  return twilio::render_twiml(response);
}

}  // namespace al::agentd
