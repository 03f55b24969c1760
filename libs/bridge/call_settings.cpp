#include "bridge/call_settings.h"

#include <algorithm>
#include <utility>

namespace al::bridge {
namespace {

milliseconds ms(const Settings& settings, std::string_view key) {
  return std::chrono::duration_cast<milliseconds>(settings.duration(key));
}

// A tuned default of the listener gives way only to a value that somebody gave.
void take(const Settings& settings, std::string_view key, milliseconds& field) {
  if (settings.given(key)) field = ms(settings, key);
}

void endpoint_options(const Settings& settings, audio::EndpointOptions& endpoint) {
  const audio::EndpointOptions tuned;
  if (settings.given("min_silence")) {
    const milliseconds base = ms(settings, "min_silence");
    endpoint.min_silence = base;
    // The shorter and longer silences keep their distance to the base, as tuned.
    endpoint.short_silence = std::max(tuned.hangover, base + (tuned.short_silence - tuned.min_silence));
    endpoint.long_silence = std::max(tuned.hangover, base + (tuned.long_silence - tuned.min_silence));
  }
  take(settings, "max_utt_sec", endpoint.max_utterance);
  take(settings, "min_voice_ms", endpoint.min_voice);
  take(settings, "vad_hangover_ms", endpoint.hangover);
}

}  // namespace

audio::ListenOptions listen_options(const Settings& settings, bool have_silero) {
  audio::ListenOptions listen;
  const std::string& engine = settings.string("vad_engine");
  if (engine == "auto") {
    listen.voice.engine = have_silero ? audio::VadEngine::kSilero : audio::VadEngine::kEnergy;
  } else if (const auto chosen = audio::parse_vad_engine(engine)) {
    listen.voice.engine = *chosen;
  }
  if (settings.given("vad_rms")) listen.voice.energy.fixed_rms = static_cast<float>(settings.integer("vad_rms"));
  listen.conditioner.remove_dc = settings.boolean("audio_dc_removal");
  listen.conditioner.high_pass = settings.boolean("audio_high_pass");
  listen.conditioner.low_pass = settings.boolean("audio_low_pass");
  listen.conditioner.automatic_gain = settings.boolean("audio_agc");
  endpoint_options(settings, listen.endpoint);
  take(settings, "pre_roll_ms", listen.preroll);
  listen.barge_in.enabled = settings.boolean("barge_in");
  if (settings.given("barge_in_voice_frames")) {
    const milliseconds confirm = audio::kFrameDuration * settings.integer("barge_in_voice_frames");
    listen.barge_in.confirm = confirm;
    listen.barge_in.suspect = std::min(listen.barge_in.suspect, confirm);
  }
  take(settings, "barge_in_grace_ms", listen.barge_in.grace);
  take(settings, "reply_refractory_ms", listen.barge_in.repeat_refractory);
  return listen;
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
  if (settings.string("ai_greeting") != "@persona") options.greeting = settings.string("ai_greeting");
  options.turn.resp_min_delay = ms(settings, "resp_min_delay_ms");
  options.turn.resp_max_delay = std::max(options.turn.resp_min_delay, ms(settings, "resp_max_delay_ms"));
  options.turn.greeting_after = ms(settings, "greeting_wait_ms");
  options.deadlines.filler_after = ms(settings, "llm_filler_ms");
  const milliseconds idle = ms(settings, "idle_prompt_sec");
  options.idle.first = options.idle.second = options.idle.goodbye = idle;
  options.idle.max_call = std::chrono::duration_cast<seconds>(settings.duration("max_call_sec"));
  return options;
}

}  // namespace al::bridge
