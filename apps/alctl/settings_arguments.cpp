#include "alctl/settings_arguments.h"

#include <utility>

#include <fmt/format.h>

#include "providers/local_speech.h"

namespace al::alctl {

std::vector<OptionSpec> settings_options(std::vector<std::string> engines) {
  engines.insert(engines.begin(), "auto");
  return {
      {"vad",
       ValueKind::kChoice,
       "ENGINE",
       "voice detector; the same as --set vad_engine=ENGINE",
       "",
       false,
       std::move(engines),
       {},
       {}},
      {"set", ValueKind::kText, "KEY=VALUE", "a setting of the daemon", "", true, {}, {}, {}},
      {"config",
       ValueKind::kFile,
       "FILE",
       "start from this configuration file instead of the defaults",
       "",
       false,
       {},
       {},
       {}},
      {"speech", ValueKind::kDirectory, "DIR", "folder of the embedded speech engines", "", false, {}, {}, {}},
  };
}

Result<Settings> settings_from(const Arguments& arguments) {
  Settings settings;
  if (arguments.given("config")) {
    SettingSources sources;
    sources.file_path = arguments.text("config");
    auto loaded = Settings::load(sources);
    if (!loaded) return fail(loaded.error());
    settings = std::move(*loaded);
  }
  if (arguments.given("vad")) {
    if (auto set = settings.set("vad_engine", arguments.text("vad"), "--vad"); !set) return fail(set.error());
  }
  for (const std::string& change : arguments.all("set")) {
    const auto equals = change.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Errc::kMalformed, fmt::format("--set {}: key=value is expected", change));
    }
    if (auto set = settings.set(change.substr(0, equals), change.substr(equals + 1), "--set"); !set)
      return fail(set.error());
  }
  return settings;
}

Result<std::shared_ptr<const audio::SileroModel>> silero_from(const Arguments& arguments, const Settings& settings) {
  const std::string given = arguments.given("speech") ? arguments.text("speech") : settings.string("speech_dir");
  const auto folder = providers::find_speech_folder(given);
  if (!folder) {
    if (!given.empty()) return fail(folder.error());
    return std::shared_ptr<const audio::SileroModel>();
  }
  auto model = audio::load_silero_model(*folder + "/models/silero_vad.onnx");
  if (!model && given.empty()) return std::shared_ptr<const audio::SileroModel>();
  return model;
}

}  // namespace al::alctl
