// What a replay shows: a timeline for the terminal, an object for programs, a page for the eye. The same run gives the
// same text every time: no clock, no path of this machine, no random order.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "alctl/io.h"
#include "alctl/replay_run.h"

namespace al::alctl {

struct ReplayHead {
  std::string file;     // as given on the command line
  std::string vad;      // "energy"
  std::string changes;  // "min_silence=600 …"; what differs from the defaults
  std::string channel;  // of a file with several: "left", "right", "mix"; else empty
  int channels = 0;     // of a sound file
  float threshold_db = 0;
};

void print_replay(Io& io, const ReplayHead& head, const ReplayRun& run, bool all_events);
// {file, vad, channel, channels, duration_ms, voice_ms, utterances: [...], turns: [...], spoken: [...], events: [...],
// end_reason}
[[nodiscard]] nlohmann::json replay_json(const ReplayHead& head, const ReplayRun& run);
// One self-contained HTML page; nothing is loaded from anywhere.
[[nodiscard]] std::string replay_page(const ReplayHead& head, const ReplayRun& run);

// "1:02.340"
[[nodiscard]] std::string clock_text(std::int64_t ms);

}  // namespace al::alctl
