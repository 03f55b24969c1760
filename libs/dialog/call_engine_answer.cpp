// What to answer: conversation, model, tools, and what is said when one of them fails.
#include <algorithm>

#include "dialog/call_engine_impl.h"

namespace al::dialog {

Answer& CallEngine::Impl::new_answer(TurnId turn, TurnId talk) {
  drop_guess();  // one question at a time
  answer_.emplace();
  answer_->turn = turn;
  answer_->talk = talk;
  answer_->cutter = ClauseCutter(options_.clauses);
  answer_->ledger.voice_end = now_;
  return *answer_;
}

// The caller's turn is complete: `text` is what they said, empty only with `failed`.
void CallEngine::Impl::take_turn(TurnId turn, const std::string& text, bool failed, const LatencyLedger& ledger) {
  if (answer_ && answer_->frame_sent) {
    answer_->end_reason.clear();  // the caller goes on: so does the call
    if (playout_.words_left() > Duration{0}) {
      interrupt("new turn");
    } else {
      speech_over("caller replied");
    }
  } else if (answer_) {
    cancel_answer("more was said");
  }
  idle_stage_ = 0;
  floor_since_.reset();
  greeting_pending_ = false;
  if (!failed) empty_turns_ = 0;
  const auto spread = static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, (options_.turn.resp_max_delay - options_.turn.resp_min_delay).count()));
  floor_delay_ = options_.turn.resp_min_delay + milliseconds{static_cast<std::int64_t>(random_.below(spread + 1))};
  if (!owed_) owed_ = Owed{ledger.voice_end, now_};
  if (agent_ == AgentState::kListening) set_agent(AgentState::kProcessing, "caller's turn");

  if (!failed && !max_call_reached_ && closing_reason_.empty() && take_guess(text, ledger)) return;
  new_answer(turn, turn).ledger = ledger;
  if (failed) return give_up("no transcript", true);
  const CallerDecision decision = conversation_.caller_said(text, now_);
  if (decision.slots_changed) {
    push(out::SaveLead{conversation_.slots(), conversation_.complete()});
    emit("LEAD", turn, {{"complete", std::int64_t{decision.lead_complete}}});
  }
  if (!closing_reason_.empty() && decision.act == CallerAct::kGoodbye) return end_call(std::move(closing_reason_));
  closing_reason_.clear();
  if (max_call_reached_) {
    answer_.reset();
    return say_goodbye("max_call");
  }
  switch (decision.act) {
    case CallerAct::kAnswer:
      return ask_model();
    case CallerAct::kGoodbye:
      answer_->end_reason = "goodbye";
      break;
    case CallerAct::kSayFixed:
      break;
    case CallerAct::kIgnore:
      // The same words again while nothing of ours sounds: the caller has not heard us. Silence would be the worst
      // answer.
      emit("REPEATED", turn, {});
      break;
  }
  answer_->complete = true;
  const std::string& fixed = decision.fixed_text;
  say(fixed.empty() ? conversation_.failure_answer(turn) : fixed, true);
}

// Sound, but no words.
void CallEngine::Impl::answer_empty(TurnId turn, Duration voiced) {
  drop_guess();
  if (!closing_reason_.empty()) return end_call(std::move(closing_reason_));
  if (answer_) {  // an answer is under way already: the noise does not stop it
    owed_ = owed_ ? owed_ : Owed{now_, now_};
    return;
  }
  floor_since_.reset();
  if (voiced < options_.turn.noise_voice && !forced_) {
    owed_.reset();
    if (playout_.started()) return playout_.close();  // a filler is being said
    if (agent_ == AgentState::kProcessing) set_agent(AgentState::kListening, "noise");
    if (greeting_pending_) greet();
    return;
  }
  if (++empty_turns_ >= options_.turn.max_empty_turns) return say_goodbye("no_conversation");
  if (greeting_pending_) return greet();
  Answer& answer = new_answer(turn, {});
  answer.complete = true;
  answer.ledger.voice_end = last_voice_;
  const std::string question = conversation_.caller_said("", now_).fixed_text;
  say(question.empty() ? options_.persona->phrases.fallback : question, true);
}

void CallEngine::Impl::ask_model() {
  answer_->model_open = true;
  answer_->got_delta = false;
  answer_->ask_again = false;
  answer_->asked_at = answer_->model_event = now_;
  push(out::AskModel{conversation_.request(answer_->talk, options_.call_sid)});
}

void CallEngine::Impl::on(const in::ModelDelta& delta) {
  if (keep_for_guess(delta.turn, &delta.text, false, false)) return;
  if (!answer_ || answer_->turn != delta.turn || !answer_->model_open) return;  // of an older turn
  answer_->got_delta = true;
  answer_->model_event = now_;
  answer_->reply_chars += delta.text.size();
  if (!answer_->ledger.first_word && !delta.text.empty()) answer_->ledger.first_word = now_;
  if (!answer_->cutter.feed(delta.text)) return;  // endless: what was said so far is the answer
  speak_clauses(false);
}

void CallEngine::Impl::speak_clauses(bool flush) {
  const auto speak = [this](const std::string& clause) {
    const std::string text = conversation_.shape_clause(answer_->talk, clause, answer_->first_clause);
    answer_->first_clause = false;
    if (!text.empty()) say(text, true);
  };
  while (const auto clause = answer_->cutter.next()) speak(*clause);
  if (!flush) return;
  if (const auto rest = answer_->cutter.flush()) speak(*rest);
}

void CallEngine::Impl::on(const in::ModelToolCall& call) {
  if (keep_for_guess(call.turn, nullptr, false, true)) return;  // tools run in turns that are certain
  if (!answer_ || answer_->turn != call.turn || !answer_->model_open) return;
  answer_->model_event = now_;
  auto checked = conversation_.check_tool(call.name, call.arguments_json);
  if (!checked) {
    emit("TOOL_REFUSED", call.turn, {{"tool", call.name}, {"why", checked.error().detail}});
    conversation_.tool_result(answer_->talk, call.id, call.name, call.arguments_json, checked.error().detail, false);
    answer_->ask_again = true;
    return;
  }
  emit("TOOL", call.turn, {{"tool", checked->name}});
  answer_->tools.push_back({call.id, checked->name, checked->arguments_json});
  push(out::RunTool{call.turn, call.id, checked->name, checked->arguments_json, checked->idempotency_key});
}

void CallEngine::Impl::on(const in::ToolResult& result) {
  drop_guess();  // it was made without knowing this
  const auto take = [&](std::vector<Answer::Tool>& tools, TurnId talk) {
    const auto it = std::find_if(tools.begin(), tools.end(), [&](const auto& tool) { return tool.id == result.id; });
    if (it == tools.end()) return false;
    conversation_.tool_result(talk, it->id, it->name, it->arguments_json, result.result);
    tools.erase(it);
    return true;
  };
  if (answer_ && answer_->turn == result.turn && take(answer_->tools, answer_->talk)) {
    answer_->model_event = now_;
    answer_->ask_again = true;
    if (answer_->tools.empty() && !answer_->model_open) tools_done();
    return;
  }
  // The caller spoke over the turn that started it. It ran all the same: the model has to know.
  if (!take(orphans_, result.turn)) emit("STALE", result.turn, {{"what", std::string("tool result")}});
}

void CallEngine::Impl::on(const in::ModelDone& done) {
  if (keep_for_guess(done.turn, nullptr, true, false)) return;
  if (!answer_ || answer_->turn != done.turn || !answer_->model_open) return;
  answer_->model_open = false;
  speak_clauses(true);
  if (answer_->tools.empty()) tools_done();
}

void CallEngine::Impl::tools_done() {
  if (answer_->ask_again && answer_->tool_rounds < options_.deadlines.max_tool_rounds) {
    ++answer_->tool_rounds;
    return ask_model();
  }
  finish_model();
}

void CallEngine::Impl::finish_model() {
  answer_->ask_again = false;
  const std::string rest = conversation_.finish_answer(answer_->talk);
  if (!rest.empty()) say(rest, true);
  emit("LLM_REPLY", answer_->turn,
       {{"latency_ms", to_ms(now_ - answer_->asked_at)},
        {"chars", static_cast<std::int64_t>(answer_->reply_chars)},
        {"text", playout_.text(), true}});
  answer_->complete = true;
  if (!playout_.has_answer()) give_up("the model said nothing", true);
}

// The model failed in the middle of an answer of which clauses are spoken already: they are the answer, with the
// question that the conversation needs behind them. "I did not hear that well" would be untrue and a turn lost.
void CallEngine::Impl::break_off() {
  answer_->model_open = false;
  answer_->cutter.reset();
  finish_model();
}

void CallEngine::Impl::on(const in::ProviderFailed& failed) {
  switch (failed.stage) {
    case Stage::kStt:
      return stt_failed(failed.turn, failed.error);
    case Stage::kModel:
      if (keep_for_guess(failed.turn, nullptr, false, true)) return;
      if (!answer_ || answer_->turn != failed.turn || !answer_->model_open) return;
      emit("PROVIDER_FAILED", failed.turn, {{"stage", std::string("model")}, {"why", to_string(failed.error)}});
      if (!answer_->first_clause && answer_->tools.empty() && !answer_->ask_again) return break_off();
      return give_up("model failed", true);
    case Stage::kTts:
      return speech_failed(failed.speech, to_string(failed.error));
  }
}

// Drops an answer of which nothing was heard.
void CallEngine::Impl::cancel_answer(std::string_view reason) {
  emit("ANSWER_DROPPED", answer_->turn, {{"reason", std::string(reason)}});
  push(out::CancelTurn{answer_->turn});
  playout_.drop_unsent(answer_->turn);
  if (answer_->talk) conversation_.agent_heard(answer_->talk, "", false);
  for (Answer::Tool& tool : answer_->tools) orphans_.push_back(std::move(tool));
  answer_.reset();
}

// A stage failed or took too long: something ready-made is said instead, so that the line is never silent.
void CallEngine::Impl::give_up(std::string_view reason, bool voice_works) {
  emit("TURN_FAILED", answer_ ? answer_->turn : last_turn_, {{"reason", std::string(reason)}});
  for (auto it = hearings_.begin(); it != hearings_.end();) {
    const bool waiting = !it->open;
    if (waiting && !it->settled) push(out::CancelStt{it->turn});
    it = waiting ? hearings_.erase(it) : it + 1;
  }
  pending_.reset();
  pending_text_.clear();
  if (answer_ && answer_->failed) {  // the fallback failed too
    playout_.drop_unsent(answer_->turn);
    playout_.add_clip(next_speech(), answer_->turn, SpeechKind::kBeep, {}, beep_, now_);
    return;
  }
  const TurnId talk = answer_ ? answer_->talk : TurnId{};
  LatencyLedger ledger;
  ledger.voice_end = owed_ ? owed_->voice_end : now_;
  std::string end_reason;
  if (answer_) {
    ledger = answer_->ledger;
    end_reason = std::move(answer_->end_reason);
    push(out::CancelTurn{answer_->turn});
    playout_.drop_unsent(answer_->turn);
    for (Answer::Tool& tool : answer_->tools) orphans_.push_back(std::move(tool));
  }
  const bool last = ++failed_turns_ >= options_.deadlines.max_failed_turns;
  Answer& answer = new_answer(next_turn(), talk);
  answer.ledger = ledger;
  answer.failed = answer.complete = true;
  answer.end_reason = last && end_reason.empty() ? "providers_failed" : end_reason;
  if (!owed_) owed_ = Owed{now_, now_};
  if (agent_ == AgentState::kListening) set_agent(AgentState::kProcessing, reason);
  say(last ? options_.persona->phrases.apology : conversation_.failure_answer(talk ? talk : answer.turn), voice_works);
}

// We speak unasked: greeting, idle prompt, goodbye.
void CallEngine::Impl::initiate(const std::string& text, std::string_view what, std::string end_reason) {
  if (text.empty()) {
    if (!end_reason.empty()) end_call(std::move(end_reason));
    return;
  }
  Answer& answer = new_answer(next_turn(), {});
  answer.complete = true;
  answer.end_reason = std::move(end_reason);
  if (!owed_) owed_ = Owed{now_, now_};
  floor_delay_ = milliseconds{0};
  if (!speaking()) set_agent(AgentState::kProcessing, what);
  say(text, true);
}

void CallEngine::Impl::greet() {
  greeting_pending_ = false;
  if (!answer_) return initiate(*options_.greeting, "greeting", {});
  owed_ = Owed{started_at_, now_};  // it was sent to the synthesiser at the start
  set_agent(AgentState::kProcessing, "greeting");
}

void CallEngine::Impl::idle_prompt() {
  const Phrases& phrases = options_.persona->phrases;
  idle_since_ = now_;
  switch (idle_stage_++) {
    case 0:
      return initiate(phrases.idle_first, "nobody speaks", {});
    case 1:
      return initiate(phrases.idle_second, "nobody speaks", {});
    default:
      return say_goodbye("idle");
  }
}

void CallEngine::Impl::say_goodbye(std::string end_reason) {
  if (answer_) cancel_answer("goodbye");
  initiate(options_.persona->phrases.goodbye, "goodbye", std::move(end_reason));
}

}  // namespace al::dialog
