// From the settings table to one call's options: the one place where names of settings meet fields of the engine, so
// that agentd, `alctl replay` and `alctl tune` mean the same by the same setting.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "audio/turn_listener.h"
#include "core/settings.h"
#include "dialog/call_options.h"

namespace al::bridge {

// Everything that hears: conditioning, detector, echo gate, endpointer, barge-in. `vad_engine = auto` takes silero when
// `silero` is there, else energy.
[[nodiscard]] audio::ListenOptions listen_options(const Settings& settings, bool have_silero);

// The rules of what is said, for every channel: lengths, style, anti-loop window. Without what belongs to one
// conversation.
[[nodiscard]] dialog::ConversationOptions conversation_options(const Settings& settings);

// Without clips, voice name and call_sid: the driver knows those. The persona must not be null.
[[nodiscard]] dialog::CallOptions call_options(const Settings& settings, std::shared_ptr<const dialog::Persona> persona,
                                               std::shared_ptr<const audio::SileroModel> silero);

// The settings that shape a call, of those that were given, as text that Settings::set() takes back: for the record of
// a call. No secrets, no addresses.
[[nodiscard]] std::map<std::string, std::string> recorded_settings(const Settings& settings);

}  // namespace al::bridge
