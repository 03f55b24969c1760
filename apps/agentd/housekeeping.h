// Once an hour: what is older than RETENTION_DAYS and LEAD_RETENTION_DAYS goes, and the registry forgets calls that
// ended. On the desk's loop; the work is the store's.
#pragma once

#include "core/settings.h"
#include "net/loop.h"
#include "store/async_store.h"
#include "store/records.h"

namespace al::agentd {

class Housekeeping {
 public:
  Housekeeping(const Settings& settings, net::Loop& loop, store::AsyncStore& store);

 private:
  void clean();

  store::AsyncStore& store_;
  const store::RetentionPolicy policy_;
  net::Timer timer_;
};

}  // namespace al::agentd
