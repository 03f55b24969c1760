// The inside of CallEngine. Its methods are in five files by what they are about:
//   call_engine.cpp         dispatch, deadlines, states, invariants
//   call_engine_ear.cpp     frames, utterances, transcripts, digits: what the caller did
//   call_engine_guess.cpp   asking the model before the caller has finished
//   call_engine_answer.cpp  conversation, model, tools, failure: what to answer
//   call_engine_speech.cpp  synthesis, playout, barge-in, marks: saying it
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audio/turn_listener.h"
#include "core/random.h"
#include "dialog/call_engine.h"
#include "dialog/call_state.h"
#include "dialog/clause_cutter.h"
#include "dialog/conversation.h"
#include "dialog/latency_ledger.h"
#include "dialog/output_queue.h"
#include "dialog/playout.h"

namespace al::dialog {

// One utterance of the caller on its way to text.
struct Hearing {
  TurnId turn;
  MediaTime onset;
  Timestamp opened;
  Timestamp last_voice;
  Timestamp ended;
  Duration voiced{0};
  bool open = true;      // the caller is still speaking
  bool settled = false;  // the text (or the failure) is there
  bool failed = false;
  bool over_speech = false;  // began while words of ours were still to be heard
  bool guessed = false;      // the model was asked on a partial of it
  bool near_end = false;     // … but so few that it may be the answer to them
  std::string partial;
  Timestamp partial_since;  // unchanged
  std::string text;
};

// One answer of ours, from the decision to the last mark.
struct Answer {
  struct Tool {
    std::string id;
    std::string name;
    std::string arguments_json;
  };
  TurnId turn;  // on the wire: model, synthesis, tools
  TurnId talk;  // in the conversation; none for what we say unasked
  bool model_open = false;
  bool got_delta = false;
  bool failed = false;  // a fallback is said instead
  bool first_clause = true;
  bool frame_sent = false;  // of its words
  bool ask_again = false;   // tool results wait for the model
  bool complete = false;    // no further words will come
  int tool_rounds = 0;
  std::size_t reply_chars = 0;
  Timestamp asked_at;
  Timestamp model_event;
  ClauseCutter cutter;
  std::vector<Tool> tools;  // running
  LatencyLedger ledger;
  std::string end_reason;  // EndCall after it; empty = the call goes on
};

// A question to the model before the caller has finished.
struct Guess {
  TurnId turn;
  Timestamp asked_at;
  std::string words;  // the partial it was made on, in normal form
  std::string saved;  // the conversation before it
  CallerDecision decision;
  std::vector<std::string> deltas;
  bool done = false;
  bool failed = false;
};

class CallEngine::Impl {
 public:
  Impl(const CallOptions& options, Timestamp now, std::uint64_t seed);

  void handle(const Input& input, Timestamp now);
  std::optional<Output> poll() { return outputs_.pop(); }
  [[nodiscard]] std::optional<Deadline> deadline() const;
  [[nodiscard]] bool ended() const { return agent_ == AgentState::kEnded; }
  [[nodiscard]] const Conversation& conversation() const { return conversation_; }
  [[nodiscard]] const audio::Heard& last_heard() const { return last_heard_; }

 private:
  static constexpr std::size_t kMaxHearings = 8;

  enum class Timer {
    kNone,
    kGreeting,
    kSilence,  // an answer is owed and nothing sounds
    kStt,
    kModel,
    kTts,
    kTool,
    kUnfinished,  // the caller's words are unfinished: wait a little for the rest
    kGuess,       // the partial transcript is stable: ask the model already
    kFloor,       // our answer is ready, but would come too soon
    kPlayout,
    kMark,
    kHeld,
    kIdle,
    kMaxCall,
    kDtmf,
    kMediaGap,
    kCallerTurn,
    kHangup,
  };
  struct Due {
    Timestamp when;
    Timer timer = Timer::kNone;
  };

  // ---- dispatch, deadlines, states (call_engine.cpp) ----
  [[nodiscard]] Due next_due() const;
  void consider_waiting(Due& due) const;
  void consider_provider_work(Due& due) const;
  void fire(Timer timer);
  void fire_caller_timer(Timer timer);
  void run_due();
  void settle_states();
  void check_invariants() const;
  [[nodiscard]] std::optional<Timestamp> silence_due() const;
  void set_caller(CallerState state, std::string_view reason);
  void set_agent(AgentState state, std::string_view reason);
  void set_work(WorkState state, std::string_view reason);
  void state_event(std::string_view machine, std::string_view from, std::string_view to, std::string_view reason);
  void emit(std::string_view name, TurnId turn, std::vector<Fact> facts);
  void push(Output&& output) { outputs_.push(std::move(output)); }

  // ---- the caller (call_engine_ear.cpp) ----
  void on(const in::Media& media);
  void on(const in::Dtmf& dtmf);
  void on(const in::SttPartial& partial);
  void on(const in::SttFinal& final);
  void confirm_barge_in();
  void begin_hearing(MediaTime onset);
  void end_hearing(const audio::EndOfUtterance& end);
  void force_end_of_hearing(std::string_view reason);
  void stt_failed(TurnId turn, const Error& error);
  void expect_words(std::string_view words);
  void settle();
  void settle_over_speech(const Hearing& hearing);
  void hold_or_take(const Hearing& hearing);
  void take_pending();
  void digits_complete();
  [[nodiscard]] Hearing* find_hearing(TurnId turn);
  [[nodiscard]] bool caller_talking() const { return !hearings_.empty() && hearings_.back().open; }

  // ---- the answer (call_engine_answer.cpp) ----
  void on(const in::ModelDelta& delta);
  void on(const in::ModelToolCall& call);
  void on(const in::ToolResult& result);
  void on(const in::ModelDone& done);
  void on(const in::ProviderFailed& failed);
  void take_turn(TurnId turn, const std::string& text, bool failed, const LatencyLedger& ledger);
  void answer_empty(TurnId turn, Duration voiced);
  void ask_model();
  void speak_clauses(bool flush);
  void tools_done();
  void finish_model();
  void break_off();
  void cancel_answer(std::string_view reason);
  void give_up(std::string_view reason, bool voice_works);
  Answer& new_answer(TurnId turn, TurnId talk);
  void initiate(const std::string& text, std::string_view what, std::string end_reason);
  void greet();
  void idle_prompt();
  void say_goodbye(std::string end_reason);

  // ---- asking early (call_engine_guess.cpp) ----
  [[nodiscard]] bool may_guess() const;
  [[nodiscard]] Timestamp guess_due() const;
  void make_guess();
  void drop_guess();
  bool take_guess(const std::string& text, const LatencyLedger& ledger);
  bool keep_for_guess(TurnId turn, const std::string* delta, bool done, bool failed);

  // ---- saying it (call_engine_speech.cpp) ----
  void on(const in::TtsAudio& audio);
  void on(const in::TtsDone& done);
  void on(const in::MarkPlayed& mark);
  void on(const in::DeadlineReached&) {}
  void on(const in::Hangup& hangup);
  void say(const std::string& text, bool voice_works);
  void say_filler();
  void speech_failed(SpeechId speech, std::string_view reason);
  void try_start();
  void start_speech(std::string_view reason);
  void pump();
  void note_frame();
  void hold(std::string_view reason);
  void yield(std::string_view reason);
  void resume(std::string_view reason);
  void interrupt(std::string_view reason);
  void own_the_line();
  void tell_heard(bool interrupted);
  void speech_over(std::string_view reason);
  void end_call(std::string reason);
  [[nodiscard]] const std::shared_ptr<const Pcm>* clip(std::string_view text) const;
  [[nodiscard]] bool speaking() const { return agent_ == AgentState::kSpeaking || agent_ == AgentState::kHeld; }

  TurnId next_turn() { return last_turn_ = last_turn_.next(); }
  SpeechId next_speech() { return last_speech_ = last_speech_.next(); }

  CallOptions options_;
  Conversation conversation_;
  audio::TurnListener listener_;
  Playout playout_;
  OutputQueue outputs_;
  Random random_;
  std::shared_ptr<const Pcm> beep_;

  CallerState caller_ = CallerState::kQuiet;
  AgentState agent_ = AgentState::kStarting;
  WorkState work_ = WorkState::kNone;

  Timestamp now_;
  Timestamp started_at_;
  MediaTime media_time_;  // end of the last frame
  Timestamp last_media_;
  Timestamp last_voice_;  // of the caller
  Timestamp idle_since_;
  Timestamp agent_since_;  // of the present agent state
  std::uint64_t frames_in_ = 0;
  audio::Heard last_heard_;

  TurnId last_turn_;
  SpeechId last_speech_;
  std::vector<Hearing> hearings_;         // oldest first; at most one is open, the last
  std::optional<Timestamp> floor_since_;  // since when the caller has had the floor without a break for an answer
  std::string pending_text_;              // settled words whose turn may not be over
  std::optional<Hearing> pending_;        // the last utterance of them
  std::optional<Answer> answer_;
  std::optional<Guess> guess_;
  struct Owed {
    Timestamp voice_end;
    Timestamp since;
    int fillers = 0;
  };
  std::optional<Owed> owed_;     // an answer is owed
  milliseconds floor_delay_{0};  // of the present turn
  bool greeting_pending_ = false;
  bool forced_ = false;       // we speak although the line is not quiet; no barge-in then
  bool yielded_ = false;      // held, and `clear` is out
  bool line_unsure_ = false;  // something of ours may still be playing at Twilio
  bool max_call_reached_ = false;
  int idle_stage_ = 0;
  int empty_turns_ = 0;
  int failed_turns_ = 0;
  std::string digits_;
  Timestamp last_digit_;
  bool end_sent_ = false;
  std::string closing_reason_;         // our goodbye is said; EndCall unless the caller has more to say
  std::vector<Answer::Tool> orphans_;  // tools whose turn was interrupted; their results still count
  Timestamp last_sound_;               // end of our last sound
  Timestamp sound_before_;             // the same before the present speech began
  Timestamp speech_since_;             // start of the present speech
  std::uint64_t stale_audio_ = 0;      // pieces of sound for a speech that was over
};

}  // namespace al::dialog
