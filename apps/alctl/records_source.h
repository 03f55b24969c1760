// Where `alctl leads|calls|whatsapp` look: the database itself, or a running server's API. Both give the same JSON and
// the same CSV. Blocking; one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "alctl/command_table.h"
#include "alctl/io.h"
#include "core/time.h"

namespace al::alctl {

enum class RecordKind { kCalls, kLeads, kMessages };

struct RecordQuery {
  std::string phone;  // empty fields do not restrict
  std::string call;
  std::optional<WallTime> since;
  int limit = 100;
};

// What went wrong, in words for a person, and the exit code for a script.
struct RecordFault {
  ExitCode code = ExitCode::kFailed;
  std::string message;
};
template <typename T>
using Found = tl::expected<T, RecordFault>;

class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // An array, newest first.
  virtual Found<nlohmann::json> list(RecordKind kind, const RecordQuery& query) = 0;
  virtual Found<std::string> csv(RecordKind kind, const RecordQuery& query) = 0;
  // With turns, slots and leads.
  virtual Found<nlohmann::json> call(const std::string& sid) = 0;
  // Everything that is known of a number; how much of what went, and "recordings_left" at Twilio.
  virtual Found<nlohmann::json> erase(const std::string& phone) = 0;
};

// The options --server, --database and --config. --server needs the setting API_KEY.
[[nodiscard]] std::vector<OptionSpec> source_options();
[[nodiscard]] Found<std::unique_ptr<RecordSource>> open_source(const Arguments& arguments);

// POST /api/whatsapp/send; the answer's JSON.
struct OutgoingText {
  std::string to;
  std::string text;
  std::string key;  // empty = a new one
};
[[nodiscard]] Found<nlohmann::json> send_text(const Arguments& arguments, const OutgoingText& message);

}  // namespace al::alctl
