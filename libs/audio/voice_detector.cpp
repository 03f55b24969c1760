#include "audio/voice_detector.h"

#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "audio/energy_detector.h"
#include "audio/scored_detector.h"
#include "audio/silero_network.h"
#include "audio/webrtc_detector.h"

namespace al::audio {

std::string_view to_string(VadEngine engine) {
  switch (engine) {
    case VadEngine::kEnergy:
      return "energy";
    case VadEngine::kSilero:
      return "silero";
    case VadEngine::kWebrtc:
      return "webrtc";
    case VadEngine::kSpec:
      return "spec";
  }
  return "unknown";
}

Result<VadEngine> parse_vad_engine(std::string_view name) {
  for (const VadEngine engine : {VadEngine::kEnergy, VadEngine::kSilero, VadEngine::kWebrtc, VadEngine::kSpec}) {
    if (name == to_string(engine)) return engine;
  }
  return fail(Errc::kMalformed, fmt::format("VAD_ENGINE '{}' is unknown: use energy, silero, webrtc or spec", name));
}

bool is_built_in(VadEngine engine) {
#ifdef AL_HAVE_WEBRTC
  static_cast<void>(engine);
  return true;
#else
  return engine != VadEngine::kWebrtc;
#endif
}

Result<std::shared_ptr<const SileroModel>> load_silero_model(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(Errc::kNotFound, fmt::format("VAD_ENGINE=silero needs {}: fetch it with scripts/fetch-speech, or use "
                                             "VAD_ENGINE=energy",
                                             path));
  }
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto model = SileroModel::parse({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  if (!model) return fail(model.error().code, fmt::format("{}: {}", path, model.error().detail));
  return model;
}

Result<std::unique_ptr<VoiceDetector>> make_voice_detector(const VoiceOptions& options,
                                                           const std::shared_ptr<const SileroModel>& model) {
  switch (options.engine) {
    case VadEngine::kEnergy:
      return std::make_unique<EnergyDetector>(options.energy);
    case VadEngine::kSpec:
      return std::make_unique<SpecDetector>(options.energy);
    case VadEngine::kWebrtc:
      return make_webrtc_detector(options);
    case VadEngine::kSilero:
      break;
  }
  if (!model) {
    return fail(Errc::kUnsupported,
                "VAD_ENGINE=silero: no model is loaded; fetch it with scripts/fetch-speech, or use "
                "VAD_ENGINE=energy");
  }
  return std::make_unique<ScoredDetector>(options, make_silero_scorer(model, options.silero.gain_db));
}

}  // namespace al::audio
