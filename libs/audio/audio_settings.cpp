#include "audio/audio_settings.h"

#include <algorithm>

namespace al::audio {
namespace {

// Reads settings into fields, whatever their types.
class Taker {
 public:
  explicit Taker(const Settings& settings) : settings_(settings) {}
  void operator()(std::string_view key, float& field) const { field = static_cast<float>(settings_.number(key)); }
  void operator()(std::string_view key, int& field) const { field = static_cast<int>(settings_.integer(key)); }
  void operator()(std::string_view key, bool& field) const { field = settings_.boolean(key); }
  void operator()(std::string_view key, milliseconds& field) const {
    field = std::chrono::duration_cast<milliseconds>(settings_.duration(key));
  }

 private:
  const Settings& settings_;
};

void take_detector(const Settings& settings, bool have_silero, VoiceOptions& voice) {
  const Taker take(settings);
  const std::string& engine = settings.string("vad_engine");
  if (engine == "auto") {
    voice.engine = have_silero ? VadEngine::kSilero : VadEngine::kEnergy;
  } else if (const auto chosen = parse_vad_engine(engine)) {
    voice.engine = *chosen;
  }
  if (settings.has("vad_rms")) voice.energy.fixed_rms = static_cast<float>(settings.integer("vad_rms"));
  take("vad_on_db", voice.energy.on_db);
  take("vad_off_db", voice.energy.off_db);
  voice.energy.off_db = std::min(voice.energy.off_db, voice.energy.on_db);
  take("vad_smoothing", voice.energy.smoothing);
  take("vad_min_rms", voice.energy.min_rms);
  take("vad_floor_percentile", voice.energy.floor_percentile);
  take("vad_floor_window_sec", voice.energy.floor_window_s);
  take("vad_score_on", voice.silero.on);
  take("vad_score_off", voice.silero.off);
  voice.silero.off = std::min(voice.silero.off, voice.silero.on);
  take("vad_gain_db", voice.silero.gain_db);
  take("vad_level_weight", voice.silero.level_weight);
  take("vad_level_centre_db", voice.silero.level_centre_db);
  take("vad_level_malus_db", voice.silero.level_malus_db);
  take("vad_level_bonus_db", voice.silero.level_bonus_db);
  take("vad_crowd_weight", voice.silero.crowd_weight);
  take("vad_crowd_start", voice.silero.crowd_start);
  take("vad_crowd_range", voice.silero.crowd_range);
  take("vad_crowd_window_sec", voice.silero.crowd_window_s);
  take("vad_webrtc_mode", voice.webrtc_mode);
}

void take_endpoint(const Settings& settings, EndpointOptions& endpoint) {
  const Taker take(settings);
  const EndpointOptions tuned;
  take("onset_ms", endpoint.onset);
  take("onset_reach_ms", endpoint.onset_reach);
  take("min_silence", endpoint.min_silence);
  take("vad_hangover_ms", endpoint.hangover);
  const milliseconds moved = endpoint.min_silence - tuned.min_silence;
  endpoint.short_silence = std::max(endpoint.hangover, tuned.short_silence + moved);
  endpoint.long_silence = std::max(endpoint.hangover, tuned.long_silence + moved);
  if (settings.given("short_silence_ms")) take("short_silence_ms", endpoint.short_silence);
  if (settings.given("long_silence_ms")) take("long_silence_ms", endpoint.long_silence);
  take("short_utterance_ms", endpoint.short_utterance);
  take("long_utterance_ms", endpoint.long_utterance);
  take("end_on_drop", endpoint.end_on_drop);
  take("drop_silence_ms", endpoint.drop_silence);
  take("min_voice_ms", endpoint.min_voice);
  take("min_utterance_ms", endpoint.min_utterance);
  take("max_utt_sec", endpoint.max_utterance);
  take("turn_action_delay_ms", endpoint.action_delay);
  take("turn_timeout_ms", endpoint.timeout);
  take("digits_silence_ms", endpoint.digits_silence);
  take("turn_complete", endpoint.complete_probability);
  take("turn_incomplete", endpoint.incomplete_probability);
}

void take_echo_gate(const Settings& settings, EchoGateOptions& gate) {
  const Taker take(settings);
  take("echo_gate", gate.enabled);
  take("echo_margin_db", gate.margin_db);
  take("echo_initial_loss_db", gate.initial_loss_db);
  take("echo_window_ms", gate.window_ms);
  take("echo_loss_percentile", gate.loss_percentile);
  take("echo_loss_window_sec", gate.loss_window_s);
  take("echo_noise_db", gate.noise_db);
  take("echo_trust_ms", gate.trusted_ms);
}

void take_barge_in(const Settings& settings, BargeInOptions& barge_in) {
  const Taker take(settings);
  take("barge_in", barge_in.enabled);
  barge_in.confirm = kFrameDuration * settings.integer("barge_in_voice_frames");
  take("barge_in_suspect_ms", barge_in.suspect);
  barge_in.suspect = std::min(barge_in.suspect, barge_in.confirm);
  take("barge_in_grace_ms", barge_in.grace);
  take("barge_in_gap_ms", barge_in.gap);
  take("reply_refractory_ms", barge_in.repeat_refractory);
}

}  // namespace

ListenOptions listen_options(const Settings& settings, bool have_silero) {
  const Taker take(settings);
  ListenOptions listen;
  take_detector(settings, have_silero, listen.voice);
  take("audio_dc_removal", listen.conditioner.remove_dc);
  take("audio_high_pass", listen.conditioner.high_pass);
  take("audio_low_pass", listen.conditioner.low_pass);
  take("audio_agc", listen.conditioner.automatic_gain);
  take_echo_gate(settings, listen.echo_gate);
  take_endpoint(settings, listen.endpoint);
  take_barge_in(settings, listen.barge_in);
  take("pre_roll_ms", listen.preroll);
  take("after_speech_ms", listen.refractory);
  take("after_speech_onset_ms", listen.refractory_onset);
  return listen;
}

}  // namespace al::audio
