#include "dialog/call_engine.h"

#include <algorithm>
#include <cassert>

#include "audio/tone.h"
#include "dialog/call_engine_impl.h"

namespace al::dialog {
namespace {

// An answer that is owed is not waited for longer than this after the end of utterance before a filler, even when the
// end itself was declared late.
constexpr milliseconds kShortestWait{150};
// What a synthesiser takes for its first sound on an ordinary day, and how far a filler is put off for that. Callers
// think that the line is dead after 1.5 s; the way to them and back is in between.
constexpr milliseconds kVoiceTime{300};
constexpr milliseconds kLongestSilence{1350};
// Beyond MAX_CALL_SEC: the goodbye has not come to an end.
constexpr seconds kMaxCallGrace{20};

audio::TurnListener make_listener(const CallOptions& options) {
  audio::ListenOptions listen = options.listen;
  // However unfinished the words are: the caller who says nothing more is answered in time.
  listen.endpoint.timeout = std::min(listen.endpoint.timeout, options.turn.longest_wait);
  listen.endpoint.digits_silence = std::min(listen.endpoint.digits_silence, options.turn.longest_wait);
  if (auto listener = audio::TurnListener::create(listen, options.silero)) return std::move(*listener);
  // The chosen detector is not there: the energy rule needs nothing and always is. main() has warned already.
  audio::ListenOptions plain = listen;
  plain.voice.engine = audio::VadEngine::kEnergy;
  return std::move(*audio::TurnListener::create(plain, nullptr));
}

std::string_view reason_of(int timer_index) {
  static constexpr std::string_view kReasons[] = {
      "none",    "greeting", "silence", "stt",  "model",    "tts",  "tool",      "unfinished",  "guess", "floor",
      "playout", "mark",     "held",    "idle", "max_call", "dtmf", "media_gap", "caller_turn", "hangup"};
  return kReasons[timer_index];
}

}  // namespace

CallEngine::Impl::Impl(const CallOptions& options, Timestamp now, std::uint64_t seed)
    : options_(options),
      conversation_(options.persona, options.conversation, seed),
      listener_(make_listener(options)),
      playout_(options.playout),
      random_(seed),
      beep_(std::make_shared<const Pcm>(audio::make_beep())),
      now_(now),
      started_at_(now),
      last_media_(now),
      last_voice_(now),
      idle_since_(now),
      agent_since_(now),
      idle_stage_(options.idle.prompts_said) {
  if (!options_.greeting) options_.greeting = options_.persona->phrases.greeting;
  if (!options_.resume_state.empty()) {
    if (auto restored = conversation_.restore(options_.resume_state)) {
      options_.greeting = "";
      emit("RESUMED", {}, {});
    } else {
      emit("RESUME_REFUSED", {}, {{"why", to_string(restored.error())}});
    }
  }
  greeting_pending_ = !options_.greeting->empty();
  if (!greeting_pending_) {
    set_agent(AgentState::kListening, "no greeting");
  } else if (clip(*options_.greeting) == nullptr) {
    new_answer(next_turn(), {}).complete = true;  // synthesised now, said into the first silence
    say(*options_.greeting, true);
  }
}

void CallEngine::Impl::handle(const Input& input, Timestamp now) {
  now_ = std::max(now_, now);  // time does not go back, whatever a driver says
  if (agent_ == AgentState::kEnded) return;
  std::visit([this](const auto& what) { on(what); }, input);
  if (agent_ == AgentState::kEnded) return;
  run_due();
  settle_states();
  check_invariants();
}

// Everything whose time has come, until nothing is left. Each firing must move its own deadline; the bound keeps a
// mistake in that from hanging the call.
void CallEngine::Impl::run_due() {
  for (int i = 0; i < 64; ++i) {
    pump();
    const Due due = next_due();
    if (due.timer == Timer::kNone || due.timer == Timer::kPlayout || due.when > now_) break;
    fire(due.timer);
    if (agent_ == AgentState::kEnded) return;
    assert(i < 63);
  }
  pump();
}

CallEngine::Impl::Due CallEngine::Impl::next_due() const {
  Due due{Timestamp::max(), Timer::kNone};
  const auto consider = [&due](Timer timer, Timestamp when) {
    if (when < due.when) due = {when, timer};
  };
  if (agent_ == AgentState::kEnded) return due;
  if (agent_ == AgentState::kEnding) {
    consider(Timer::kHangup, agent_since_ + options_.deadlines.goodbye_hangup);
    return due;
  }
  consider(Timer::kMaxCall,
           started_at_ + options_.idle.max_call + (max_call_reached_ ? kMaxCallGrace : milliseconds{0}));
  consider_waiting(due);
  consider_provider_work(due);
  if (const auto when = playout_.next_due()) consider(Timer::kPlayout, *when);
  return due;
}

// What waits for people and for the line.
void CallEngine::Impl::consider_waiting(Due& due) const {
  const auto consider = [&due](Timer timer, Timestamp when) {
    if (when < due.when) due = {when, timer};
  };
  const bool quiet = hearings_.empty() && !pending_;
  if (agent_ == AgentState::kStarting) consider(Timer::kGreeting, started_at_ + options_.turn.greeting_after);
  if (agent_ == AgentState::kListening && quiet && digits_.empty()) {
    const milliseconds waits[] = {options_.idle.first, options_.idle.second, options_.idle.goodbye};
    consider(Timer::kIdle, idle_since_ + waits[std::clamp(idle_stage_, 0, 2)]);
  }
  if (const auto when = silence_due()) consider(Timer::kSilence, *when);
  if (agent_ == AgentState::kProcessing && playout_.ready() && !playout_.started() && (quiet || forced_)) {
    consider(Timer::kFloor, last_voice_ + floor_delay_);
  }
  if (playout_.awaiting_last_mark()) {
    consider(Timer::kMark, playout_.sound_end() + playout_.mark_lag() + options_.playout.mark_timeout);
  }
  if (agent_ == AgentState::kHeld && !caller_talking()) {
    consider(Timer::kHeld, std::max(agent_since_, last_voice_) + options_.deadlines.silence_limit);
  }
  if (pending_ && hearings_.empty()) consider(Timer::kUnfinished, pending_->last_voice + options_.turn.longest_wait);
  if (may_guess()) consider(Timer::kGuess, guess_due());
  if (!digits_.empty()) consider(Timer::kDtmf, last_digit_ + options_.turn.dtmf_timeout);
  if (caller_talking()) {
    consider(Timer::kMediaGap, last_media_ + options_.turn.media_gap);
    if (floor_since_ && !forced_) consider(Timer::kCallerTurn, *floor_since_ + options_.turn.max_caller_turn);
  }
}

void CallEngine::Impl::consider_provider_work(Due& due) const {
  const auto consider = [&due](Timer timer, Timestamp when) {
    if (when < due.when) due = {when, timer};
  };
  const DeadlineOptions& limits = options_.deadlines;
  for (const Hearing& hearing : hearings_) {
    if (!hearing.open && !hearing.settled) consider(Timer::kStt, hearing.ended + limits.stt_final);
  }
  if (answer_ && answer_->model_open) {
    consider(Timer::kModel, answer_->model_event + (answer_->got_delta ? limits.model_gap : limits.model_first));
    consider(Timer::kModel, answer_->asked_at + limits.model_total);
  }
  if (answer_ && !answer_->tools.empty()) consider(Timer::kTool, answer_->model_event + limits.tool);
  if (const auto waiting = playout_.waiting()) {
    consider(Timer::kTts, waiting->since + (waiting->has_sound ? limits.tts_gap : limits.tts_first));
  }
}

// When the silence on the line has to end although no answer is there.
std::optional<Timestamp> CallEngine::Impl::silence_due() const {
  if (!owed_ || caller_talking() || agent_ == AgentState::kHeld || playout_.closed()) return std::nullopt;
  if (playout_.started() && playout_.ready()) return std::nullopt;
  // Ready, but kept back for the floor or for a transcript: the floor passes by itself, the transcript may hang.
  Timestamp due = std::max(owed_->voice_end + options_.deadlines.filler_after, owed_->since + kShortestWait);
  // They may have made a noise or pressed a key since: who acts is not waiting, and the time runs from there.
  due = std::max(due, last_voice_ + options_.deadlines.filler_after);
  if (playout_.frames_sent() > 0) due = std::max(due, last_sound_ + options_.deadlines.silence_limit);
  // The words are at the synthesiser and should sound any moment: a filler now would delay them by its own length.
  if (const auto waiting = playout_.waiting(); waiting && !waiting->has_sound && !playout_.started()) {
    const Duration spare = std::max(Duration{0}, Duration(kLongestSilence - options_.deadlines.filler_after));
    due = std::max(due, std::min(waiting->since + kVoiceTime, due + spare));
  }
  return due;
}

void CallEngine::Impl::fire(Timer timer) {
  switch (timer) {
    case Timer::kGreeting:
      return greet();
    case Timer::kIdle:
      return idle_prompt();
    case Timer::kSilence:
      return say_filler();
    case Timer::kFloor:
      return try_start();
    case Timer::kModel:
      return give_up("model timeout", true);
    case Timer::kTts:
      return speech_failed(playout_.waiting()->speech, "timeout");
    case Timer::kTool:
      return give_up("tool timeout", true);
    case Timer::kMark:
      return speech_over("mark timeout");
    case Timer::kHeld:
      return resume("no verdict");
    case Timer::kMaxCall:
      if (max_call_reached_) return end_call("max_call");
      max_call_reached_ = true;
      if (agent_ == AgentState::kListening || agent_ == AgentState::kStarting) say_goodbye("max_call");
      return;
    case Timer::kHangup:
      return set_agent(AgentState::kEnded, "no hang-up came");
    default:
      return fire_caller_timer(timer);
  }
}

void CallEngine::Impl::fire_caller_timer(Timer timer) {
  switch (timer) {
    case Timer::kStt:
      for (const Hearing& hearing : hearings_) {
        if (hearing.open || hearing.settled || hearing.ended + options_.deadlines.stt_final > now_) continue;
        push(out::CancelStt{hearing.turn});
        return stt_failed(hearing.turn, {Errc::kTimeout, "no transcript in time"});
      }
      return;
    case Timer::kGuess:
      return make_guess();
    case Timer::kUnfinished:
      return take_pending();
    case Timer::kDtmf:
      return digits_complete();
    case Timer::kMediaGap:
      return force_end_of_hearing("no media");
    case Timer::kCallerTurn:
      // Hold music, a television: they never stop. We speak anyway, and are not interrupted by it.
      forced_ = true;
      return force_end_of_hearing("turn too long");
    default:
      return;
  }
}

std::optional<Deadline> CallEngine::Impl::deadline() const {
  const Due due = next_due();
  if (due.timer == Timer::kNone) return std::nullopt;
  return Deadline{due.when, reason_of(static_cast<int>(due.timer))};
}

// States that follow from what is there.
void CallEngine::Impl::settle_states() {
  if (agent_ == AgentState::kEnding || agent_ == AgentState::kEnded) return;
  if (max_call_reached_ && agent_ == AgentState::kListening && !answer_) say_goodbye("max_call");
  const bool recognising = std::any_of(hearings_.begin(), hearings_.end(), [](const Hearing& h) { return !h.settled; });
  if (answer_ && !answer_->tools.empty()) {
    set_work(WorkState::kRunningTool, "tool");
  } else if (answer_ && answer_->model_open) {
    set_work(WorkState::kThinking, "model");
  } else if (playout_.waiting()) {
    set_work(WorkState::kSynthesising, "voice");
  } else {
    set_work(recognising ? WorkState::kRecognising : WorkState::kNone, recognising ? "transcript" : "done");
  }
  if (!digits_.empty()) {
    set_caller(CallerState::kDialling, "digit");
  } else if (!caller_talking()) {
    set_caller(CallerState::kQuiet, "silence");
  }
}

void CallEngine::Impl::check_invariants() const {
  [[maybe_unused]] const bool over = agent_ == AgentState::kEnding || agent_ == AgentState::kEnded;
  assert(!playout_.started() || speaking());                       // not speaking: nothing is being played
  assert(over == end_sent_ || agent_ == AgentState::kEnded);       // EndCall is said once, and ends it
  assert(agent_ != AgentState::kProcessing || owed_ || answer_);   // processing means that something is owed
  assert(agent_ == AgentState::kEnded || deadline().has_value());  // the line is never unowned
  assert(agent_ != AgentState::kHeld || playout_.held());
  assert(!over || (!answer_ && playout_.empty()));
  assert(hearings_.size() <= kMaxHearings);
}

void CallEngine::Impl::set_caller(CallerState state, std::string_view reason) {
  if (state == caller_) return;
  state_event("caller", to_string(caller_), to_string(state), reason);
  caller_ = state;
}

void CallEngine::Impl::set_agent(AgentState state, std::string_view reason) {
  if (state == agent_) return;
  state_event("agent", to_string(agent_), to_string(state), reason);
  agent_ = state;
  agent_since_ = now_;
  if (state == AgentState::kListening) idle_since_ = now_;
}

void CallEngine::Impl::set_work(WorkState state, std::string_view reason) {
  if (state == work_) return;
  state_event("work", to_string(work_), to_string(state), reason);
  work_ = state;
}

void CallEngine::Impl::state_event(std::string_view machine, std::string_view from, std::string_view to,
                                   std::string_view reason) {
  emit("STATE_CHANGE", answer_ ? answer_->turn : last_turn_,
       {{"machine", std::string(machine)},
        {"from", std::string(from)},
        {"to", std::string(to)},
        {"reason", std::string(reason)}});
}

void CallEngine::Impl::emit(std::string_view name, TurnId turn, std::vector<Fact> facts) {
  push(out::Event{{std::string(name), turn, now_, media_time_, std::move(facts)}});
}

// ---- the public face ------------------------------------------------------------------------------------------------

CallEngine::CallEngine(const CallOptions& options, Timestamp now, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(options, now, seed)) {}
CallEngine::~CallEngine() = default;
CallEngine::CallEngine(CallEngine&&) noexcept = default;
CallEngine& CallEngine::operator=(CallEngine&&) noexcept = default;

void CallEngine::handle(const Input& input, Timestamp now) {
  impl_->handle(input, now);
}
std::optional<Output> CallEngine::poll_output() {
  return impl_->poll();
}
std::optional<Deadline> CallEngine::deadline() const {
  return impl_->deadline();
}
bool CallEngine::ended() const {
  return impl_->ended();
}
const Conversation& CallEngine::conversation() const {
  return impl_->conversation();
}
const audio::Heard& CallEngine::last_heard() const {
  return impl_->last_heard();
}

}  // namespace al::dialog
