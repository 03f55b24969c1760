#include "providers/chain_stt_session.h"

#include <algorithm>

#include "audio/format.h"

namespace al::providers::chain {
namespace {

using dialog::SttSession;
using dialog::SttSink;

constexpr float kPartialAsFinal = 0.3F;  // confidence of a partial that had to do
constexpr int kEmptyInARow = 3;
constexpr std::size_t kLongEnoughForWords = 3 * audio::kSampleRateHz / 2;  // with pre-roll and the silence behind it

// Hears one link.
class LinkSink final : public SttSink {
 public:
  LinkSink(const std::shared_ptr<SttRelay>& shared, std::size_t link) : shared_(shared), link_(link) {}
  void on_partial(TurnId turn, std::string text, float stability) override {
    if (const auto shared = shared_.lock()) shared->partial(link_, turn, std::move(text), stability);
  }
  void on_final(TurnId turn, std::string text, float confidence) override {
    if (const auto shared = shared_.lock()) shared->final_text(link_, turn, std::move(text), confidence);
  }
  void on_failed(TurnId turn, Error error) override {
    if (const auto shared = shared_.lock()) shared->failed(link_, turn, std::move(error));
  }

 private:
  const std::weak_ptr<SttRelay> shared_;
  const std::size_t link_;
};

}  // namespace

// ---- on the strand -------------------------------------------------------------------------------------------------

void SttRelay::open() {
  const std::lock_guard work(work_);
  for (std::size_t i = 0; i < core_->size(); ++i) {
    if (!core_->speaks(i, options_.language)) continue;
    session(i);  // warm; the others wait until they are needed
    return;
  }
}

void SttRelay::end() {
  std::map<std::size_t, std::unique_ptr<SttSession>> sessions;
  {
    const std::lock_guard work(work_);
    const std::lock_guard lock(state_);
    over_ = true;
    for (const SttTurn& turn : turns_) {
      for (const SttTry& attempt : turn.tries) {
        if (attempt.live) core_->abandoned(attempt.link);
      }
    }
    turns_.clear();
    sessions.swap(sessions_);
  }
  outbox_.close();
  sessions.clear();  // each waits for a sink call of its own that is under way
}

void SttRelay::start_turn(TurnId id) {
  const std::lock_guard work(work_);
  {
    const std::lock_guard lock(state_);
    std::erase_if(turns_, [](const SttTurn& turn) { return turn.ended; });
    turns_.emplace_back();
    turns_.back().id = id;
    turns_.back().audio.reserve(8 * audio::kSampleRateHz);
  }
  start_next(id);
}

void SttRelay::feed(TurnId id, std::span<const std::int16_t> pcm_8k) {
  const std::lock_guard work(work_);
  SttTurn* turn = nullptr;
  {
    const std::lock_guard lock(state_);
    turn = find(id);
    if (turn == nullptr || turn->finished || turn->ended) return;
    turn->samples += pcm_8k.size();
  }
  const auto most = static_cast<std::size_t>(to_ms(chain_.max_replay)) * (audio::kSampleRateHz / 1000);
  const auto kept = pcm_8k.first(std::min(pcm_8k.size(), most - std::min(most, turn->audio.size())));
  turn->audio.insert(turn->audio.end(), kept.begin(), kept.end());
  // Tries are added under work_ only, so the list itself cannot change here; `live` can, and a late frame does no harm.
  for (const SttTry& attempt : turn->tries) {
    if (!attempt.told_to_stop) session(attempt.link).feed(id, pcm_8k);
  }
}

void SttRelay::finish_turn(TurnId id) {
  const std::lock_guard work(work_);
  std::vector<std::size_t> links;
  bool nobody = false;
  {
    const std::lock_guard lock(state_);
    SttTurn* turn = find(id);
    if (turn == nullptr || turn->finished || turn->ended) return;
    turn->finished = true;
    turn->finished_at = core_->now();
    for (SttTry& attempt : turn->tries) {
      if (!attempt.live) continue;
      attempt.started = turn->finished_at;
      links.push_back(attempt.link);
    }
    nobody = links.empty();
    watch(*turn);
  }
  for (const std::size_t link : links) session(link).finish_turn(id);
  if (nobody) wake_at(core_->now());  // the next link, or the failure, from the scheduler's thread
}

void SttRelay::cancel_turn(TurnId id) {
  const std::lock_guard work(work_);
  {
    const std::lock_guard lock(state_);
    SttTurn* turn = find(id);
    if (turn == nullptr || turn->ended) return;
    turn->ended = true;
    for (SttTry& attempt : turn->tries) {
      if (!std::exchange(attempt.live, false)) continue;
      report(*turn, attempt, ProviderOutcome::kCancelled);
      if (turn->finished && core_->now() >= attempt.started + chain_.final_deadline) {
        // The last link may take longer, but the caller did not wait for it.
        core_->failed(attempt.link, {Errc::kTimeout, "no final while somebody waited"}, options_.call, id);
      } else {
        core_->abandoned(attempt.link);
      }
    }
  }
  stop_the_rest();
}

// ---- from the links' sinks -----------------------------------------------------------------------------------------

void SttRelay::partial(std::size_t link, TurnId id, std::string text, float stability) {
  std::unique_lock lock(state_);
  SttTurn* turn = find(id);
  if (turn == nullptr || turn->ended || live_try(*turn, link) == nullptr) return;
  const auto in_charge =
      std::find_if(turn->tries.begin(), turn->tries.end(), [](const SttTry& attempt) { return attempt.live; });
  if (in_charge->link != link) return;
  turn->last_partial = text;
  outbox_.send(lock, [id, text = std::move(text), stability](SttSink& sink) { sink.on_partial(id, text, stability); });
}

void SttRelay::final_text(std::size_t link, TurnId id, std::string text, float confidence) {
  std::unique_lock lock(state_);
  SttTurn* turn = find(id);
  SttTry* attempt = turn == nullptr || turn->ended || !turn->finished ? nullptr : live_try(*turn, link);
  if (attempt == nullptr) return;
  // One empty transcript is a noise that no words were in. Several long ones in a row, over all calls, are a recogniser
  // that has stopped to understand anything: the next one is asked.
  if (turn->samples >= kLongEnoughForWords && core_->note_emptiness(link, text.empty()) >= kEmptyInARow &&
      core_->any_from(turn->next_link, options_.language)) {
    fail_try(*turn, *attempt, {Errc::kMalformed, "several empty transcripts in a row"}, ProviderOutcome::kFailed);
    return wake_at(core_->now());
  }
  report(*turn, *attempt, ProviderOutcome::kOk);
  core_->succeeded(link, options_.call, id);
  attempt->live = false;
  turn->ended = true;
  for (SttTry& other : turn->tries) {
    if (!std::exchange(other.live, false)) continue;
    report(*turn, other, ProviderOutcome::kCancelled, "another was faster");
    if (other.late) {
      core_->failed(other.link, {Errc::kTimeout, "late, and another was faster"}, options_.call, id);
    } else {
      core_->abandoned(other.link);
    }
  }
  wake_at(core_->now());
  outbox_.send(lock, [id, text = std::move(text), confidence](SttSink& sink) { sink.on_final(id, text, confidence); });
}

void SttRelay::failed(std::size_t link, TurnId id, Error error) {
  const std::lock_guard lock(state_);
  SttTurn* turn = find(id);
  SttTry* attempt = turn == nullptr || turn->ended ? nullptr : live_try(*turn, link);
  if (attempt == nullptr) return;
  fail_try(*turn, *attempt, std::move(error), ProviderOutcome::kFailed);
  wake_at(core_->now());
}

// ---- bookkeeping, state_ is held -----------------------------------------------------------------------------------

SttTurn* SttRelay::find(TurnId id) {
  const auto found = std::find_if(turns_.rbegin(), turns_.rend(), [id](const SttTurn& turn) { return turn.id == id; });
  return found == turns_.rend() ? nullptr : &*found;
}

SttTry* SttRelay::live_try(SttTurn& turn, std::size_t link) {
  for (SttTry& attempt : turn.tries) {
    if (attempt.link == link && attempt.live) return &attempt;
  }
  return nullptr;
}

void SttRelay::report(const SttTurn& turn, const SttTry& attempt, ProviderOutcome outcome, std::string detail) const {
  core_->report(attempt.link, outcome, core_->now() - attempt.started, options_.call, turn.id, std::move(detail));
}

void SttRelay::fail_try(SttTurn& turn, SttTry& attempt, Error error, ProviderOutcome outcome) {
  attempt.live = false;
  report(turn, attempt, outcome, to_string(error));
  core_->failed(attempt.link, error, options_.call, turn.id);
  turn.last_error = std::move(error);
}

void SttRelay::finish_with_error(std::unique_lock<std::mutex>& lock, SttTurn& turn) {
  turn.ended = true;
  const TurnId id = turn.id;
  const std::size_t link = turn.tries.empty() ? 0 : turn.tries.back().link;
  core_->report(link, ProviderOutcome::kExhausted, core_->now() - turn.finished_at, options_.call, id,
                to_string(turn.last_error));
  if (!turn.last_partial.empty()) {
    outbox_.send(lock, [id, text = turn.last_partial](SttSink& sink) { sink.on_final(id, text, kPartialAsFinal); });
  } else {
    outbox_.send(lock, [id, error = turn.last_error](SttSink& sink) { sink.on_failed(id, error); });
  }
}

// How long a link may take for its final: longer when nobody else is left.
Duration SttRelay::limit(const SttTurn& turn) const {
  return core_->any_from(turn.next_link, options_.language) ? chain_.final_deadline : chain_.last_deadline;
}

void SttRelay::watch(const SttTurn& turn) {
  if (!turn.finished) return;
  for (const SttTry& attempt : turn.tries) {
    if (!attempt.live) continue;
    if (!attempt.late && chain_.hedge_after > Duration::zero()) wake_at(attempt.started + chain_.hedge_after);
    wake_at(attempt.started + limit(turn));
  }
}

// Returns whether the next link should be started for this turn.
bool SttRelay::look_at_clock(SttTurn& turn) {
  const Timestamp now = core_->now();
  if (!turn.finished) return !turn.any_live() && core_->any_from(turn.next_link, options_.language);
  bool hedge = false;
  for (SttTry& attempt : turn.tries) {
    if (!attempt.live) continue;
    if (now >= attempt.started + limit(turn)) {
      const std::string name = core_->link(attempt.link).provider->name();
      fail_try(turn, attempt, {Errc::kTimeout, name + ": no final in time"}, ProviderOutcome::kTimeout);
    } else if (!attempt.late && chain_.hedge_after > Duration::zero() && now >= attempt.started + chain_.hedge_after &&
               core_->any_from(turn.next_link, options_.language)) {
      attempt.late = hedge = true;
      report(turn, attempt, ProviderOutcome::kHedged, "late: the next one gets the audio as well");
    }
  }
  return hedge || !turn.any_live();
}

// ---- work_ is held, state_ is not ----------------------------------------------------------------------------------

SttSession& SttRelay::session(std::size_t link) {
  auto& known = sessions_[link];
  if (!known) {
    known = core_->link(link).provider->open(options_, std::make_shared<LinkSink>(shared_from_this(), link));
  }
  return *known;
}

void SttRelay::start_next(TurnId id) {
  std::optional<std::size_t> link;
  bool finished = false;
  SttTurn* turn = nullptr;
  {
    std::unique_lock lock(state_);
    turn = find(id);
    if (over_ || turn == nullptr || turn->ended) return;
    link = core_->take(turn->next_link, options_.language, options_.call, id);
    if (!link) {
      turn->next_link = core_->size();
      // A turn that is not finished yet waits for its end: only finished turns have a final or a failure.
      if (turn->finished && !turn->any_live()) return finish_with_error(lock, *turn);
      return watch(*turn);
    }
    turn->next_link = *link + 1;
    turn->tries.push_back({.link = *link, .started = core_->now()});
    finished = turn->finished;
    if (turn->tries.size() > 1) report(*turn, turn->tries.back(), ProviderOutcome::kFellBack);
    watch(*turn);
  }
  // The turn stays where it is: turns are added and removed under work_ only.
  SttSession& provider = session(*link);
  provider.start_turn(id);
  if (!turn->audio.empty()) provider.feed(id, turn->audio);
  if (finished) provider.finish_turn(id);
}

void SttRelay::wake_at(Timestamp when) {
  core_->scheduler().at(when, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->wake();
  });
}

void SttRelay::wake() {
  const std::lock_guard work(work_);
  std::vector<TurnId> wanting;
  {
    const std::lock_guard lock(state_);
    if (over_) return;
    for (SttTurn& turn : turns_) {
      if (!turn.ended && look_at_clock(turn)) wanting.push_back(turn.id);
    }
  }
  for (const TurnId id : wanting) start_next(id);
  stop_the_rest();
}

// Links that lost, failed or were cancelled are told, so that they neither work nor bill any further.
void SttRelay::stop_the_rest() {
  std::vector<std::pair<std::size_t, TurnId>> stop;
  {
    const std::lock_guard lock(state_);
    for (SttTurn& turn : turns_) {
      for (SttTry& attempt : turn.tries) {
        if (!attempt.live && !std::exchange(attempt.told_to_stop, true)) stop.emplace_back(attempt.link, turn.id);
      }
    }
  }
  for (const auto& [link, turn] : stop) session(link).cancel_turn(turn);
}

}  // namespace al::providers::chain
