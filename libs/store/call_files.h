// Files of recorded calls (CALL_RECORD_DIR): how they are named, who may read them, how long they are kept, how they
// are erased. What stands in them is dialog/call_record.h. No state; thread-safe as far as the file system is.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/ids.h"
#include "core/time.h"

namespace al::store {

// Makes the folder if it is missing, for its owner only (0700). kRejected: it cannot be made, or is no folder.
Result<void> make_call_folder(const std::string& folder);

struct CallFile {
  int descriptor = -1;  // the caller closes it
  std::string path;
};
// A new file for a stream of this call, readable by its owner only (0600): "CA….jsonl", then "CA…-2.jsonl" for the next
// stream of the same call. kMalformed: no identifier of Twilio's. kRejected: the disk says no.
[[nodiscard]] Result<CallFile> create_call_file(const std::string& folder, const CallSid& call);

struct CallFilePolicy {
  Duration max_age = std::chrono::hours{14 * 24};
  std::uint64_t max_bytes = 1ULL << 30;
};
struct CallFileSweep {
  std::size_t removed = 0;
  std::size_t kept = 0;
  std::uint64_t bytes = 0;  // of those kept
};
// Removes what is older than max_age, then the oldest until max_bytes are kept. `open`: paths that stay whatever their
// age. Other files in the folder are never touched.
[[nodiscard]] Result<CallFileSweep> sweep_call_files(const std::string& folder, const CallFilePolicy& policy,
                                                     WallTime now, const std::set<std::string>& open = {});

// Erases all recordings of these calls, or of a caller: `phone` is compared by its digits with what stands in the
// record. A call that is being recorded loses its file as well. A folder that is not there holds nothing. The count of
// files removed; kRejected: one could not be removed (the others are).
[[nodiscard]] Result<std::size_t> erase_call_files(const std::string& folder, std::span<const CallSid> calls);
[[nodiscard]] Result<std::size_t> erase_call_files_of(const std::string& folder, std::string_view phone);

}  // namespace al::store
