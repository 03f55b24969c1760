// A call as text: one JSON object a line (JSONL). The first line says how the engine was made, every further line is
// one input with its time. Feeding the inputs to an engine made the same way gives the same outputs, byte for byte.
// Pure text in, text out; files belong to the apps. Recordings hold people's voices and words.
//
//   {"call_sid":"CA…","caller":"+972…","clips":{…},"record":"agentlocator-call","seed":"7","settings":{…},"version":1,…}
//   {"t":20000,"in":"media","seq":1,"at":0,"ulaw":"7f7e…"}          t: microseconds since the start; audio as hex
//   {"t":812345,"in":"stt_final","turn":2,"text":"…","confidence":0.9}
//   {"t":812345,"digest":"9ae16a3b2f90404f","outputs":2210}         what the engine had put out until here, as one
//   number
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
  std::string caller;     // the network's number; also what erasure by caller looks for
  std::string canary;     // stands in the prompt
  WallTime local_time{};  // ConversationOptions::local_time
  int prompts_said = 0;   // IdleOptions::prompts_said
  seconds max_call{};     // IdleOptions::max_call: what was left of it; 0 = as the settings say
  Clips clips;
};

// All outputs of an engine so far as one number (FNV-1a, 64 bits, over the lines of append_output_line): equal for
// equal outputs, byte for byte. No allocation in steady state.
class OutputDigest {
 public:
  void add(const Output& output, Duration since_start);
  [[nodiscard]] std::uint64_t value() const { return value_; }
  [[nodiscard]] std::uint64_t outputs() const { return outputs_; }

 private:
  std::string line_;
  std::uint64_t value_ = 14695981039346656037ULL;
  std::uint64_t outputs_ = 0;
};
struct DigestPoint {
  Duration at;             // since the start
  std::size_t inputs = 0;  // after so many of them
  std::uint64_t outputs = 0;
  std::uint64_t value = 0;
};

struct TimedInput {
  Duration at;  // since the start
  Input input;
};

struct CallRecord {
  CallRecordHeader header;
  std::vector<TimedInput> inputs;
  std::vector<DigestPoint> digests;  // in order
  bool whole = false;  // the stream's end was recorded; false: cut short (a full disk, a slow one, a dead writer)
  bool torn = false;   // the last line was not complete (the writer died): it is left out
};

// What belongs to one call alone, from its options and back into them for a replay. Settings, persona and seed are the
// caller's business.
void describe_call(const CallOptions& options, CallRecordHeader& header);
void apply_header(const CallRecordHeader& header, CallOptions& options);

[[nodiscard]] std::string record_header_line(const CallRecordHeader& header);
// Appends one line. No allocation for media frames once `out` has room.
void append_record_line(std::string& out, const Input& input, Duration since_start);
// One output as a line of the same kind, for comparing runs and for `alctl replay --json`.
void append_output_line(std::string& out, const Output& output, Duration since_start);

// `last`: the stream is over, nothing follows.
void append_digest_line(std::string& out, const OutputDigest& digest, Duration since_start, bool last);

// Errors: kMalformed, naming the line and what is wrong with it; kUnsupported for a version of the future.
[[nodiscard]] Result<CallRecord> parse_call_record(std::string_view jsonl);

}  // namespace al::dialog
