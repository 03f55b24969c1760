// Leads: what a conversation collected is written durably, and queued for the CRM in the same transaction when
// complete. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/ids.h"
#include "core/settings.h"
#include "store/async_store.h"

namespace al::agentd {

class LeadService {
 public:
  LeadService(const Settings& settings, store::AsyncStore& store);

  struct Lead {
    CallSid call;
    std::string caller;                        // E.164, or what the network gave
    std::map<std::string, std::string> slots;  // as the conversation knows them
    std::string summary;
    bool complete = false;
    bool confirmed = false;
  };
  // Queued; repeated while the database is busy or away. `saved` (any thread) gets true once it survives a crash: only
  // then may the agent claim that it is saved.
  void save(const Lead& lead, std::function<void(bool ok)> saved = {});

 private:
  store::AsyncStore& store_;
  bool hand_over_;
};

}  // namespace al::agentd
