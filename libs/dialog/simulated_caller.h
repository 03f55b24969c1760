// A caller as a value, for tests and benchmarks of whole calls: speaks, listens until the answer is over, speaks again;
// and keeps the books of every turn from outside, by the sound that reaches the ear through Twilio's playout buffer.
// What the engine says about itself (its latency ledger) is kept beside it, so that one can be held against the other.
// Reads no clock and does no I/O: a driver gives it the time and carries frames, marks and events. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audio/format.h"
#include "dialog/engine_io.h"

namespace al::dialog::testing {

// One turn of the caller and what followed it.
struct TurnReport {
  Duration worst_silence{0};            // at the caller's ear, from their last sound until the answer's words begin
  std::optional<Duration> first_sound;  // of anything: a filler counts
  std::optional<Duration> answer;       // first sound of the words that answer this turn
  std::string outcome;                  // "answer", "fallback" (something ready-made), "" = none came
  std::string text;                     // of the speech that the answer's first sound belongs to
  std::map<std::string, std::int64_t> ledger;  // the engine's own account, in ms; its parts add up to total_ms
};

struct CallerPlan {
  int turns = 3;
  Duration utterance{milliseconds{1400}};
  std::function<void(int turn)> before_turn;  // called as a turn begins, 1 the first
};

class SimulatedCaller {
 public:
  SimulatedCaller(CallerPlan plan, Timestamp start, std::uint64_t seed);

  // ---- every 20 ms, in this order ----
  [[nodiscard]] in::Media speak(Timestamp now);
  // Hears 20 ms of what was sent. Marks that were reached: to be given back to the engine.
  [[nodiscard]] std::vector<std::string> listen(Timestamp now);
  // Decides what to do next. False when the caller has hung up.
  bool go_on(Timestamp now);

  // ---- from the engine, as it happens ----
  void send_media(const audio::UlawFrame& ulaw, Timestamp now);
  void send_mark(const std::string& name);
  void clear();  // marks come back, sound does not
  void on_event(const CallEvent& event);
  void on_end_call() { ended_by_agent_ = true; }

  [[nodiscard]] const std::vector<TurnReport>& turns() const { return turns_; }
  [[nodiscard]] bool ended_by_agent() const { return ended_by_agent_; }

 private:
  enum class Phase { kQuiet, kSpeaks, kListens };
  struct Buffered {  // at Twilio
    std::optional<audio::UlawFrame> frame;
    std::string mark;
  };
  void begin_turn();

  const CallerPlan plan_;
  const std::vector<std::int16_t> voice_;
  const Timestamp start_;
  Timestamp last_sound_;   // of the caller
  Timestamp last_heard_;   // by the caller: of anybody
  Timestamp quiet_since_;  // the agent listens and nothing of it is left to be heard
  std::uint64_t sequence_ = 0;
  std::size_t position_ = 0;
  Phase phase_ = Phase::kQuiet;
  bool waiting_ = false;     // for the words of an answer
  bool words_next_ = false;  // the next sound is their first
  bool agent_listens_ = true;
  bool ended_by_agent_ = false;
  std::string spoken_;  // text of the present speech
  std::deque<Buffered> buffer_;
  std::vector<TurnReport> turns_;
};

// A voice like a caller's: syllables with pauses between them, up to the end.
[[nodiscard]] std::vector<std::int16_t> caller_voice(Duration length, std::uint64_t seed);

}  // namespace al::dialog::testing
