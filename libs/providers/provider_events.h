// What providers report about themselves: every request's end and every decision of a chain, for metrics and logs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/ids.h"
#include "core/time.h"

namespace al::providers {

enum class ProviderStage { kStt, kModel, kTts };
[[nodiscard]] std::string_view to_string(ProviderStage stage);  // "stt", "llm", "tts"

enum class ProviderOutcome {
  kOk,             // the request ended well; `elapsed` from its start (STT: from the end of the turn) to its last event
  kFirst,          // the first partial, token or audio arrived; `elapsed` from the start
  kFailed,         // the provider said so; `detail` is its error
  kTimeout,        // a deadline of the chain passed; `detail` says which
  kCancelled,      // the caller spoke over it, or another provider was faster
  kHedged,         // it is late: the next provider was started as well
  kFellBack,       // the next provider took over
  kSkipped,        // not asked: its breaker is open, or it does not know the language
  kExhausted,      // no provider is left: the engine hears a failure
  kBreakerOpened,  // it failed too often and rests
  kBreakerClosed,  // a probe succeeded
  kCacheHit,
  kCacheMiss,
};
[[nodiscard]] std::string_view to_string(ProviderOutcome outcome);  // "ok", "first", "failed", …

struct ProviderEvent {
  ProviderStage stage = ProviderStage::kStt;
  std::string provider;  // "google"
  ProviderOutcome outcome = ProviderOutcome::kOk;
  Duration elapsed{};
  std::string call;  // call_sid; empty when it belongs to no call
  TurnId turn;       // 0 = none
  std::string detail;
};

// Called from any thread; must not block.
class ProviderObserver {
 public:
  virtual ~ProviderObserver() = default;
  virtual void on_provider_event(const ProviderEvent& event) = 0;
};

// Writes each event as a log line (PROVIDER stage=… provider=… outcome=… ms=…): warnings for failures, debug for the
// rest. `next` may be null; it gets every event as well.
[[nodiscard]] std::unique_ptr<ProviderObserver> make_logging_observer(ProviderObserver* next = nullptr);

}  // namespace al::providers
