// What networks report about messages of ours: sent, delivered, read, failed. Never backwards (the store's rule). A
// report may overtake the answer to the very request that sent the message, so one for a message that is not known is
// looked at again a few times. Thread-safe; works on its loop.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "net/loop.h"
#include "store/async_store.h"

namespace al::agentd {

class MessageStatusUpdates {
 public:
  MessageStatusUpdates(net::Loop& loop, store::AsyncStore& store);
  ~MessageStatusUpdates();

  // `status` in the network's words; words that are not known are ignored.
  void apply(const std::string& provider, const std::string& id, const std::string& status, const std::string& error);

 private:
  struct Update {
    std::string provider;
    std::string id;
    store::MessageStatus status{};
    std::string error;
    int tries = 0;
    Timestamp due{};
  };
  void look(Update update);
  void again(Update update);
  void run_due(Timestamp now);

  net::Loop& loop_;
  store::AsyncStore& store_;
  std::deque<Update> waiting_;
  net::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace al::agentd
