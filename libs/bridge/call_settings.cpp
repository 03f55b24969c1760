#include "bridge/call_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "audio/audio_settings.h"
#include "audio/format.h"

namespace al::bridge {
namespace {

milliseconds ms(const Settings& settings, std::string_view key) {
  return std::chrono::duration_cast<milliseconds>(settings.duration(key));
}

// PLAYBACK=redirect: Twilio plays each answer as one clip. Its sound is wanted at once and whole; every clip ends the
// stream, so that nothing but an answer is worth one: no fillers, and more patience with the model instead.
void collect_speech(dialog::CallOptions& options) {
  constexpr milliseconds kPatience{8'000};
  options.playout.lead_frames = static_cast<int>(options.playout.max_speech / audio::kFrameDuration);
  options.playout.tail = milliseconds{0};
  options.deadlines.filler_after = options.deadlines.silence_limit = kPatience;
  options.deadlines.max_fillers = options.deadlines.max_fillers_tool = 0;
}

}  // namespace

audio::ListenOptions listen_options(const Settings& settings, bool have_silero) {
  return audio::listen_options(settings, have_silero);
}

dialog::ConversationOptions conversation_options(const Settings& settings) {
  const auto whole = [&](std::string_view key) { return static_cast<int>(settings.integer(key)); };
  dialog::ConversationOptions options;
  options.dedup_window = settings.duration("dedup_window_sec");
  options.min_words = whole("llm_min_words");
  options.max_words = whole("llm_max_words");
  options.min_chars = whole("llm_min_chars");
  options.max_chars = whole("llm_max_chars");
  options.max_tokens = whole("llm_max_tokens");
  options.style = settings.string("llm_target_style");
  return options;
}

dialog::CallOptions call_options(const Settings& settings, std::shared_ptr<const dialog::Persona> persona,
                                 std::shared_ptr<const audio::SileroModel> silero) {
  dialog::CallOptions options;
  options.listen = listen_options(settings, silero != nullptr);
  options.silero = std::move(silero);
  options.voice.language = persona->language;
  options.persona = std::move(persona);
  options.conversation = conversation_options(settings);
  options.conversation.whatsapp = settings.string("whatsapp_provider") != "off";
  if (settings.string("ai_greeting") != "@persona") options.greeting = settings.string("ai_greeting");
  options.turn.resp_min_delay = ms(settings, "resp_min_delay_ms");
  options.turn.resp_max_delay = std::max(options.turn.resp_min_delay, ms(settings, "resp_max_delay_ms"));
  options.turn.greeting_after = ms(settings, "greeting_wait_ms");
  options.turn.speculate_after = ms(settings, "llm_early_ms");
  options.deadlines.filler_after = ms(settings, "llm_filler_ms");
  options.playout.lead_frames = std::max(1, static_cast<int>(ms(settings, "playout_lead_ms") / audio::kFrameDuration));
  const milliseconds idle = ms(settings, "idle_prompt_sec");
  options.idle.first = options.idle.second = options.idle.goodbye = idle;
  options.idle.max_call = std::chrono::duration_cast<seconds>(settings.duration("max_call_sec"));
  if (settings.string("playback") == "redirect") collect_speech(options);
  return options;
}

std::map<std::string, std::string> recorded_settings(const Settings& settings) {
  constexpr std::array<std::string_view, 5> kGroups = {"audio", "turns", "persona", "llm", "tts"};
  std::map<std::string, std::string> recorded;
  for (const SettingSpec& spec : setting_table()) {
    const bool shapes = std::find(kGroups.begin(), kGroups.end(), spec.group) != kGroups.end();
    const bool place = spec.type == SettingType::kUrl || spec.type == SettingType::kPath;
    if ((!shapes && spec.key != "whatsapp_provider") || spec.secret || place || !settings.given(spec.key)) continue;
    std::string& text = recorded[std::string(spec.key)];
    if (spec.type != SettingType::kDuration) {
      text = settings.shown(spec.key);
      continue;
    }
    // With its unit: as it was written, it may depend on the name it was given under.
    std::array<char, 40> number{};
    const double ms = static_cast<double>(settings.duration(spec.key).count()) / 1000.0;
    text.assign(number.data(),
                std::to_chars(number.data(), number.data() + number.size(), ms, std::chars_format::fixed).ptr);
    text += "ms";
  }
  return recorded;
}

}  // namespace al::bridge
