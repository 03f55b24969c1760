// WHATSAPP_CALL_SUMMARY: a caller whose call left a lead gets its summary, once. What is due is asked of the database
// every few seconds, so that a call whose node died, or that ended at another node, is not forgotten.
//
// Sent only to the number the network gave, and only if that can be a mobile; not after the caller was sent the summary
// during the call; not to those who opted out; inside the 24-hour window as text, outside it as WHATSAPP_TEMPLATE,
// without one not at all. Rather lost than sent twice: an attempt that ended without an answer is not repeated.
#pragma once

#include <atomic>
#include <memory>

#include "agentd/message_service.h"
#include "core/settings.h"
#include "net/loop.h"
#include "store/async_store.h"

namespace al::agentd {

class CallSummaries {
 public:
  CallSummaries(const Settings& settings, net::Loop& loop, store::AsyncStore& store, MessageService& messages);
  ~CallSummaries();

  // Any thread (SIGHUP).
  void set_enabled(bool enabled) { enabled_ = enabled; }

  struct Outcome {
    int queued = 0;
    int skipped = 0;
  };
  // One look at everything that is due: on the store's thread. A call is decided once, whoever looks.
  [[nodiscard]] Result<Outcome> run(store::Store& store, WallTime now) const;

 private:
  void look();
  [[nodiscard]] Result<bool> decide(store::Store& store, const store::CallDetails& call, WallTime now) const;

  net::Loop& loop_;
  store::AsyncStore& store_;
  MessageService& messages_;
  std::atomic<bool> enabled_;
  bool looking_ = false;
  net::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace al::agentd
