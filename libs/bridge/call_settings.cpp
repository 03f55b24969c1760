#include "bridge/call_settings.h"

#include <algorithm>
#include <utility>

#include "audio/audio_settings.h"
#include "audio/format.h"

namespace al::bridge {
namespace {

milliseconds ms(const Settings& settings, std::string_view key) {
  return std::chrono::duration_cast<milliseconds>(settings.duration(key));
}

}  // namespace

audio::ListenOptions listen_options(const Settings& settings, bool have_silero) {
  return audio::listen_options(settings, have_silero);
}

dialog::CallOptions call_options(const Settings& settings, std::shared_ptr<const dialog::Persona> persona,
                                 std::shared_ptr<const audio::SileroModel> silero) {
  dialog::CallOptions options;
  options.listen = listen_options(settings, silero != nullptr);
  options.silero = std::move(silero);
  options.voice.language = persona->language;
  options.persona = std::move(persona);
  options.conversation.dedup_window = settings.duration("dedup_window_sec");
  options.conversation.min_words = static_cast<int>(settings.integer("llm_min_words"));
  options.conversation.max_words = static_cast<int>(settings.integer("llm_max_words"));
  options.conversation.whatsapp = settings.string("whatsapp_provider") != "off";
  if (settings.string("ai_greeting") != "@persona") options.greeting = settings.string("ai_greeting");
  options.turn.resp_min_delay = ms(settings, "resp_min_delay_ms");
  options.turn.resp_max_delay = std::max(options.turn.resp_min_delay, ms(settings, "resp_max_delay_ms"));
  options.turn.greeting_after = ms(settings, "greeting_wait_ms");
  options.deadlines.filler_after = ms(settings, "llm_filler_ms");
  options.playout.lead_frames = std::max(1, static_cast<int>(ms(settings, "playout_lead_ms") / audio::kFrameDuration));
  const milliseconds idle = ms(settings, "idle_prompt_sec");
  options.idle.first = options.idle.second = options.idle.goodbye = idle;
  options.idle.max_call = std::chrono::duration_cast<seconds>(settings.duration("max_call_sec"));
  return options;
}

}  // namespace al::bridge
