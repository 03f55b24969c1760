// A call as text: one JSON object a line (JSONL). The first line says how the engine was made, every further line is
// one input with its time. Feeding the inputs to an engine made the same way gives the same outputs, byte for byte.
// Pure text in, text out; files belong to the apps. Recordings hold people's voices and words.
//
//   {"record":"agentlocator-call","version":1,"call_sid":"CA…","seed":"7","settings":{…},"clips":{…}}
//   {"t":20000,"in":"media","seq":1,"at":0,"ulaw":"7f7e…"}          t: microseconds since the start; audio as hex
//   {"t":812345,"in":"stt_final","turn":2,"text":"…","confidence":0.9}
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "dialog/call_options.h"
#include "dialog/engine_io.h"

namespace al::dialog {

struct CallRecordHeader {
  std::string call_sid;
  std::string started;                          // wall clock, ISO 8601; for reports only
  std::uint64_t seed = 0;                       // of the engine
  std::string persona_toml;                     // the whole persona file
  std::string persona_name;                     // its file name: the persona's id comes from it
  std::map<std::string, std::string> settings;  // key -> value, of every setting that was given; no secrets
  std::string resume_state;
  Clips clips;
};

struct TimedInput {
  Duration at;  // since the start
  Input input;
};

struct CallRecord {
  CallRecordHeader header;
  std::vector<TimedInput> inputs;
  bool torn = false;  // the last line was not complete (the writer died): it is left out
};

[[nodiscard]] std::string record_header_line(const CallRecordHeader& header);
// Appends one line. No allocation for media frames once `out` has room.
void append_record_line(std::string& out, const Input& input, Duration since_start);
// One output as a line of the same kind, for comparing runs and for `alctl replay --json`.
void append_output_line(std::string& out, const Output& output, Duration since_start);

// Errors: kMalformed, naming the line and what is wrong with it; kUnsupported for a version of the future.
[[nodiscard]] Result<CallRecord> parse_call_record(std::string_view jsonl);

}  // namespace al::dialog
