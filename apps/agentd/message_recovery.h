// Messages that were acknowledged and never answered, because the process that had them died: somebody else answers
// them. Looked for at the start and twice a minute; a message is taken by one node only. Works on its loop.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "net/loop.h"
#include "store/async_store.h"

namespace al::agentd {

// Messages to us, oldest first, that nobody answered: older than an answer takes, and not so old that nobody waits for
// it any more. Each is given out once, whoever asks. Blocking.
[[nodiscard]] Result<std::vector<store::MessageRecord>> take_unanswered(store::Store& store, WallTime now);

class MessageRecovery {
 public:
  using Answer = std::function<void(const store::MessageRecord& message)>;  // any thread
  MessageRecovery(net::Loop& loop, store::AsyncStore& store, Answer answer);
  ~MessageRecovery();

 private:
  void look();

  net::Loop& loop_;
  store::AsyncStore& store_;
  const Answer answer_;
  net::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace al::agentd
