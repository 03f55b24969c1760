// What can go wrong with a provider, and how a fake is told to do it. Used by all fakes, so that one list of faults
// meets every adapter. For tests and demonstrations; no program talks to a fake unless asked to.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "net/http_types.h"

namespace al::providers {

enum class Fault {
  kNone,
  kHang,            // accepts the request and never answers
  kSlowDrip,        // one byte every 200 ms
  kReset,           // half of the first piece, then a TCP reset
  kUnauthorized,    // 401 in the provider's own words (gRPC: UNAUTHENTICATED)
  kRateLimited,     // 429 with retry-after: 1 (gRPC: RESOURCE_EXHAUSTED)
  kServerError,     // 503 (gRPC: UNAVAILABLE)
  kHtmlBody,        // 200 with a page
  kTruncated,       // a chunked body that ends in the middle of a chunk
  kMalformed,       // text that is no JSON, events that are no events, audio that is no base64
  kEmpty,           // 200 and nothing: no text, no token, no sample
  kWrongShape,      // another form than asked for: audio at 24 kHz in a WAV, a whole document instead of a stream
  kHeaderInside,    // a WAV header in the middle of the audio; comments and unknown members in text
  kEndless,         // does not stop
  kMidStreamError,  // begins well, then reports an error
  kOddSplit,        // everything, in pieces of 1, 2, 3, 5, 7 bytes
  kLate,            // the right answer, 3 s late
};
inline constexpr std::array kAllFaults{
    Fault::kHang,        Fault::kSlowDrip,       Fault::kReset,      Fault::kUnauthorized,
    Fault::kRateLimited, Fault::kServerError,    Fault::kHtmlBody,   Fault::kTruncated,
    Fault::kMalformed,   Fault::kEmpty,          Fault::kWrongShape, Fault::kHeaderInside,
    Fault::kEndless,     Fault::kMidStreamError, Fault::kOddSplit,   Fault::kLate};
static_assert(kAllFaults.size() == 16);
[[nodiscard]] std::string_view to_string(Fault fault);  // "hang", "slow-drip", …
// kMalformed lists the names.
[[nodiscard]] Result<Fault> parse_fault(std::string_view name);

enum class FakeStage { kStt, kModel, kTts, kOther };

// What a model answers with.
struct FakeAnswer {
  std::string text;
  std::string tool_name;  // empty = no call
  std::string tool_arguments = "{}";
};

// Published latencies of good days; see the figures of each provider.
struct FakeLatencies {
  Duration stt_final = milliseconds{150};    // end of audio -> final
  Duration first_token = milliseconds{350};  // request -> first token
  Duration token_gap = milliseconds{10};
  Duration first_audio = milliseconds{100};  // request -> first audio
  // How long a caller takes to say a word: an interim result holds no word that cannot have been said yet, and one is
  // sent with each new word. 0 = the whole text at once, each half second (Google's recogniser only).
  Duration word_said{0};
};

// A request as a fake received it, for assertions about the wire.
struct RecordedRequest {
  std::string method;
  std::string target;
  net::HttpHeaders headers;
  std::string body;
};

// The script that all fakes of one world follow. Thread-safe.
class FakeScript {
 public:
  // What callers "say", in turn, over and over; and what the model answers, in turn, over and over.
  void set_transcripts(std::vector<std::string> texts);
  void set_answers(std::vector<FakeAnswer> answers);
  // Takes the answer from the request's body instead; empty: from the list again. Called on the fakes' threads.
  void set_answerer(std::function<FakeAnswer(std::string_view body)> answerer);
  void set_latencies(FakeLatencies latencies);
  // The next `count` requests of the stage fail so; -1 = all until told otherwise.
  void set_fault(FakeStage stage, Fault fault, int count = -1);

  [[nodiscard]] std::string next_transcript();
  [[nodiscard]] FakeAnswer next_answer(std::string_view body = {});
  [[nodiscard]] FakeLatencies latencies() const;
  [[nodiscard]] Fault take_fault(FakeStage stage);  // counts the request, too

  [[nodiscard]] int requests(FakeStage stage) const;
  void record(RecordedRequest request);  // the latest 256 are kept
  [[nodiscard]] std::vector<RecordedRequest> recorded() const;
  void note_problem(std::string problem);  // something the peer did that the real service would refuse
  [[nodiscard]] std::vector<std::string> problems() const;

  // The model takes tools without reasoning only, as some of OpenAI's do.
  std::atomic<bool> tools_without_reasoning{false};
  std::atomic<int> open_connections{0};  // right now; what a leak shows in
  std::atomic<int> open_streams{0};      // gRPC streams and WebSockets

 private:
  struct Planned {
    Fault fault = Fault::kNone;
    int left = 0;
  };
  mutable std::mutex mutex_;  // guards the rest
  std::vector<std::string> transcripts_{"שלום, אני מחפש דירה בתל אביב", "שלושה חדרים", "עד שני מיליון וחצי שקל"};
  std::vector<FakeAnswer> answers_{{.text = "בשמחה. באיזה אזור אתם מחפשים?", .tool_name = {}},
                                   {.text = "מצוין. כמה חדרים אתם צריכים?", .tool_name = {}},
                                   {.text = "ומה התקציב, בערך?", .tool_name = {}}};
  std::function<FakeAnswer(std::string_view)> answerer_;
  std::size_t transcripts_given_ = 0;
  std::size_t answers_given_ = 0;
  FakeLatencies latencies_;
  std::map<FakeStage, Planned> faults_;
  std::map<FakeStage, int> requests_;
  std::deque<RecordedRequest> recorded_;
  std::vector<std::string> problems_;
};

}  // namespace al::providers
