// Is somebody speaking in this 20 ms frame? One type, four engines:
//   energy  level over a noise floor that keeps tracking; no dependency, a microsecond a frame
//   silero  the Silero v6 network (8 kHz raised to 16 kHz, fixed gain), computed in this room; the level is a second
//   opinion webrtc  the detector of WebRTC's audio processing spec    the plain calibrated rule exactly as the
//   reference has it; deaf after a noisy start, for comparison only
// A detector hears the decoded line BEFORE any gain control. It does not know what we play (echo_gate.h) nor what a
// turn is (endpointer.h). process() is realtime-safe: no allocation, no lock, no I/O. Not thread-safe; one object a
// call.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "audio/format.h"
#include "core/error.h"

namespace al::audio {

// One frame's verdict, with what led to it, so that a report can draw it.
struct VoiceFrame {
  bool voice = false;
  float score = 0.0F;          // 0 .. 1, grows with the likelihood of voice; comparable within one engine only
  float level_dbfs = -100.0F;  // of the frame, after the detector's own band filter
  float noise_floor_dbfs = -100.0F;
  float threshold_dbfs = -100.0F;  // level above which `energy` and `spec` call it voice; for others the level rule's
};

enum class VadEngine { kEnergy, kSilero, kWebrtc, kSpec };
[[nodiscard]] std::string_view to_string(VadEngine engine);
// "energy", "silero", "webrtc", "spec"; anything else is kMalformed and names the legal words.
Result<VadEngine> parse_vad_engine(std::string_view name);
// Whether this build has the engine: false only for webrtc where its package was missing. silero also needs its model
// file.
[[nodiscard]] bool is_built_in(VadEngine engine);

struct EnergyOptions {
  std::optional<float> fixed_rms;  // VAD_RMS: a fixed threshold (RMS on the int16 scale) instead of the tracked one
  float on_db = 5.0F;              // voice begins this far above the floor …
  float off_db = 3.0F;             // … and ends this far above it
  float smoothing = 0.6F;          // weight of the newest frame's power; 1 = none
  float min_rms = 35.0F;           // never below this level (RMS, int16 scale): codec noise, idle lines
  float floor_percentile = 0.20F;  // of the last window: even a fluent speaker is silent 20 % of 5 s
  float floor_window_s = 5.0F;
};

// The network's word alone is not enough, so two other things shift its log-odds before the threshold:
//   level  it bridges pauses and lingers for 100 ms after the last sound: `level_weight` per dB by which the level of
//   the last 60 ms
//          stands less than `level_centre_db` above the noise floor (down to `level_malus_db`), or more (up to
//          `level_bonus_db`)
//   crowd  it takes babble and a television for a caller: the score that never leaves the line is no news. The score's
//   own floor, the
//          20th percentile of the last seconds, counts against it as far as it exceeds `crowd_start` (log-odds; -2 is a
//          score of 0.12)
// Measured on the labelled set, with and without both: F1 .933 (.913), merged turns 1.8 % (8.6), latency p90 495 ms
// (1206).
struct SileroOptions {
  float on = 0.5F;            // combined score at which voice begins ...
  float off = 0.35F;          // ... and ends
  float gain_db = 0.0F;       // fixed, before the network
  float level_weight = 0.2F;  // log-odds per dB; 0 = off
  float level_centre_db = 8.0F;
  float level_malus_db = 6.0F;
  float level_bonus_db = 2.0F;
  float crowd_weight = 1.0F;  // log-odds per log-odds; 0 = off
  float crowd_start = -2.0F;
  float crowd_range =
      3.0F;  // the most that is taken off, in log-odds: somebody who talks without a pause must not go unheard
  float crowd_window_s = 6.0F;  // 0.2 .. 10
  float min_rms = 10.0F;        // an idle line is no voice whatever the network says (RMS, int16 scale)
};

struct VoiceOptions {
  VadEngine engine = VadEngine::kEnergy;
  EnergyOptions energy;
  SileroOptions silero;
  int webrtc_mode = 3;  // 0 (permissive) .. 3 (strict)
};

class VoiceDetector {
 public:
  virtual ~VoiceDetector() = default;
  virtual VoiceFrame process(PcmFrameView frame) = 0;
  virtual void reset() = 0;  // as freshly made
};

// The network, loaded once and shared by all calls. Immutable and thread-safe.
class SileroModel;
// `path`: silero_vad.onnx as published; kNotFound or kMalformed for a bad one, in words that say what to do.
Result<std::shared_ptr<const SileroModel>> load_silero_model(const std::string& path);

// Fails for an engine that this build or this start-up lacks (silero without `model`), in words that say what to do.
Result<std::unique_ptr<VoiceDetector>> make_voice_detector(const VoiceOptions& options,
                                                           const std::shared_ptr<const SileroModel>& model = nullptr);

}  // namespace al::audio
