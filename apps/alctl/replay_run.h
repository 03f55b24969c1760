// A recording through the CallEngine of the daemon, in virtual time: the engine, a model of Twilio's playout buffer,
// and providers that answer after a fixed time. Deterministic: the same recording and options give the same run,
// whatever the machine is doing. Reads no clock, touches no file; embedded speech is asked through functions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dialog/call_options.h"
#include "dialog/call_record.h"
#include "dialog/engine_io.h"

namespace al::alctl {

struct ReplayProviders {
  // Text of an utterance (conditioned 8 kHz PCM); nullptr: nothing is recognised, only the listening is shown.
  std::function<std::string(const std::vector<std::int16_t>& pcm)> recognise;
  // Sentences of the answer to a request; nullptr: no answers.
  std::function<std::vector<std::string>(const dialog::ModelRequest& request)> answer;
  // Sound of a text; nullptr: a soft hum as long as the text would take.
  std::function<std::vector<std::int16_t>(const std::string& text)> speak;
  // Nominal times, the same on every machine: what the embedded engines need on an idle one.
  Duration recognition_time = milliseconds{150};
  Duration model_time = milliseconds{60};
  Duration voice_time = milliseconds{120};
};

// What was decided in one 20 ms frame.
struct ReplayFrame {
  float level_dbfs = 0;
  float floor_dbfs = 0;
  float threshold_dbfs = 0;
  bool voice = false;     // the caller speaks, after the echo gate
  bool speaking = false;  // inside an utterance, pauses included
  bool agent = false;     // sound of ours in this frame
};

struct ReplayUtterance {
  TurnId turn;
  std::int64_t onset_ms = 0;
  std::int64_t end_ms = 0;      // of the last voiced frame
  std::int64_t decided_ms = 0;  // when the end was declared
  std::int64_t voice_ms = 0;
  std::string reason;  // of the end; "dropped" for noise
  std::string text;
};

// A recorded call brings digests of what its engine put out: whether this run put out the same, byte for byte.
struct ReplayCheck {
  std::size_t compared = 0;            // points of comparison, about two a second of the call
  std::uint64_t outputs = 0;           // of this run
  std::optional<Duration> differs_at;  // since the start: the first point that differs; the cause is before it
  bool whole = false;                  // the recording has its end
  [[nodiscard]] bool identical() const { return compared > 0 && !differs_at; }
};

struct ReplayRun {
  std::vector<ReplayFrame> frames;
  std::vector<std::int16_t> caller;  // 8 kHz, of equal length
  std::vector<std::int16_t> agent;
  std::vector<dialog::CallEvent> events;  // times since the start
  std::vector<ReplayUtterance> utterances;
  std::vector<std::pair<std::int64_t, std::string>> spoken;  // ms, text of ours that went to the voice
  std::string vad;                                           // the detector that listened
  std::string end_reason;                                    // EndCall; empty = none
  std::optional<ReplayCheck> check;                          // of a recorded call
  std::string outputs;  // with `keep_outputs`: every output as a line, to compare runs
};

// A recording of the caller.
[[nodiscard]] ReplayRun replay_audio(const std::vector<std::int16_t>& pcm_8k, const dialog::CallOptions& options,
                                     const ReplayProviders& providers, std::uint64_t seed, bool keep_outputs = false);
// A recorded call: its own inputs at their own times, no providers.
[[nodiscard]] ReplayRun replay_record(const dialog::CallRecord& record, const dialog::CallOptions& options,
                                      bool keep_outputs = false);

}  // namespace al::alctl
