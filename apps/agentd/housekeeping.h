// Once an hour: what is older than RETENTION_DAYS and LEAD_RETENTION_DAYS goes, and the registry forgets calls that
// ended. Recorded calls have a keeper of their own (CALL_RECORD_DAYS). On the desk's loop; the work is the store's.
#pragma once

#include "core/settings.h"
#include "net/loop.h"
#include "store/async_store.h"
#include "store/caller_files.h"
#include "store/records.h"

namespace al::agentd {

struct Tidied {
  std::size_t records = 0;
  std::size_t calls_forgotten = 0;  // by the registry
  std::size_t samples = 0;          // WAV files
};
// What one hour's work does at `now`. Blocking.
[[nodiscard]] Result<Tidied> tidy_up(store::Store& store, const store::RetentionPolicy& policy,
                                     const store::CallerFolders& folders, WallTime now);

class Housekeeping {
 public:
  Housekeeping(const Settings& settings, net::Loop& loop, store::AsyncStore& store);

 private:
  void clean();

  store::AsyncStore& store_;
  const store::RetentionPolicy policy_;
  const store::CallerFolders folders_;
  net::Timer timer_;
};

}  // namespace al::agentd
