#include "providers/provider_events.h"

#include "core/log.h"

namespace al::providers {
namespace {

bool is_trouble(ProviderOutcome outcome) {
  switch (outcome) {
    case ProviderOutcome::kFailed:
    case ProviderOutcome::kTimeout:
    case ProviderOutcome::kFellBack:
    case ProviderOutcome::kExhausted:
    case ProviderOutcome::kBreakerOpened:
      return true;
    default:
      return false;
  }
}

class LoggingObserver final : public ProviderObserver {
 public:
  explicit LoggingObserver(ProviderObserver* next) : next_(next) {}

  void on_provider_event(const ProviderEvent& event) override {
    const bool notable = event.outcome == ProviderOutcome::kBreakerClosed;
    const log::Level level = is_trouble(event.outcome) ? log::Level::kWarn
                             : notable                 ? log::Level::kInfo
                                                       : log::Level::kDebug;
    log::event(level, "PROVIDER",
               {{"call", event.call},
                {"turn", event.turn.value},
                {"stage", to_string(event.stage)},
                {"provider", event.provider},
                {"outcome", to_string(event.outcome)},
                {"ms", to_ms(event.elapsed)},
                {"detail", event.detail}});
    if (next_ != nullptr) next_->on_provider_event(event);
  }

 private:
  ProviderObserver* const next_;
};

}  // namespace

std::string_view to_string(ProviderStage stage) {
  switch (stage) {
    case ProviderStage::kStt:
      return "stt";
    case ProviderStage::kModel:
      return "llm";
    case ProviderStage::kTts:
      return "tts";
  }
  return "?";
}

std::string_view to_string(ProviderOutcome outcome) {
  switch (outcome) {
    case ProviderOutcome::kOk:
      return "ok";
    case ProviderOutcome::kFirst:
      return "first";
    case ProviderOutcome::kFailed:
      return "failed";
    case ProviderOutcome::kTimeout:
      return "timeout";
    case ProviderOutcome::kCancelled:
      return "cancelled";
    case ProviderOutcome::kHedged:
      return "hedged";
    case ProviderOutcome::kFellBack:
      return "fell_back";
    case ProviderOutcome::kSkipped:
      return "skipped";
    case ProviderOutcome::kExhausted:
      return "exhausted";
    case ProviderOutcome::kBreakerOpened:
      return "breaker_opened";
    case ProviderOutcome::kBreakerClosed:
      return "breaker_closed";
    case ProviderOutcome::kCacheHit:
      return "cache_hit";
    case ProviderOutcome::kCacheMiss:
      return "cache_miss";
  }
  return "?";
}

std::unique_ptr<ProviderObserver> make_logging_observer(ProviderObserver* next) {
  return std::make_unique<LoggingObserver>(next);
}

}  // namespace al::providers
