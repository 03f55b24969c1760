// Many simulated calls at once in one process: all on one loop with its shared timers, one HTTP client.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "alctl/io.h"
#include "alctl/twilio_target.h"
#include "core/time.h"

namespace al::alctl {

struct LoadSetup {
  TwilioTarget target;
  int calls = 10;
  Duration length = seconds{30};     // of each call, from its start
  Duration ramp = milliseconds{20};  // between two starts
  Duration jitter{0};
  std::vector<std::uint8_t> voice;  // said again and again (µ-law), with a pause in between
  Duration pause = milliseconds{1500};
};

// Values in ms, sorted.
struct LoadOutcome {
  int calls = 0;
  int streamed = 0;   // reached the stream
  int spoken_to = 0;  // heard something
  std::vector<double> webhook_ms;
  std::vector<double> status_ms;  // callbacks
  std::vector<double> first_audio_ms;
  std::vector<double> pacing_ms;
  std::uint64_t underruns = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::map<int, int> errors;  // Twilio's code -> calls
  std::map<std::string, int> ended;
  double own_lag_p99_ms = 0;  // of this program: above a few ms its figures say more about itself than about the server
  double own_lag_max_ms = 0;
  double seconds = 0;
};
[[nodiscard]] LoadOutcome run_load(const LoadSetup& setup, Io& io);

}  // namespace al::alctl
