// What a simulated call shows, measured on both tracks as the caller heard them: first sound, turn latencies, silences,
// barge-in, pacing. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"
#include "twilio/simulated_stream.h"

namespace al::alctl {

// When a line was said, in frames of 20 ms since the call was answered.
struct SpokenSpan {
  std::size_t line = 0;     // index in the script
  std::uint64_t begin = 0;  // the first frame of it
  std::uint64_t end = 0;    // one past the last voiced frame
};

struct CallTracks {
  std::vector<std::uint8_t> caller;  // µ-law, equal length
  std::vector<std::uint8_t> agent;
  std::optional<std::uint64_t> stream_start;  // frame in which the (first) stream opened
};

struct TurnFigures {
  std::size_t line = 0;
  std::int64_t caller_end_ms = 0;              // since the call was answered
  std::optional<std::int64_t> agent_start_ms;  // the agent's first sound after it; none = silence until the next line
  std::optional<std::int64_t> latency_ms;
  std::int64_t silence_ms = 0;   // from the caller's end to the agent's sound, or to the next line, or to the end
  std::uint64_t agent_from = 0;  // frames of the agent's answer, for transcription
  std::uint64_t agent_to = 0;
};

struct CallFigures {
  std::optional<std::int64_t> first_audio_ms;  // from the stream's start to the agent's first sound
  std::uint64_t greeting_from = 0;
  std::uint64_t greeting_to = 0;  // frames of what the agent said before the first line
  std::vector<TurnFigures> turns;
  std::int64_t max_silence_ms = 0;
  std::vector<std::int64_t> barge_in_stop_ms;  // from the caller's first sound over the agent to the agent's silence
};
[[nodiscard]] CallFigures measure_call(const CallTracks& tracks, const std::vector<SpokenSpan>& spans);

// How far media messages came from their 20 ms grid, in ms, sorted. A speech begins with the first message after a
// mark, a clear, or 60 ms of an empty buffer; messages that come together at its beginning are one point of the grid.
[[nodiscard]] std::vector<double> pacing_deviations_ms(const std::vector<twilio::MediaArrival>& arrivals);

// `part` 0..1 of sorted values (nearest rank); 0 when there are none.
[[nodiscard]] double percentile(const std::vector<double>& sorted, double part);

}  // namespace al::alctl
