// What the three chains share: the links with their breakers, who may be asked next, and how decisions are reported.
// For this room's own chain_*.cpp files.
#pragma once

#include <algorithm>
#include <cctype>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "providers/chain.h"
#include "providers/sink_gate.h"

namespace al::providers::chain {

// "he" of "he-IL", lower case.
inline std::string primary_tag(std::string_view language) {
  std::string tag(language.substr(0, language.find('-')));
  std::transform(tag.begin(), tag.end(), tag.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return tag == "iw" ? "he" : tag;  // the old code for Hebrew
}

// Links and breakers of one chain, shared by all its sessions. Thread-safe.
template <typename Port>
class Core {
 public:
  Core(ProviderStage stage, std::vector<ChainLink<Port>> links, BreakerOptions breaker, Scheduler& scheduler,
       ProviderObserver* observer)
      : stage_(stage), links_(std::move(links)), scheduler_(scheduler), observer_(observer) {
    for (std::size_t i = 0; i < links_.size(); ++i) breakers_.emplace_back(breaker);
    empty_in_a_row_.resize(links_.size());
  }

  [[nodiscard]] std::size_t size() const { return links_.size(); }
  [[nodiscard]] const ChainLink<Port>& link(std::size_t index) const { return links_[index]; }
  [[nodiscard]] Scheduler& scheduler() const { return scheduler_; }
  [[nodiscard]] Timestamp now() const { return scheduler_.now(); }

  [[nodiscard]] std::string name() const {
    std::string names;
    for (const auto& link : links_) names += (names.empty() ? "" : ",") + link.provider->name();
    return names;
  }

  [[nodiscard]] bool speaks(std::size_t index, std::string_view language) const {
    const auto& known = links_[index].languages;
    return known.empty() || std::find(known.begin(), known.end(), primary_tag(language)) != known.end();
  }
  // Whether a link from `first` on knows the language; its breaker may still refuse.
  [[nodiscard]] bool any_from(std::size_t first, std::string_view language) const {
    for (; first < links_.size(); ++first) {
      if (speaks(first, language)) return true;
    }
    return false;
  }

  // The next link from `first` on that knows the language and may be asked now. Takes a half-open breaker's probe.
  std::optional<std::size_t> take(std::size_t first, std::string_view language, const std::string& call, TurnId turn) {
    for (std::size_t index = first; index < links_.size(); ++index) {
      if (!speaks(index, language)) continue;
      const bool allowed = with_breaker(index, [&](CircuitBreaker& breaker) { return breaker.allow(now()); });
      if (allowed) return index;
      report(index, ProviderOutcome::kSkipped, {}, call, turn, "its breaker is open");
    }
    return std::nullopt;
  }

  void succeeded(std::size_t index, const std::string& call, TurnId turn) {
    if (with_breaker(index, [&](CircuitBreaker& breaker) { return breaker.succeeded(now()); })) {
      report(index, ProviderOutcome::kBreakerClosed, {}, call, turn, "a probe succeeded");
    }
  }
  void failed(std::size_t index, const Error& error, const std::string& call, TurnId turn) {
    const bool opened = with_breaker(
        index, [&](CircuitBreaker& breaker) { return breaker.failed(now(), error.code, error.retry_after); });
    if (opened) report(index, ProviderOutcome::kBreakerOpened, {}, call, turn, to_string(error));
  }
  // Answers of this link with nothing in them, in a row, with this one.
  int note_emptiness(std::size_t index, bool empty) {
    const std::lock_guard lock(mutex_);
    return empty_in_a_row_[index] = empty ? empty_in_a_row_[index] + 1 : 0;
  }
  void abandoned(std::size_t index) {
    with_breaker(index, [&](CircuitBreaker& breaker) {
      breaker.abandoned(now());
      return true;
    });
  }

  void report(std::size_t index, ProviderOutcome outcome, Duration elapsed, const std::string& call, TurnId turn,
              std::string detail = {}) const {
    if (observer_ == nullptr) return;
    observer_->on_provider_event(
        {stage_, links_[index].provider->name(), outcome, elapsed, call, turn, std::move(detail)});
  }

 private:
  template <typename Use>
  bool with_breaker(std::size_t index, Use use) {
    const std::lock_guard lock(mutex_);
    return use(breakers_[index]);
  }

  const ProviderStage stage_;
  const std::vector<ChainLink<Port>> links_;
  Scheduler& scheduler_;
  ProviderObserver* const observer_;
  std::mutex mutex_;  // guards the rest
  std::vector<CircuitBreaker> breakers_;
  std::vector<int> empty_in_a_row_;
};

// Sink calls in order, one at a time, with no lock of the chain held: whoever adds to an idle box empties it.
template <typename Sink>
class Outbox {
 public:
  explicit Outbox(std::shared_ptr<Sink> sink) : gate_(std::move(sink)) {}
  using Call = std::function<void(Sink&)>;

  // With `lock` (the chain session's own) held, which is given back while sink calls run.
  void send(std::unique_lock<std::mutex>& lock, Call call) {
    calls_.push_back(std::move(call));
    if (std::exchange(sending_, true)) return;
    while (!calls_.empty()) {
      const Call next = std::move(calls_.front());
      calls_.pop_front();
      lock.unlock();
      gate_.with(next);
      lock.lock();
    }
    sending_ = false;
  }
  // Waits for a sink call that is under way. Without the lock.
  void close() { gate_.close(); }

 private:
  SinkGate<Sink> gate_;
  std::deque<Call> calls_;
  bool sending_ = false;
};

}  // namespace al::providers::chain
