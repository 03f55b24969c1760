// --fake: speech and language providers that run inside alctl, speak the real protocols on loopback and cost nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "alctl/command_table.h"
#include "core/settings.h"
#include "dialog/persona.h"

namespace al::providers {
class FakeScript;
class FakeWorld;
}  // namespace al::providers

namespace al::alctl {

// --fake NAME, --fake-fault STAGE=FAULT[:COUNT], --fake-latency STAGE=MS
[[nodiscard]] std::vector<OptionSpec> fake_options();
// Without the "fake-" in front, for a command that is about nothing else.
[[nodiscard]] std::vector<OptionSpec> fake_script_options(const std::string& prefix);

// Starts the fakes that --fake names and points `settings` at them; null when it was not given. The agent behind the
// fake models speaks for `persona`. Errors name the option and the legal values.
[[nodiscard]] Result<std::unique_ptr<providers::FakeWorld>> start_fakes(const Arguments& arguments, Settings& settings,
                                                                        std::shared_ptr<const dialog::Persona> persona);
// The same for a name, without settings.
[[nodiscard]] Result<std::unique_ptr<providers::FakeWorld>> start_fakes(const Arguments& arguments,
                                                                        const std::string& name,
                                                                        const std::string& prefix,
                                                                        std::shared_ptr<const dialog::Persona> persona);

}  // namespace al::alctl
