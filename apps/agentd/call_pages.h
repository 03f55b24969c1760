// The TwiML documents of this installation: which URLs they point to, who speaks, in which language. Pure text; decides
// nothing about calls. Thread-safe after construction.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/settings.h"
#include "dialog/persona.h"
#include "twilio/twiml.h"

namespace al::agentd {

// The path under which a ready-made clip of `text` is served ("/static/tts/….wav"), or empty where there is none.
using ClipPath = std::function<std::string(std::string_view text)>;

class CallPages {
 public:
  CallPages(const Settings& settings, std::shared_ptr<const dialog::Persona> persona, ClipPath clip_path);

  struct StreamCall {
    CallSid call;
    std::string token;
    int resumes = 0;          // > 0: the conversation goes on
    std::uint64_t turns = 0;  // PLAYBACK=redirect: so many turns are behind it, …
    int idle_prompts = 0;     // … and so many prompts that nobody answered
  };
  // `base` is "https://host[/prefix]", see Webhook::base.
  [[nodiscard]] std::string connect(const std::string& base, const StreamCall& call) const;
  [[nodiscard]] std::string play_then_connect(const std::string& base, const std::string& clip_url,
                                              const StreamCall& call) const;
  [[nodiscard]] static std::string play_then_hang_up(const std::string& clip_url);
  [[nodiscard]] std::string voicemail(const std::string& base) const;
  [[nodiscard]] std::string full(const std::string& base) const;               // apology, then voicemail
  [[nodiscard]] std::string resumed_too_often(const std::string& base) const;  // a spoken goodbye
  [[nodiscard]] std::string recorded(const std::string& base) const;           // thanks for the message
  [[nodiscard]] static std::string over();                                     // nothing more to do
  // Two seconds of silence, then /webhook/stream_ended again: on another node, or on this one after its restart.
  [[nodiscard]] static std::string ask_again(const std::string& base);

 private:
  [[nodiscard]] twilio::SpokenLine line(const std::string& base, std::string_view text) const;
  [[nodiscard]] twilio::VoicemailTwiml voicemail_parts(const std::string& base) const;
  [[nodiscard]] twilio::StreamTwiml stream(const std::string& base, const StreamCall& call) const;

  std::shared_ptr<const dialog::Persona> persona_;
  ClipPath clip_path_;
  std::string say_language_;
  std::string say_voice_;
  std::string greeting_clip_;  // path below our base; empty = TWIML_PLAY_GREETING is off or there is no clip
  int voicemail_max_s_;
};

}  // namespace al::agentd
