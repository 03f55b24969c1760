// One call's recognition by several providers: which of them has which turn, and who is next. For this room's own
// chain_stt.cpp.
//
// Two locks, as in chain_race.h: `work_` serialises the use of the links' sessions between the strand and the
// scheduler's thread; `state_` guards the bookkeeping and is taken by sinks, which never take `work_`. Order: work_,
// state_. Neither is held during a call of the outer sink.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "providers/chain_core.h"

namespace al::providers::chain {

using SttCore = Core<dialog::SpeechToText>;

// A turn at one link.
struct SttTry {
  std::size_t link = 0;
  Timestamp started;  // of the wait for a final: the end of the turn, or the start of a replay after it
  bool live = true;
  bool late = false;          // another was started because of it
  bool told_to_stop = false;  // its session was told that nobody listens
};

struct SttTurn {
  TurnId id;
  std::vector<std::int16_t> audio;  // for the next link; used under work_
  std::size_t samples = 0;          // fed so far
  bool finished = false;
  bool ended = false;  // the outer sink has its final or failure, or the turn was cancelled
  Timestamp finished_at;
  std::vector<SttTry> tries;
  std::size_t next_link = 0;
  std::string last_partial;
  Error last_error{Errc::kUnsupported, "no recogniser for this language"};

  [[nodiscard]] bool any_live() const {
    return std::any_of(tries.begin(), tries.end(), [](const SttTry& t) { return t.live; });
  }
};

// Everything that outlives a call into the session: sinks and timers hold it weakly.
class SttRelay : public std::enable_shared_from_this<SttRelay> {
 public:
  SttRelay(std::shared_ptr<SttCore> core, const SttChainOptions& chain, dialog::SttOptions options,
           std::shared_ptr<dialog::SttSink> sink)
      : core_(std::move(core)), chain_(chain), options_(std::move(options)), outbox_(std::move(sink)) {}

  // ---- on the strand ----
  void open();
  void end();
  void start_turn(TurnId id);
  void feed(TurnId id, std::span<const std::int16_t> pcm_8k);
  void finish_turn(TurnId id);
  void cancel_turn(TurnId id);

  // ---- from the links' sinks ----
  void partial(std::size_t link, TurnId id, std::string text, float stability);
  void final_text(std::size_t link, TurnId id, std::string text, float confidence);
  void failed(std::size_t link, TurnId id, Error error);

 private:
  // All of these: state_ is held.
  SttTurn* find(TurnId id);
  static SttTry* live_try(SttTurn& turn, std::size_t link);
  void report(const SttTurn& turn, const SttTry& attempt, ProviderOutcome outcome, std::string detail = {}) const;
  void fail_try(SttTurn& turn, SttTry& attempt, Error error, ProviderOutcome outcome);
  void finish_with_error(std::unique_lock<std::mutex>& lock, SttTurn& turn);
  [[nodiscard]] Duration limit(const SttTurn& turn) const;
  void watch(const SttTurn& turn);
  bool look_at_clock(SttTurn& turn);
  // work_ is held, state_ is not.
  void start_next(TurnId id);
  dialog::SttSession& session(std::size_t link);
  void wake_at(Timestamp when);
  void wake();
  void stop_the_rest();

  const std::shared_ptr<SttCore> core_;
  const SttChainOptions chain_;
  const dialog::SttOptions options_;
  std::mutex work_;
  std::map<std::size_t, std::unique_ptr<dialog::SttSession>> sessions_;  // by link; under work_
  std::mutex state_;
  Outbox<dialog::SttSink> outbox_;
  std::deque<SttTurn> turns_;  // the last one takes audio; earlier ones wait for their finals
  bool over_ = false;
};

}  // namespace al::providers::chain
