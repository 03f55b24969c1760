// Saying it: synthesis, playout, barge-in, marks.
#include <algorithm>

#include "dialog/call_engine_impl.h"
#include "dialog/text_turn_end.h"

namespace al::dialog {
namespace {

// Less sound than this is no speech: an empty or broken synthesis (SPEC 10).
constexpr milliseconds kShortestSpeech{25};
// A speech interrupted before so much of it was sent tells nobody that the line is alive.
constexpr milliseconds kHeardAsSound{200};

}  // namespace

const std::shared_ptr<const Pcm>* CallEngine::Impl::clip(std::string_view text) const {
  const auto it = options_.clips.find(text);
  if (it == options_.clips.end() || !it->second || it->second->empty()) return nullptr;
  return &it->second;
}

// Puts a text behind what is being said. Ready-made sound if there is, else the synthesiser (if it can be hoped for),
// else the ready-made fallback, else a beep.
void CallEngine::Impl::say(const std::string& text, bool voice_works) {
  const SpeechId speech = next_speech();
  const TurnId turn = answer_->turn;
  if (!answer_->ledger.first_clause) answer_->ledger.first_clause = now_;
  if (const auto* ready = clip(text)) {
    playout_.add_clip(speech, turn, SpeechKind::kAnswer, text, *ready, now_);
    return;
  }
  if (voice_works && !text.empty()) {
    if (!playout_.open(speech, turn, SpeechKind::kAnswer, text, now_)) return;
    push(out::Synthesize{{speech, turn, text, options_.voice, options_.call_sid}});
    return;
  }
  const std::string& fallback = options_.persona->phrases.fallback;
  if (const auto* ready = clip(fallback)) {
    playout_.add_clip(speech, turn, SpeechKind::kAnswer, fallback, *ready, now_);
  } else {
    playout_.add_clip(speech, turn, SpeechKind::kBeep, {}, beep_, now_);
  }
}

// An answer is owed and the line is silent for too long.
void CallEngine::Impl::say_filler() {
  if (playout_.ready() && !playout_.started()) return start_speech("waited long enough");
  if (const auto waiting = playout_.waiting(); playout_.started() && waiting && waiting->has_sound) {
    playout_.finish(waiting->speech);  // it broke off in the middle
    if (playout_.ready()) return;
  }
  const bool tool = answer_ && (!answer_->tools.empty() || answer_->tool_rounds > 0);
  const int allowed = tool ? options_.deadlines.max_fillers_tool : options_.deadlines.max_fillers;
  if (owed_->fillers >= allowed) return give_up("silence", false);  // ready-made: it has to sound now
  ++owed_->fillers;
  const TurnId turn = answer_ ? answer_->turn : last_turn_;
  const std::string& text = options_.persona->phrases.filler;
  const auto* ready = clip(text);
  playout_.add_next(next_speech(), turn, SpeechKind::kFiller, ready ? text : std::string(), ready ? *ready : beep_,
                    now_);
  if (answer_ && !answer_->ledger.filler) answer_->ledger.filler = now_;
  emit("FILLER", turn, {{"after_ms", to_ms(now_ - owed_->voice_end)}});
  if (!playout_.started()) start_speech("filler");
}

void CallEngine::Impl::on(const in::TtsAudio& audio) {
  if (!playout_.append(audio.speech, audio.pcm_8k, now_)) {
    ++stale_audio_;
    return;
  }
  if (answer_ && !answer_->ledger.first_sound && !audio.pcm_8k.empty()) answer_->ledger.first_sound = now_;
}

void CallEngine::Impl::on(const in::TtsDone& done) {
  const auto sound = playout_.sound_of(done.speech);
  if (!sound) return;
  if (*sound < kShortestSpeech) return speech_failed(done.speech, "no sound");
  playout_.finish(done.speech);
}

void CallEngine::Impl::speech_failed(SpeechId speech, std::string_view reason) {
  const auto sound = playout_.sound_of(speech);
  if (!sound) return;  // of something that is over
  emit("PROVIDER_FAILED", answer_ ? answer_->turn : last_turn_,
       {{"stage", std::string("tts")}, {"why", std::string(reason)}});
  if (*sound >= kShortestSpeech) {
    playout_.finish(speech);  // a part is better than nothing
    return;
  }
  playout_.remove(speech);
  give_up("no voice", false);
}

void CallEngine::Impl::try_start() {
  if (playout_.started() || !playout_.ready() || agent_ != AgentState::kProcessing) return;
  if ((!hearings_.empty() || pending_) && !forced_)
    return;  // the caller speaks, or spoke and the words are on their way
  if (now_ < last_voice_ + floor_delay_ && !forced_) return;
  start_speech("answer");
}

void CallEngine::Impl::start_speech(std::string_view reason) {
  if (line_unsure_) push(out::ClearPlayback{});
  line_unsure_ = false;
  yielded_ = false;
  sound_before_ = last_sound_;
  speech_since_ = now_;
  playout_.start(now_);
  set_agent(AgentState::kSpeaking, reason);
  emit("TTS_START", answer_ ? answer_->turn : last_turn_, {{"text", playout_.text(), true}});
}

// Sends what is due and closes what is complete.
void CallEngine::Impl::pump() {
  if (agent_ == AgentState::kEnding || agent_ == AgentState::kEnded) return;
  if (agent_ == AgentState::kSpeaking && playout_.run_dry(now_) && !playout_.closed() && owed_ &&
      !(answer_ && answer_->frame_sent)) {
    playout_.park();  // a filler is over; the answer starts anew, when the caller is quiet
    set_agent(AgentState::kProcessing, "filler over");
  }
  try_start();
  if (answer_ && answer_->complete && playout_.started() && !playout_.closed() && playout_.has_words() &&
      playout_.all_finished()) {
    playout_.close();
  }
  while (auto step = playout_.step(now_)) {
    if (auto* frame = std::get_if<Playout::Frame>(&*step)) {
      note_frame();
      push(out::SendMedia{frame->ulaw});
      last_sound_ = playout_.sound_end();
    } else {
      Playout::Mark& mark = std::get<Playout::Mark>(*step);
      emit("MARK_SENT", answer_ ? answer_->turn : last_turn_, {{"name", mark.name}});
      push(out::SendMark{std::move(mark.name)});
    }
  }
}

// The first frame of an answer's words closes its ledger.
void CallEngine::Impl::note_frame() {
  if (!answer_ || answer_->frame_sent || playout_.current_kind() == SpeechKind::kFiller || !playout_.has_words())
    return;
  answer_->frame_sent = true;
  if (owed_) owed_->fillers = 0;
  if (!answer_->talk) return;
  std::vector<Fact> facts = answer_->ledger.facts(now_);
  facts.push_back({"outcome", std::string(answer_->failed ? "fallback" : "answer")});
  emit("LATENCY", answer_->turn, std::move(facts));
}

void CallEngine::Impl::hold(std::string_view reason) {
  if (agent_ != AgentState::kSpeaking || playout_.words_left() == Duration{0}) return;
  playout_.hold();
  set_agent(AgentState::kHeld, reason);
}

// The voice lasts: `clear` goes out. The answer is kept until it is sure that this is more than an "uh-huh".
void CallEngine::Impl::yield(std::string_view reason) {
  hold(reason);
  if (agent_ != AgentState::kHeld || yielded_) return;
  push(out::ClearPlayback{});
  playout_.flush(now_);
  yielded_ = true;
  const std::int64_t voice_ms = last_heard_.barge_in_onset ? (media_time_ - *last_heard_.barge_in_onset).ms() : 0;
  emit("BARGE_IN", answer_ ? answer_->turn : last_turn_, {{"voice_ms", voice_ms}, {"reason", std::string(reason)}});
  if (caller_talking() && !hearings_.back().partial.empty() &&
      !is_backchannel(hearings_.back().partial, *options_.persona)) {
    interrupt("words");
  }
}

void CallEngine::Impl::resume(std::string_view reason) {
  if (agent_ != AgentState::kHeld) return;
  yielded_ = false;
  playout_.resume(now_);
  set_agent(AgentState::kSpeaking, reason);
}

// The caller has the floor: what was not heard is dropped, and the history keeps what was.
void CallEngine::Impl::interrupt(std::string_view reason) {
  if (!speaking()) return;
  if (!yielded_) push(out::ClearPlayback{});
  tell_heard(true);
  emit("INTERRUPTED", answer_ ? answer_->turn : last_turn_, {{"reason", std::string(reason)}});
  if (answer_) {
    push(out::CancelTurn{answer_->turn});
    for (Answer::Tool& tool : answer_->tools) orphans_.push_back(std::move(tool));
  }
  answer_.reset();
  playout_.clear();
  // What `clear` took back was not heard, and a beginning cut off at once is no sound that breaks a silence.
  last_sound_ = now_ - speech_since_ < kHeardAsSound ? sound_before_ : std::min(last_sound_, now_);
  yielded_ = forced_ = line_unsure_ = false;
  own_the_line();
  set_agent(owed_ ? AgentState::kProcessing : AgentState::kListening, reason);
}

// Our speech is over, one way or the other: what the caller has said meanwhile is a turn like any other, and its answer
// is owed from now on.
void CallEngine::Impl::own_the_line() {
  bool waiting = pending_.has_value();
  for (Hearing& hearing : hearings_) {
    hearing.over_speech = false;
    waiting = waiting || !hearing.open;
  }
  if (!waiting) {
    owed_.reset();
  } else if (!owed_) {
    owed_ = Owed{last_voice_, now_};
  }
}

void CallEngine::Impl::tell_heard(bool interrupted) {
  if (!answer_) return;
  std::string text;
  for (const Playout::Heard& heard : playout_.heard(now_)) {
    if (!text.empty()) text += ' ';
    text += heard.text;
  }
  if (answer_->talk) {
    conversation_.agent_heard(answer_->talk, text, interrupted && answer_->frame_sent);
  } else if (!text.empty()) {
    conversation_.agent_said_fixed(text);
  }
}

void CallEngine::Impl::on(const in::MarkPlayed& mark) {
  const Playout::MarkResult result = playout_.mark_played(mark.name, now_);
  if (!result.known) return;  // flushed by a clear: proves nothing
  emit("MARK_ACK", answer_ ? answer_->turn : last_turn_, {{"name", mark.name}});
  if (result.last && agent_ == AgentState::kSpeaking) speech_over("mark");
}

void CallEngine::Impl::speech_over(std::string_view reason) {
  tell_heard(false);
  emit("TTS_END", answer_ ? answer_->turn : last_turn_,
       {{"frames", static_cast<std::int64_t>(playout_.frames_sent())},
        {"bytes", static_cast<std::int64_t>(playout_.frames_sent() * audio::kFrameSamples)},
        {"underruns", static_cast<std::int64_t>(playout_.underruns())},
        {"reason", std::string(reason)}});
  line_unsure_ = reason != "mark";
  playout_.clear();
  std::string end_reason;
  if (answer_) {
    if (!answer_->complete) push(out::CancelTurn{answer_->turn});  // the caller did not wait for the rest
    for (Answer::Tool& tool : answer_->tools) orphans_.push_back(std::move(tool));
    if (!answer_->failed && answer_->talk) failed_turns_ = 0;
    end_reason = std::move(answer_->end_reason);
  }
  answer_.reset();
  yielded_ = forced_ = false;
  own_the_line();
  if (!end_reason.empty() && hearings_.empty() && !pending_) return end_call(std::move(end_reason));
  closing_reason_ = std::move(end_reason);  // the caller said something over our goodbye: hear it first
  set_agent(owed_ ? AgentState::kProcessing : AgentState::kListening, reason);
}

void CallEngine::Impl::end_call(std::string reason) {
  if (end_sent_) return;
  drop_guess();
  if (answer_) {
    tell_heard(false);
    push(out::CancelTurn{answer_->turn});
  }
  for (const Hearing& hearing : hearings_) {
    if (!hearing.settled) push(out::CancelStt{hearing.turn});
  }
  if (playout_.may_still_play(now_)) push(out::ClearPlayback{});
  hearings_.clear();
  pending_.reset();
  answer_.reset();
  owed_.reset();
  digits_.clear();
  playout_.clear();
  end_sent_ = true;
  set_agent(AgentState::kEnding, reason);
  push(out::EndCall{std::move(reason)});
}

void CallEngine::Impl::on(const in::Hangup& hangup) {
  drop_guess();
  if (speaking()) tell_heard(playout_.words_left() > Duration{0});
  if (answer_) push(out::CancelTurn{answer_->turn});
  for (const Hearing& hearing : hearings_) {
    if (!hearing.settled) push(out::CancelStt{hearing.turn});
  }
  emit("CALL_END", last_turn_,
       {{"reason", hangup.reason},
        {"rx", static_cast<std::int64_t>(frames_in_)},
        {"tx", static_cast<std::int64_t>(playout_.frames_sent())},
        {"underruns", static_cast<std::int64_t>(playout_.underruns())},
        {"stale_audio", static_cast<std::int64_t>(stale_audio_)}});
  hearings_.clear();
  answer_.reset();
  owed_.reset();
  playout_.clear();
  set_agent(AgentState::kEnded, "hang-up");
}

}  // namespace al::dialog
