// One request to a chain of models or voices: a race between links, decided by the first output that can be heard (a
// clause, 25 ms of sound). Until then everything is held back, so a link that breaks off is replaced and nobody
// noticed. For this room's own chain_model.cpp and chain_tts.cpp.
//
// Two locks. `work_` serialises the use of the links' sessions (starting, destroying) between the strand and the
// scheduler's thread; `state_` guards the bookkeeping and is taken by sinks, which never take `work_`. Order: work_,
// state_. Neither is held during a call of the outer sink.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "providers/chain_core.h"

namespace al::providers::chain {

struct RaceTimes {
  Duration hedge_after;  // 0 = never
  Duration first_deadline;
  Duration progress_deadline;
  Duration last_deadline;
  std::size_t shortest = 0;  // least output that counts, in the traits' own unit
};

// What a piece of output is worth.
enum class Weight {
  kNothing,  // blanks, a few samples: kept, but as good as none
  kSome,     // the link has begun: it is not late any more, but may still be replaced
  kDecides,  // enough to be heard: the others are out
};

// Traits: Port, Sink, Session, Request (with .turn and .call); language(request), for_link(request, link),
// start(port, request, race, attempt) -> unique_ptr<Session>, fail(sink, request, error).
template <typename Traits>
class Race : public std::enable_shared_from_this<Race<Traits>> {
 public:
  using Sink = typename Traits::Sink;
  using Session = typename Traits::Session;
  using Request = typename Traits::Request;
  using LinkCore = Core<typename Traits::Port>;
  using Call = typename Outbox<Sink>::Call;

  Race(std::shared_ptr<LinkCore> core, const RaceTimes& times, Request request, std::shared_ptr<Sink> sink)
      : core_(std::move(core)), times_(times), request_(std::move(request)), outbox_(std::move(sink)) {}

  // On the strand, once.
  void begin() {
    const std::lock_guard work(work_);
    start_next();
  }

  // On the strand: the outer session dies.
  void end() {
    std::vector<std::unique_ptr<Session>> sessions;
    {
      const std::lock_guard work(work_);
      const std::unique_lock lock(state_);
      if (!ended_) {
        for (std::size_t i = 0; i < attempts_.size(); ++i) {
          if (attempts_[i].live) drop(i, ProviderOutcome::kCancelled, "no longer wanted");
        }
      }
      ended_ = true;
      for (auto& attempt : attempts_) sessions.push_back(std::move(attempt.session));
    }
    outbox_.close();
    sessions.clear();  // each waits for a sink call of its own that is under way
  }

  [[nodiscard]] const RaceTimes& times() const { return times_; }

  // ---- from the links' sinks, any thread ----

  void output(std::size_t index, Weight weight, Call call) {
    std::unique_lock lock(state_);
    if (!is_live(index)) return;
    Attempt& attempt = attempts_[index];
    attempt.last_event = core_->now();
    if (weight != Weight::kNothing && !std::exchange(attempt.begun, true)) report(index, ProviderOutcome::kFirst, {});
    attempt.held.push_back(std::move(call));
    if (weight == Weight::kDecides && winner_ == kNobody) win(index);
    if (winner_ == index) flush(lock, attempt);
  }
  // `enough`: there was output worth the name.
  void done(std::size_t index, bool enough, Call call) {
    std::unique_lock lock(state_);
    if (!is_live(index)) return;
    if (!enough) return fail(lock, index, {Errc::kMalformed, "the answer was empty"}, ProviderOutcome::kFailed);
    Attempt& attempt = attempts_[index];
    attempt.held.push_back(std::move(call));
    if (winner_ == kNobody) win(index);
    report(index, ProviderOutcome::kOk, {});
    core_->succeeded(attempt.link, request_.call, request_.turn);
    attempt.live = false;
    ended_ = true;
    flush(lock, attempt);
  }
  void failed(std::size_t index, Error error) {
    std::unique_lock lock(state_);
    if (is_live(index)) fail(lock, index, std::move(error), ProviderOutcome::kFailed);
  }

 private:
  static constexpr std::size_t kNobody = static_cast<std::size_t>(-1);

  struct Attempt {
    std::size_t link = 0;
    std::unique_ptr<Session> session;  // used and replaced under work_
    Timestamp started;
    Timestamp last_event;
    bool live = true;
    bool late = false;       // another was started because of it
    bool begun = false;      // some output came
    std::vector<Call> held;  // output that does not yet decide
  };

  [[nodiscard]] bool is_live(std::size_t index) const { return !ended_ && attempts_[index].live; }
  [[nodiscard]] bool has_next() const { return core_->any_from(next_link_, Traits::language(request_)); }

  void report(std::size_t index, ProviderOutcome outcome, std::string detail) const {
    const Attempt& attempt = attempts_[index];
    core_->report(attempt.link, outcome, core_->now() - attempt.started, request_.call, request_.turn,
                  std::move(detail));
  }

  // The link is out of the race without blame (unless it was late).
  void drop(std::size_t index, ProviderOutcome outcome, const std::string& detail) {
    Attempt& attempt = attempts_[index];
    attempt.live = false;
    attempt.held.clear();
    report(index, outcome, detail);
    if (index == winner_) {
      core_->succeeded(attempt.link, request_.call, request_.turn);  // it was speaking when nobody listened any more
    } else if (attempt.late) {
      core_->failed(attempt.link, {Errc::kTimeout, "late, and another was faster"}, request_.call, request_.turn);
    } else if (!attempt.begun && core_->now() >= attempt.started + times_.first_deadline) {
      // The last link may take longer, but the caller did not wait for it.
      core_->failed(attempt.link, {Errc::kTimeout, "nothing came while somebody waited"}, request_.call, request_.turn);
    } else {
      core_->abandoned(attempt.link);
    }
  }

  void win(std::size_t index) {
    winner_ = index;
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
      if (i != index && attempts_[i].live) drop(i, ProviderOutcome::kCancelled, "another was faster");
    }
    wake_at(core_->now());  // destroys the losers' sessions, and watches the winner's progress
  }

  void flush(std::unique_lock<std::mutex>& lock, Attempt& attempt) {
    std::vector<Call> calls = std::exchange(attempt.held, {});
    for (auto& call : calls) outbox_.send(lock, std::move(call));
  }

  // state_ is held. The link is out; the next one begins on the scheduler's thread, or the request has failed.
  void fail(std::unique_lock<std::mutex>& lock, std::size_t index, Error error, ProviderOutcome outcome) {
    Attempt& attempt = attempts_[index];
    attempt.live = false;
    attempt.held.clear();
    report(index, outcome, to_string(error));
    core_->failed(attempt.link, error, request_.call, request_.turn);
    last_error_ = std::move(error);
    if (winner_ == index) return finish_with_error(lock);
    wake_at(core_->now());
  }

  void finish_with_error(std::unique_lock<std::mutex>& lock) {
    ended_ = true;
    outbox_.send(lock, [request = request_, error = last_error_](Sink& sink) { Traits::fail(sink, request, error); });
  }

  void wake_at(Timestamp when) {
    core_->scheduler().at(when, [weak = this->weak_from_this()] {
      if (const auto self = weak.lock()) self->wake();
    });
  }

  // On the scheduler's thread: deadlines, the next link, sessions that are no longer needed.
  void wake() {
    const std::lock_guard work(work_);
    std::vector<std::unique_ptr<Session>> dead;
    bool start = false;
    {
      std::unique_lock lock(state_);
      if (!ended_) start = look_at_clock(lock);
      for (auto& attempt : attempts_) {
        if ((ended_ || !attempt.live) && attempt.session) dead.push_back(std::move(attempt.session));
      }
    }
    dead.clear();
    if (start) start_next();
  }

  // Returns whether the next link should be started. state_ is held.
  bool look_at_clock(std::unique_lock<std::mutex>& lock) {
    const Timestamp now = core_->now();
    if (winner_ != kNobody) {
      Attempt& attempt = attempts_[winner_];
      const Timestamp due = attempt.last_event + times_.progress_deadline;
      if (now < due) {
        wake_at(due);
      } else {
        fail(lock, winner_, {Errc::kTimeout, "it stopped in the middle"}, ProviderOutcome::kTimeout);
      }
      return false;
    }
    bool any_live = false;
    bool hedge = false;
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
      Attempt& attempt = attempts_[i];
      if (!attempt.live) continue;
      if (now >= due(attempt)) {
        attempt.live = false;
        const std::string what = attempt.begun ? "it stopped at the beginning" : "nothing came in time";
        attempt.held.clear();
        report(i, ProviderOutcome::kTimeout, what);
        last_error_ = {Errc::kTimeout, core_->link(attempt.link).provider->name() + ": " + what};
        core_->failed(attempt.link, last_error_, request_.call, request_.turn);
        continue;
      }
      any_live = true;
      if (attempt.begun) wake_at(due(attempt));
      if (!attempt.begun && !attempt.late && has_next() && times_.hedge_after > Duration::zero() &&
          now >= attempt.started + times_.hedge_after) {
        attempt.late = hedge = true;
        report(i, ProviderOutcome::kHedged, "late: the next one starts as well");
      }
    }
    return !any_live || hedge;
  }

  // When a link that has not won is given up: it says nothing, or began and does not come to a clause.
  [[nodiscard]] Timestamp due(const Attempt& attempt) const {
    const Timestamp first = attempt.started + limit();
    if (!attempt.begun) return first;
    return std::min(attempt.last_event, first) + times_.progress_deadline;
  }

  // How long a link may take for its first output: longer when nobody else is left.
  [[nodiscard]] Duration limit() const { return has_next() ? times_.first_deadline : times_.last_deadline; }

  // work_ is held, state_ is not.
  void start_next() {
    std::unique_lock lock(state_);
    if (ended_ || winner_ != kNobody) return;
    const auto link = core_->take(next_link_, Traits::language(request_), request_.call, request_.turn);
    if (!link) {
      next_link_ = core_->size();
      const bool any_live = std::any_of(attempts_.begin(), attempts_.end(), [](const Attempt& a) { return a.live; });
      if (any_live) return watch();
      if (attempts_.empty()) last_error_ = {Errc::kUnsupported, "no provider for " + Traits::language(request_)};
      core_->report(attempts_.empty() ? 0 : attempts_.back().link, ProviderOutcome::kExhausted, {}, request_.call,
                    request_.turn, to_string(last_error_));
      // From the scheduler's thread: begin() is inside the call that opens the session, where no sink may be called.
      return fail_soon();
    }
    next_link_ = *link + 1;
    const std::size_t index = attempts_.size();
    const Timestamp now = core_->now();
    attempts_.emplace_back();
    attempts_.back().link = *link;
    attempts_.back().started = attempts_.back().last_event = now;
    if (index > 0) report(index, ProviderOutcome::kFellBack, {});
    watch();
    lock.unlock();
    auto session = Traits::start(*core_->link(*link).provider, Traits::for_link(request_, core_->link(*link)),
                                 this->shared_from_this(), index);
    lock.lock();
    attempts_[index].session = std::move(session);
    if (!attempts_[index].live || ended_) wake_at(now);  // it was over before it had begun: wake() destroys it
  }

  void fail_soon() {
    core_->scheduler().at(core_->now(), [weak = this->weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      std::unique_lock lock(self->state_);
      if (!self->ended_) self->finish_with_error(lock);
    });
  }

  // Arms the timers for the youngest attempt. state_ is held.
  void watch() {
    for (const Attempt& attempt : attempts_) {
      if (!attempt.live) continue;
      if (!attempt.late && times_.hedge_after > Duration::zero()) wake_at(attempt.started + times_.hedge_after);
      wake_at(attempt.started + limit());
    }
  }

  const std::shared_ptr<LinkCore> core_;
  const RaceTimes times_;
  const Request request_;
  std::mutex work_;
  std::mutex state_;
  Outbox<Sink> outbox_;
  std::vector<Attempt> attempts_;
  std::size_t winner_ = kNobody;
  std::size_t next_link_ = 0;
  bool ended_ = false;
  Error last_error_;
};

template <typename Traits>
class RaceSession final : public Traits::Session {
 public:
  explicit RaceSession(std::shared_ptr<Race<Traits>> race) : race_(std::move(race)) {}
  ~RaceSession() override { race_->end(); }

 private:
  const std::shared_ptr<Race<Traits>> race_;
};

// The chain itself: a port over ports.
template <typename Traits>
class RaceChain final : public Traits::Port {
 public:
  using LinkCore = typename Race<Traits>::LinkCore;

  RaceChain(std::shared_ptr<LinkCore> core, const RaceTimes& times) : core_(std::move(core)), times_(times) {}

  std::unique_ptr<typename Traits::Session> start(typename Traits::Request request,
                                                  std::shared_ptr<typename Traits::Sink> sink) override {
    auto race = std::make_shared<Race<Traits>>(core_, times_, std::move(request), std::move(sink));
    race->begin();
    return std::make_unique<RaceSession<Traits>>(std::move(race));
  }
  void warm_up() override {
    for (std::size_t i = 0; i < core_->size(); ++i) core_->link(i).provider->warm_up();
  }
  [[nodiscard]] std::string name() const override { return core_->name(); }

 private:
  const std::shared_ptr<LinkCore> core_;
  const RaceTimes times_;
};

// `what` names the links for the error of an empty chain: "voices".
template <typename Traits>
Result<std::unique_ptr<typename Traits::Port>> make_race_chain(ProviderStage stage,
                                                               std::vector<ChainLink<typename Traits::Port>> links,
                                                               const RaceTimes& times, const BreakerOptions& breaker,
                                                               Scheduler& scheduler, ProviderObserver* observer,
                                                               const std::string& what) {
  if (links.empty()) return al::fail(Errc::kMalformed, "a chain of " + what + " needs at least one");
  auto core = std::make_shared<typename Race<Traits>::LinkCore>(stage, std::move(links), breaker, scheduler, observer);
  return std::make_unique<RaceChain<Traits>>(std::move(core), times);
}

}  // namespace al::providers::chain
