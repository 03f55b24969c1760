// The model is asked before the caller has finished, on a partial transcript that does not change any more. The answer
// waits; it is taken when the final text says the same words, and forgotten as if it never was when it does not.
#include <algorithm>

#include "dialog/call_engine_impl.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

// While the caller's voice goes on, more words are coming: a question asked now is one paid for and thrown away.
constexpr milliseconds kPause{100};

}  // namespace

bool CallEngine::Impl::may_guess() const {
  return options_.turn.speculate_after > milliseconds{0} && agent_ == AgentState::kListening && !answer_ && !pending_ &&
         !guess_ && closing_reason_.empty() && !max_call_reached_ && hearings_.size() == 1 && hearings_.back().open &&
         !hearings_.back().guessed && !hearings_.back().partial.empty();
}

Timestamp CallEngine::Impl::guess_due() const {
  const Hearing& hearing = hearings_.back();
  return std::max(hearing.partial_since + options_.turn.speculate_after, hearing.last_voice + kPause);
}

// Timer::kGuess: the partial has been the same for long enough.
void CallEngine::Impl::make_guess() {
  Hearing& hearing = hearings_.back();
  hearing.guessed = true;
  Guess guess;
  guess.saved = conversation_.save();
  guess.words = normal_form(hearing.partial);
  guess.decision = conversation_.caller_said(hearing.partial, now_);
  if (guess.decision.act != CallerAct::kAnswer) {  // no model is needed for that, so nothing can be won
    (void)conversation_.restore(guess.saved);
    return;
  }
  guess.turn = next_turn();
  guess.asked_at = now_;
  push(out::AskModel{conversation_.request(guess.turn, options_.call_sid)});
  emit("GUESS", guess.turn, {{"chars", static_cast<std::int64_t>(hearing.partial.size())}});
  guess_ = std::move(guess);
}

// The conversation goes back to what it was before the guess.
void CallEngine::Impl::drop_guess() {
  if (!guess_) return;
  push(out::CancelTurn{guess_->turn});
  (void)conversation_.restore(guess_->saved);
  emit("GUESS_DROPPED", guess_->turn, {});
  guess_.reset();
}

// The final text is here. True when the guess was right and its answer is the answer.
bool CallEngine::Impl::take_guess(const std::string& text, const LatencyLedger& ledger) {
  if (!guess_) return false;
  if (guess_->failed || normal_form(text) != guess_->words) {
    drop_guess();
    return false;
  }
  const Guess guess = std::move(*guess_);
  guess_.reset();
  Answer& answer = new_answer(guess.turn, guess.turn);
  answer.ledger = ledger;
  answer.asked_at = guess.asked_at;
  answer.model_event = now_;
  answer.model_open = !guess.done;
  answer.got_delta = !guess.deltas.empty();
  if (guess.decision.slots_changed) {
    push(out::SaveLead{conversation_.slots(), conversation_.complete()});
    emit("LEAD", guess.turn, {{"complete", std::int64_t{guess.decision.lead_complete}}});
  }
  if (!guess.deltas.empty()) answer.ledger.first_word = now_;  // waiting for us: the model took no time
  for (const std::string& delta : guess.deltas) {
    answer.reply_chars += delta.size();
    if (answer.cutter.feed(delta)) speak_clauses(false);
  }
  if (guess.done) {
    speak_clauses(true);
    tools_done();
  }
  return true;
}

// An event of the model that belongs to the guess: kept until the final text is here.
bool CallEngine::Impl::keep_for_guess(TurnId turn, const std::string* delta, bool done, bool failed) {
  if (!guess_ || guess_->turn != turn) return false;
  constexpr std::size_t kMaxDeltas = 2000;
  if (delta != nullptr && guess_->deltas.size() < kMaxDeltas) guess_->deltas.push_back(*delta);
  guess_->done = guess_->done || done;
  guess_->failed = guess_->failed || failed;
  return true;
}

}  // namespace al::dialog
