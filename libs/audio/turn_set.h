// A labelled set of calls, as `alctl tune` scores it: a folder with manifest.json (who spoke when) and µ-law or WAV
// files. Format: testdata/turns/README.md. Blocking file I/O; the result is immutable and may be shared by threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"

namespace al::audio {

struct Span {  // milliseconds since the start of the recording, start < end
  std::int64_t start = 0;
  std::int64_t end = 0;
  [[nodiscard]] std::int64_t length() const { return end - start; }
};

struct LabelledTurn {
  Span whole;                      // first to last sound
  std::string kind = "turn";       // "turn", "digits", "answer" (after a prompt), "barge" (over a prompt)
  std::vector<Span> speech;        // in order, without overlap
  std::vector<Span> pauses;        // between them: the caller goes on after these
  std::int64_t reply_gap_ms = -1;  // "answer": time since the prompt's end; -1 = not given
};

struct LabelledCall {
  std::string id;
  std::string scenario;
  std::optional<double> snr_db;
  double level_dbov = 0.0;
  std::int64_t duration_ms = 0;
  std::vector<LabelledTurn> turns;
  std::vector<Span> prompts;         // when the agent spoke
  std::vector<std::int16_t> caller;  // 8 kHz
  std::vector<std::int16_t> agent;   // 8 kHz: what we sent, on the same time axis; empty = nothing
};

struct TurnSet {
  std::string name;
  std::string manifest_sha256;  // lower-case hex
  std::vector<LabelledCall> calls;

  // Errors name the file and what is wrong in it: kNotFound, kMalformed. Where the manifest gives a sha256 of a
  // recording, it is checked. `only`: ids to keep; empty = all.
  static Result<TurnSet> load(const std::string& folder, const std::vector<std::string>& only = {});
};

}  // namespace al::audio
