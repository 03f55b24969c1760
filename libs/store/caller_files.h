// Files of a person beside the database: recorded calls (CALL_RECORD_DIR) and samples of what recognition heard
// (DEBUG_WAV_DIR). Both are named after the call. No state; thread-safe as far as the file system is.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/settings.h"
#include "core/time.h"

namespace al::store {

struct CallerFolders {
  std::string records;  // of recorded calls
  std::string samples;  // of WAV samples; empty = none are written
};
// As the settings name them; CALL_RECORD_DIR is empty for "calls" below STATE_DIR.
[[nodiscard]] CallerFolders caller_folders(const Settings& settings);

// Removes all files of these calls. The count; kRejected: one could not be removed (the others are).
[[nodiscard]] Result<std::size_t> erase_caller_files(const CallerFolders& folders, std::span<const CallSid> calls);
// Removes samples ("CA….wav") last written before `before`; other files stay. The count.
[[nodiscard]] Result<std::size_t> remove_old_samples(const CallerFolders& folders, WallTime before);

}  // namespace al::store
