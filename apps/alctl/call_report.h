// The result of `alctl call` for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "alctl/call_analysis.h"
#include "alctl/caller_script.h"
#include "alctl/io.h"
#include "alctl/line_driver.h"

namespace al::alctl {

// Everything that is known when the call is over.
struct CallOutcome {
  std::string call_sid;
  std::string url;
  std::string ended;  // reason
  bool ok = false;
  std::string problem;  // why not ok
  ExitCode exit_code = ExitCode::kOk;
  std::vector<CallerLine> lines;
  std::vector<SpokenSpan> spans;
  CallFigures figures;
  std::vector<std::string> agent_texts;       // by turn: the server's words, else what was understood; empty = unknown
  std::vector<std::string> agent_understood;  // by turn: what a recogniser on the caller's side made of the sound
  std::vector<std::string> caller_heard;      // by turn: what the server recognised
  std::string greeting_text;
  std::vector<double> pacing_ms;  // sorted deviations
  std::uint64_t underruns = 0;
  std::uint64_t frames_in = 0;   // media messages of the server
  std::uint64_t frames_out = 0;  // 20 ms frames of the caller
  int streams = 0;
  std::string subprotocol;
  std::vector<RequestTiming> requests;
  std::vector<twilio::SimulatedStream::Warning> debugger;  // what Twilio would have logged
  std::vector<std::size_t> unanswered;
  std::string lead_json;
  std::vector<twilio::sim::Note> timeline;
  Timestamp answered{};
  std::string wav_path;
  std::int64_t duration_ms = 0;

  [[nodiscard]] int turns_answered() const;
};

[[nodiscard]] std::string call_json(const CallOutcome& outcome);
[[nodiscard]] std::string timeline_json(const CallOutcome& outcome);
void print_call(const CallOutcome& outcome, Io& io);

}  // namespace al::alctl
