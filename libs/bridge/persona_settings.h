// What settings change of a persona: names, hints, telephone numbers. The persona file stays as it is, so that the
// shipped ones can be used by a business of another name.
#pragma once

#include <memory>
#include <string>

#include "core/error.h"
#include "core/settings.h"
#include "dialog/persona.h"

namespace al::bridge {

// BUSINESS_NAME and AGENT_NAME take the place of the persona's names wherever it says them (prompt, phrases, questions,
// facts, examples); HINTS are added; TRANSFER_TARGETS replace those of the same name. The same object when nothing was
// given. kMalformed names the setting and what is wrong with its value.
[[nodiscard]] Result<std::shared_ptr<const dialog::Persona>> with_settings(
    std::shared_ptr<const dialog::Persona> persona, const Settings& settings);

// Persona::open(path_or_id), then the settings on top. Errors of both.
[[nodiscard]] Result<std::shared_ptr<const dialog::Persona>> open_persona(const std::string& path_or_id,
                                                                          const Settings& settings);

}  // namespace al::bridge
