// A whole call of the real engine whose agent speaks one long greeting from a clip: both directions carry sound, the
// caller is listened to, and no provider is asked. For measuring the media path with everything the daemon does to a
// frame.
#pragma once

#include <memory>

#include "agentd/media_session.h"

namespace al::bench {

// What every such call shares. Outlives the calls.
class TalkingCalls {
 public:
  TalkingCalls();
  ~TalkingCalls();
  [[nodiscard]] std::unique_ptr<agentd::CallSession> make();

  struct Shared;

 private:
  std::unique_ptr<Shared> shared_;
};

}  // namespace al::bench
