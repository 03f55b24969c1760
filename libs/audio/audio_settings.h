// From the settings table to everything that hears: conditioning, detector, echo gate, endpointer, barge-in. The one
// place where names of settings meet fields of ListenOptions, so that agentd, `alctl replay` and `alctl tune` mean the
// same by the same setting. The defaults of the table are those of ListenOptions (a test holds them together). Pure.
#pragma once

#include "audio/turn_listener.h"
#include "core/settings.h"

namespace al::audio {

// `vad_engine = auto` takes silero when its model is there (`have_silero`), else energy. A min_silence that was given
// takes short_silence_ms and long_silence_ms with it, at their tuned distance, unless they were given, too.
[[nodiscard]] ListenOptions listen_options(const Settings& settings, bool have_silero);

}  // namespace al::audio
