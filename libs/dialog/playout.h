// What we say, in order, as 20 ms frames on an absolute time grid; and what of it the caller has heard.
//
//   open/append/finish (synthesiser) ─┐
//   add_clip (ready-made)  ───────────┴─> items in order ─> step(now): frames and marks ─> the line
//
// Frame n of a run is due at start + (n - lead + 1) × 20 ms: a few frames of lead take a late wake-up, and a `clear`
// can lose no more than them. When sound comes late the grid moves (an underrun if it was inside an item). Played time
// is computed from the grid and corrected by marks. A value: no clock, no I/O; one object a call, from one strand.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "audio/format.h"
#include "core/ids.h"
#include "core/time.h"
#include "dialog/call_options.h"

namespace al::dialog {

enum class SpeechKind {
  kAnswer,  // words that belong to the conversation: history keeps what was heard of them
  kFiller,  // "one moment…": not part of the answer
  kBeep,    // a tone instead of words
};

class Playout {
 public:
  struct Frame {
    audio::UlawFrame ulaw;
  };
  struct Mark {
    std::string name;
    bool last = false;  // of the whole speech, after its tail
  };
  using Step = std::variant<Frame, Mark>;

  // By the name: the mark at the very end of a speech, as opposed to one between its pieces.
  [[nodiscard]] static bool is_last(std::string_view mark_name) { return mark_name.starts_with('e'); }

  struct MarkResult {
    bool known = false;  // false: an echo of something that was cleared, or not ours
    bool last = false;   // the speech is over
  };

  // One piece of speech as heard so far.
  struct Heard {
    TurnId turn;
    std::string text;  // the words that were played to their end
    bool whole = false;
  };

  explicit Playout(const PlayoutOptions& options);

  // ---- content ----
  // Announces a text that is being synthesised. False when too many are waiting (then it is not taken).
  bool open(SpeechId speech, TurnId turn, SpeechKind kind, std::string text, Timestamp now);
  bool add_clip(SpeechId speech, TurnId turn, SpeechKind kind, std::string text, std::shared_ptr<const Pcm> pcm,
                Timestamp now);
  // The same before everything that was not begun: a filler.
  bool add_next(SpeechId speech, TurnId turn, SpeechKind kind, std::string text, std::shared_ptr<const Pcm> pcm,
                Timestamp now);
  // False for a speech that is not (or no longer) here: late audio after a barge-in.
  bool append(SpeechId speech, std::span<const std::int16_t> pcm, Timestamp now);
  bool finish(SpeechId speech);
  // Sound of this speech so far; nullopt when it is not here.
  [[nodiscard]] std::optional<Duration> sound_of(SpeechId speech) const;
  // Removes what was not begun of this turn's answer, and ends at its present length what was begun.
  void drop_unsent(TurnId turn);
  void remove(SpeechId speech);     // one of which nothing was sent
  void close() { closed_ = true; }  // nothing follows: after the last item the tail and the last mark

  // ---- flow ----
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] bool held() const { return held_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool empty() const { return items_.empty() && !started_; }
  [[nodiscard]] bool ready() const;  // a frame could be sent now
  void start(Timestamp now);
  void hold();                 // stop sending, keep everything
  void flush(Timestamp now);   // `clear` was sent: what had not been played will be sent again
  void resume(Timestamp now);  // go on where it stopped
  void clear();                // forget everything
  void park();                 // all that was begun is sent: stop, keep what was not begun
  std::optional<Step> step(Timestamp now);
  [[nodiscard]] std::optional<Timestamp> next_due() const;

  // ---- what happened ----
  MarkResult mark_played(std::string_view name, Timestamp now);
  [[nodiscard]] bool awaiting_last_mark() const { return last_mark_sent_; }
  // When the last frame sent so far has been played, by the grid.
  [[nodiscard]] Timestamp sound_end() const;
  [[nodiscard]] bool may_still_play(Timestamp now) const;
  // The frame that the caller hears at `now`, for the echo gate; empty = nothing.
  [[nodiscard]] std::span<const std::int16_t> audible(Timestamp now) const;
  // What was heard of each answer item until `now`, oldest first.
  [[nodiscard]] std::vector<Heard> heard(Timestamp now) const;
  // The first item whose sound is not complete: since when it has been waiting for the synthesiser, and whether any
  // sound of it has come.
  struct Waiting {
    SpeechId speech;
    Timestamp since;
    bool has_sound = false;
  };
  [[nodiscard]] std::optional<Waiting> waiting() const;
  [[nodiscard]] bool all_finished() const;
  [[nodiscard]] bool sounding(Timestamp now) const { return started_ && !held_ && now < sound_end(); }
  [[nodiscard]] bool has_answer() const;  // an item that is words of an answer
  [[nodiscard]] bool has_words() const;   // an item that is not a filler
  // Sound not sent yet, as far as it is known (a text that is being synthesised counts at least a millisecond). The
  // tail is no sound.
  [[nodiscard]] Duration words_left() const;
  // Started, and everything there is has been played.
  [[nodiscard]] bool run_dry(Timestamp now) const { return started_ && !held_ && !ready() && now >= sound_end(); }

  [[nodiscard]] std::uint64_t frames_sent() const { return frames_total_; }
  [[nodiscard]] std::uint64_t underruns() const { return underruns_; }
  [[nodiscard]] Duration mark_lag() const { return mark_lag_.value_or(Duration{0}); }
  // The item that the next frame belongs to, or the last one; nullopt when there is none.
  [[nodiscard]] std::optional<SpeechKind> current_kind() const;
  // All words of the items, for comparing with what the recogniser hears.
  [[nodiscard]] std::string text() const;

 private:
  struct Item {
    SpeechId speech;
    TurnId turn;
    SpeechKind kind = SpeechKind::kAnswer;
    std::string text;
    Pcm own;                          // from the synthesiser
    std::shared_ptr<const Pcm> clip;  // or ready-made
    bool finished = false;
    Timestamp last_event;
    std::int64_t first_frame = -1;  // index in the run; -1 = not begun
    std::size_t sent = 0;           // samples
    bool mark_sent = false;
    bool acked = false;
    [[nodiscard]] std::span<const std::int16_t> pcm() const { return clip ? std::span(*clip) : std::span(own); }
  };
  struct Outstanding {
    std::string name;
    SpeechId speech;
    bool last = false;
    Timestamp due;  // computed end of what it follows
  };
  static constexpr std::size_t kMaxItems = 24;
  static constexpr std::size_t kHistory = 64;  // frames sent, for the echo gate: 1.28 s

  [[nodiscard]] Item* find(SpeechId speech);
  [[nodiscard]] const Item* find(SpeechId speech) const;
  [[nodiscard]] std::int64_t played_frames(Timestamp now) const;
  [[nodiscard]] std::int64_t tail_frames() const { return options_.tail / audio::kFrameDuration; }
  [[nodiscard]] Timestamp due(std::int64_t frame) const;
  void rebase(Timestamp now);
  Frame send(const audio::PcmFrame& pcm);
  Frame send_from(Item& item);
  Mark make_mark(SpeechId speech, bool last);

  PlayoutOptions options_;
  std::deque<Item> items_;
  std::size_t current_ = 0;  // item that the next frame comes from
  bool started_ = false;
  bool held_ = false;
  bool closed_ = false;
  bool last_mark_sent_ = false;
  Timestamp base_;         // when frame 0 of the run is played
  std::int64_t sent_ = 0;  // frames of the run
  std::int64_t tail_sent_ = 0;
  std::uint64_t mark_count_ = 0;
  std::vector<Outstanding> outstanding_;
  std::optional<Duration> mark_lag_;  // smallest seen: the way to Twilio and back
  std::array<audio::PcmFrame, kHistory> history_{};
  std::uint64_t frames_total_ = 0;
  std::uint64_t underruns_ = 0;
};

}  // namespace al::dialog
