// A whole telephone call in virtual time, for tests: the caller's mouth and ear, Twilio's playout buffer with its
// marks, and scripted providers, around one CallEngine. It reads like the story: say(…), advance(…), heard(…).
// Deterministic. What the caller hears is read back from the sound itself: the fake voice gives every text its own
// amplitude.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.h"
#include "dialog/call_engine.h"

namespace al::dialog::testing {

struct SttScript {
  std::string text;
  Duration delay = milliseconds{150};                      // from FinishStt to the final
  std::vector<std::pair<Duration, std::string>> partials;  // from StartStt
  bool hang = false;
  bool fail = false;
  int copies = 1;  // of the final
};
struct ModelScript {
  std::vector<std::pair<Duration, std::string>> deltas;  // each after the one before
  std::vector<in::ModelToolCall> tools;                  // `turn` is filled in
  bool hang = false;                                     // after the deltas
  bool fail = false;                                     // after the deltas
};
struct TtsScript {
  Duration first = milliseconds{80};
  double speed = 20.0;                   // times real time
  Duration per_char = milliseconds{60};  // of sound
  bool hang = false;
  bool fail = false;
  bool empty = false;
  std::optional<Duration> breaks_after;  // of sound, then hangs
};

struct LineModel {
  Duration down{milliseconds{30}};  // us -> caller
  Duration up{milliseconds{30}};    // caller -> us
  bool lose_marks = false;
  double lose_frames = 0;   // probability
  double delay_frames = 0;  // probability that a frame waits 40-400 ms and a burst follows
  double echo = 0;          // of what is played, at the caller's side
  int noise = 12;           // peak of the background noise, int16
};

class VirtualCall {
 public:
  // Persona "en-real-estate", clips for every fixed phrase unless the test removes them.
  static CallOptions options();
  explicit VirtualCall(CallOptions options = VirtualCall::options(), std::uint64_t seed = 1, LineModel line = {});

  // ---- the story ----
  // The caller speaks from now on for so long; with a text, the next transcript is that text.
  void say(Duration length);
  void say(std::string text, Duration length);
  void pause(Duration length);  // between two say()s, without advancing
  void advance(Duration time);
  void advance_until_quiet(Duration limit = seconds{20});  // until the agent listens again
  void press(char digit);
  void hang_up();
  void input(const Input& input);  // anything, now

  // Scripts for the next request of a kind; when there is none, the fallback function is asked.
  std::deque<SttScript> stt;
  std::deque<ModelScript> model;
  std::deque<TtsScript> tts;
  std::function<SttScript()> stt_default;
  std::function<ModelScript()> model_default;
  std::function<TtsScript()> tts_default;
  std::function<std::string(const out::RunTool&)> tool_answer;
  bool deliver_cancelled = false;  // providers that do not stop: late events of cancelled turns arrive all the same

  // ---- what happened ----
  struct Played {      // one stretch of sound at the caller's ear
    std::string text;  // "" = the beep or silence
    Timestamp from;
    Timestamp to;
    bool sound = true;
  };
  [[nodiscard]] const std::vector<Played>& played() const { return played_; }
  [[nodiscard]] std::vector<std::string> texts() const;  // of the sounds heard, in order
  [[nodiscard]] bool heard(std::string_view text) const;
  [[nodiscard]] std::optional<Timestamp> first_heard(std::string_view text) const;
  [[nodiscard]] std::string state() const { return agent_state_; }
  [[nodiscard]] std::vector<CallEvent> events(std::string_view name) const;
  [[nodiscard]] std::string story() const;  // every event with its time and facts, for a failing test to show
  [[nodiscard]] int count(std::string_view name) const { return static_cast<int>(events(name).size()); }
  // The longest silence at the caller's ear after a caller's turn (or after our sound, while an answer is owed). What
  // the caller does starts the clock anew: their voice, and a key pressed meanwhile.
  [[nodiscard]] Duration longest_owed_silence() const { return longest_owed_silence_; }
  [[nodiscard]] Timestamp longest_owed_silence_end() const { return longest_end_; }
  [[nodiscard]] Timestamp now() const { return now_; }
  [[nodiscard]] Timestamp start() const { return start_; }
  [[nodiscard]] Timestamp last_voice() const { return last_voice_; }  // of the caller, at the caller's mouth
  [[nodiscard]] CallEngine& engine() { return engine_; }
  [[nodiscard]] const std::vector<ModelRequest>& model_requests() const { return model_requests_; }
  [[nodiscard]] const std::vector<std::pair<Timestamp, Output>>& outputs() const { return outputs_; }
  [[nodiscard]] int most_open_models() const { return most_open_models_; }
  [[nodiscard]] int clears() const { return clears_; }
  [[nodiscard]] int ends() const { return ends_; }
  [[nodiscard]] std::string end_reason() const { return end_reason_; }
  [[nodiscard]] bool playing() const { return !buffer_.empty(); }
  std::function<void(const Input&, Timestamp)> on_input;  // for recording
  [[nodiscard]] const Clips& clips() const { return options_.clips; }

 private:
  struct Pending {
    Input input;
    TurnId turn;  // cancelled together with it
    SpeechId speech;
  };
  struct Buffered {
    bool is_mark = false;
    std::string name;
    audio::UlawFrame frame{};
  };

  void step_to(Timestamp when);
  void feed(const Input& input);
  void drain();
  void perform(const Output& output);
  void start_tts(const TtsRequest& request);
  void start_model(const ModelRequest& request);
  void schedule(Timestamp when, Input input, TurnId turn = {}, SpeechId speech = {});
  void caller_frame();
  void line_frame();
  void note_played(const audio::UlawFrame* frame);
  void watch_silence(bool sound);
  std::uint8_t code_of(const std::string& text);
  Pcm sound_of(const std::string& text, Duration length);

  Timestamp start_;
  Timestamp now_;
  Random random_;
  LineModel line_;
  std::map<std::string, std::uint8_t> codes_;
  CallOptions options_;
  CallEngine engine_;
  std::multimap<Timestamp, Pending> pending_;
  Timestamp next_frame_;
  std::uint64_t frame_index_ = 0;
  std::deque<std::pair<bool, Duration>> mouth_;  // {voice, how long}
  std::deque<std::string> said_;
  std::multimap<Timestamp, Buffered> on_the_way_;
  std::deque<Buffered> buffer_;  // Twilio's
  Timestamp delayed_until_;
  std::set<TurnId> cancelled_;
  std::map<TurnId, SttScript> hearing_;
  std::vector<Played> played_;
  std::vector<std::pair<Timestamp, Output>> outputs_;
  std::vector<ModelRequest> model_requests_;
  std::string agent_state_ = "STARTING";
  Timestamp last_voice_;
  Timestamp last_sound_;  // of ours, at the caller's ear
  bool owed_ = false;
  Timestamp owed_since_;
  Duration longest_owed_silence_{0};
  Timestamp longest_end_;
  std::set<TurnId> open_models_;
  int most_open_models_ = 0;
  int clears_ = 0;
  int ends_ = 0;
  std::string end_reason_;
  audio::UlawFrame echo_frame_{};
};

}  // namespace al::dialog::testing
