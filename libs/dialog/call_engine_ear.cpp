// What the caller did: frames, utterances, transcripts, digits.
#include <algorithm>

#include "audio/g711.h"
#include "dialog/call_engine_impl.h"
#include "dialog/heard_text.h"
#include "dialog/text_turn_end.h"

namespace al::dialog {
namespace {

// An "uh-huh" that begins when no more than this of our words is left is the answer to them.
constexpr milliseconds kNearEnd{600};
// No detector holds on to a voice for longer than this after its last loud frame.
constexpr milliseconds kDetectorLag{200};
// Longer than the stop of a consonant.
constexpr milliseconds kLoudWithin{60};
// Text below this probability of being complete is waited with.
constexpr float kUnfinished = 0.3F;

}  // namespace

void CallEngine::Impl::on(const in::Media& media) {
  if (media.media_time < media_time_) return;  // twice, or out of order: its time has been accounted for
  const audio::PcmFrame pcm = audio::decode_frame(media.ulaw);
  media_time_ = media.media_time + MediaTime::from(audio::kFrameDuration);
  last_media_ = now_;
  ++frames_in_;
  last_heard_ =
      listener_.hear({audio::PcmFrameView(pcm), media.media_time, playout_.audible(now_), speaking() && !forced_});
  const audio::Heard& heard = last_heard_;
  if (heard.voice) idle_since_ = now_;
  // The detector lets go a little after the voice; the ledger and the pauses count from the last frame that was loud.
  if (heard.voice && heard.detector.level_dbfs >= heard.detector.threshold_dbfs) {
    last_voice_ = now_;
    if (caller_talking()) hearings_.back().last_voice = now_;
  }
  if (heard.started) {
    begin_hearing(*heard.started);
  } else if (caller_talking()) {
    if (!hearings_.back().settled) push(out::FeedStt{hearings_.back().turn, listener_.conditioned()});
  }
  switch (heard.barge_in) {
    case audio::BargeIn::kSuspected:
      hold("voice over speech");
      break;
    case audio::BargeIn::kWithdrawn:
      if (!yielded_) resume("voice withdrawn");
      break;
    case audio::BargeIn::kConfirmed:
      confirm_barge_in();
      break;
    case audio::BargeIn::kNone:
      break;
  }
  if (yielded_ && heard.voice && caller_talking() &&
      (media_time_ - hearings_.back().onset).duration() > options_.turn.backchannel_max) {
    interrupt("duration");
  }
  if (heard.ended) end_hearing(*heard.ended);
}

// The energy detector smooths over time: after a short loud sound (a cough, a knock) it goes on saying "voice" for 200
// ms. A voice that interrupts is still loud when it is confirmed.
void CallEngine::Impl::confirm_barge_in() {
  const bool energy = options_.listen.voice.engine == audio::VadEngine::kEnergy;
  if (energy && now_ - last_voice_ > kLoudWithin) return resume("no voice any more");
  yield("voice");
}

void CallEngine::Impl::begin_hearing(MediaTime onset) {
  if (hearings_.size() >= kMaxHearings) return;  // transcripts hang; the audio is not worth more memory
  Hearing hearing;
  hearing.turn = next_turn();
  hearing.onset = onset;
  hearing.opened = hearing.last_voice = now_;
  const Duration left = playout_.started() ? playout_.words_left() : Duration{0};
  hearing.over_speech = speaking() && left > Duration{0};
  hearing.near_end = hearing.over_speech && left <= kNearEnd && playout_.all_finished();
  push(out::StartStt{hearing.turn});
  for (std::size_t i = 0; i < listener_.preroll_size(); ++i) push(out::FeedStt{hearing.turn, listener_.preroll(i)});
  push(out::FeedStt{hearing.turn, listener_.conditioned()});
  hearings_.push_back(std::move(hearing));
  if (!floor_since_) floor_since_ = now_;
  set_caller(CallerState::kSpeaking, "voice");
  if (agent_ == AgentState::kStarting) {
    if (answer_) cancel_answer("caller spoke first");
    set_agent(AgentState::kListening, "caller spoke first");
  }
  expect_words({});
}

// Tells the endpointer what the words so far say about the end of the turn.
void CallEngine::Impl::expect_words(std::string_view words) {
  const Expectation expected = conversation_.expectation();
  if (!words.empty()) {
    listener_.set_opinion(text_turn_end(words, expected, false).opinion);
  } else if (expected.digits) {
    audio::TurnOpinion opinion;
    opinion.digits_expected = true;
    listener_.set_opinion(opinion);
  }
}

void CallEngine::Impl::end_hearing(const audio::EndOfUtterance& end) {
  if (!caller_talking()) return;
  Hearing& hearing = hearings_.back();
  hearing.open = false;
  hearing.ended = now_;
  hearing.voiced = end.voiced.duration();
  // A voice below the level rule (a network heard it) has no loud frame: then the endpointer's view counts.
  hearing.last_voice = std::max(hearing.last_voice, now_ - end.silence().duration() - kDetectorLag);
  emit("EOU", hearing.turn,
       {{"len_ms", (end.last_voice - end.onset).ms()},
        {"voice_ms", end.voiced.ms()},
        {"silence_ms", end.silence().ms()},
        {"reason", std::string(audio::to_string(end.reason))},
        {"dropped", std::int64_t{end.dropped}}});
  set_caller(CallerState::kQuiet, "end of utterance");
  if (end.dropped) {
    if (!hearing.settled) push(out::CancelStt{hearing.turn});
    hearings_.pop_back();
    drop_guess();
    if (agent_ == AgentState::kHeld) resume("noise");
    if (hearings_.empty() && !pending_ && !answer_) floor_since_.reset();
    return;
  }
  const bool over_speech = hearing.over_speech;
  if (!over_speech) {
    if (!owed_) owed_ = Owed{hearing.last_voice, now_};
    owed_->voice_end = hearing.last_voice;
    owed_->since = now_;
    if (agent_ == AgentState::kListening) set_agent(AgentState::kProcessing, "end of utterance");
  }
  if (hearing.settled) return settle();
  push(out::FinishStt{hearing.turn});
}

void CallEngine::Impl::force_end_of_hearing(std::string_view reason) {
  if (const auto end = listener_.force_end(media_time_)) return end_hearing(*end);
  if (!caller_talking()) return;
  Hearing& hearing = hearings_.back();
  audio::EndOfUtterance end;
  end.onset = hearing.onset;
  end.last_voice = end.decided = media_time_;
  end.voiced = media_time_ - hearing.onset;
  end.reason = audio::EndReason::kForced;
  emit("EOU_FORCED", hearing.turn, {{"reason", std::string(reason)}});
  end_hearing(end);
}

Hearing* CallEngine::Impl::find_hearing(TurnId turn) {
  const auto it = std::find_if(hearings_.begin(), hearings_.end(), [&](const Hearing& h) { return h.turn == turn; });
  return it == hearings_.end() ? nullptr : &*it;
}

void CallEngine::Impl::on(const in::SttPartial& partial) {
  Hearing* hearing = find_hearing(partial.turn);
  if (hearing == nullptr || hearing->settled) return;
  if (hearing->partial != partial.text) {
    hearing->partial_since = now_;
    hearing->guessed = false;
    drop_guess();
  }
  hearing->partial = partial.text;
  if (hearing->open) expect_words(partial.text);
  const bool words = !is_backchannel(partial.text, *options_.persona) && !is_our_echo(partial.text, playout_.text());
  if (agent_ == AgentState::kHeld && hearing->over_speech && !partial.text.empty() && words) interrupt("words");
}

void CallEngine::Impl::on(const in::SttFinal& final) {
  Hearing* hearing = find_hearing(final.turn);
  if (hearing == nullptr || hearing->settled) return;  // cancelled, or given up on
  hearing->settled = true;
  hearing->text = final.text;
  emit("ASR_TEXT", final.turn,
       {{"latency_ms", hearing->open ? std::int64_t{0} : to_ms(now_ - hearing->ended)},
        {"chars", static_cast<std::int64_t>(final.text.size())},
        {"confidence", static_cast<double>(final.confidence)},
        {"text", final.text, true}});
  settle();
}

void CallEngine::Impl::stt_failed(TurnId turn, const Error& error) {
  Hearing* hearing = find_hearing(turn);
  if (hearing == nullptr || hearing->settled) return;
  hearing->settled = true;
  hearing->text = hearing->partial;  // half a sentence is better than none
  hearing->failed = hearing->text.empty();
  emit("PROVIDER_FAILED", turn, {{"stage", std::string("stt")}, {"why", to_string(error)}});
  settle();
}

// Takes settled utterances in order. A later one that is still open (the caller goes on speaking) keeps their words
// back, so that "I want an apartment" … "in Haifa" becomes one turn.
void CallEngine::Impl::settle() {
  while (!hearings_.empty() && hearings_.front().settled && !hearings_.front().open) {
    const Hearing hearing = std::move(hearings_.front());
    hearings_.erase(hearings_.begin());
    if (hearing.over_speech && speaking()) {
      settle_over_speech(hearing);
    } else {
      hold_or_take(hearing);
    }
  }
}

// Words over our speech: an interruption, an "uh-huh", noise or our own echo.
void CallEngine::Impl::settle_over_speech(const Hearing& hearing) {
  const bool nothing = hearing.text.empty() || is_our_echo(hearing.text, playout_.text());
  const bool backchannel = is_backchannel(hearing.text, *options_.persona) &&
                           hearing.voiced <= options_.turn.backchannel_max && !hearing.near_end;
  if (hearing.failed && yielded_) {
    interrupt("voice without transcript");
    return hold_or_take(hearing);
  }
  if (nothing || backchannel) {
    if (!caller_talking()) resume(nothing ? "no words" : "backchannel");
    if (hearings_.empty() && !pending_) floor_since_.reset();
    return;
  }
  interrupt("words");
  hold_or_take(hearing);
}

void CallEngine::Impl::hold_or_take(const Hearing& hearing) {
  if (!hearing.text.empty()) {
    if (!pending_text_.empty()) pending_text_ += ' ';
    pending_text_ += hearing.text;
  }
  if (pending_) {
    Hearing merged = hearing;
    merged.voiced += pending_->voiced;
    merged.failed = hearing.failed && pending_text_.empty();
    pending_ = std::move(merged);
  } else {
    pending_ = hearing;
  }
  if (!owed_) owed_ = Owed{pending_->last_voice, now_};
  if (agent_ == AgentState::kListening) set_agent(AgentState::kProcessing, "transcript");
  if (forced_) return take_pending();
  if (caller_talking() || !hearings_.empty()) return;  // the rest is coming
  const auto opinion = text_turn_end(pending_text_, conversation_.expectation(), true).opinion;
  const bool unfinished = opinion.end_probability && *opinion.end_probability <= kUnfinished && !pending_text_.empty();
  if (unfinished && now_ < pending_->last_voice + options_.turn.longest_wait) return;  // Timer::kUnfinished
  take_pending();
}

void CallEngine::Impl::take_pending() {
  const Hearing last = std::move(*pending_);
  const std::string text = std::exchange(pending_text_, {});
  pending_.reset();
  LatencyLedger ledger;
  ledger.voice_end = last.last_voice;
  ledger.eou = last.ended;
  ledger.transcript = now_;
  if (text.empty() && !last.failed) return answer_empty(last.turn, last.voiced);
  take_turn(last.turn, text, last.failed, ledger);
}

void CallEngine::Impl::on(const in::Dtmf& dtmf) {
  last_digit_ = last_voice_ = idle_since_ = now_;
  emit("DTMF", last_turn_, {{"count", static_cast<std::int64_t>(digits_.size() + 1)}});
  if (speaking()) interrupt("digit");
  if (agent_ == AgentState::kStarting) set_agent(AgentState::kListening, "digit");
  if (dtmf.digit == options_.turn.dtmf_terminator) {
    if (!digits_.empty()) digits_complete();
    return;
  }
  digits_ += dtmf.digit;
  if (digits_.size() >= options_.turn.dtmf_max_digits) digits_complete();
}

void CallEngine::Impl::digits_complete() {
  const std::string digits = std::exchange(digits_, {});
  LatencyLedger ledger;
  ledger.voice_end = last_digit_;
  ledger.eou = ledger.transcript = now_;
  owed_ = Owed{last_digit_, now_};
  if (agent_ == AgentState::kListening) set_agent(AgentState::kProcessing, "digits");
  take_turn(next_turn(), digits, false, ledger);
}

}  // namespace al::dialog
