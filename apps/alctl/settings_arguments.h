// The options that every offline command shares: --config, --vad, --set and --speech.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "alctl/command_table.h"
#include "audio/voice_detector.h"
#include "core/settings.h"

namespace al::alctl {

// Their specs. `engines`: the voice detectors that --vad takes beside auto.
[[nodiscard]] std::vector<OptionSpec> settings_options(std::vector<std::string> engines);

// A configuration file if one was named, then --vad and --set on top of it. The environment does not count: an offline
// figure must not depend on the shell it was made in.
[[nodiscard]] Result<Settings> settings_from(const Arguments& arguments);

// nullptr where there is none and nobody insists on it.
[[nodiscard]] Result<std::shared_ptr<const audio::SileroModel>> silero_from(const Arguments& arguments,
                                                                            const Settings& settings);

}  // namespace al::alctl
