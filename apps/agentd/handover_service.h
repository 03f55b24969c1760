// Hands finished leads over to the customer's CRM: sends what store::LeadHandOver says is due, and reports how it went.
// A spool that survives crashes; several nodes share it. Runs on the desk's loop and the store's worker.
#pragma once

#include <memory>
#include <string>

#include "core/settings.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "store/async_store.h"
#include "store/lead_handover.h"

namespace al::agentd {

class HandoverService {
 public:
  // Does nothing where CRM_WEBHOOK_URL is not set.
  HandoverService(const Settings& settings, net::Loop& loop, store::AsyncStore& store, net::HttpClient& http,
                  std::string node);
  ~HandoverService();

 private:
  void poll();
  void send(const store::DeliveryStep& step);
  void finished(const store::DeliveryStep& step, int status, Duration retry_after);

  net::Loop& loop_;
  store::AsyncStore& store_;
  net::HttpClient& http_;
  const bool active_;
  const Duration timeout_;
  const store::LeadHandOver rules_;
  net::Timer timer_;
  bool polling_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace al::agentd
