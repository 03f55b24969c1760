// The voice of one call under PLAYBACK=redirect. It stands where the media socket would: the engine's frames of an
// answer are collected instead of sent, and when the answer is complete it is handed over as one clip, which Twilio is
// told to <Play>. Where that is not possible, the same frames go out through the stream after all.
//
//   collecting ──last mark──> complete ──hand over──> leaving ──taken──> gone (the stream is about to end)
//        ^                                               └─not taken─> speaking ──its last mark is back──┐
//        └───────────────────────────────────────────────────────────────────────────────────────────────┘
//
// While it leaves or speaks in the stream, the caller is not listened to: nothing could be taken back any more.
// Lives on the call's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agentd/call_driver.h"
#include "core/time.h"
#include "net/loop.h"

namespace al::agentd {

class RedirectPlayback final : public MediaOut, public std::enable_shared_from_this<RedirectPlayback> {
 public:
  struct Hooks {
    // The marks of a complete answer count as played: the caller will hear all of it. Not from inside the engine.
    std::function<void(const std::vector<std::string>& marks)> played;
    // The answer, without silence at its end; called once `played` has returned. Answer with taken() or refused().
    std::function<void(std::vector<std::uint8_t> ulaw)> hand_over;
    // The answer was spoken in the stream, to its end.
    std::function<void()> spoken;
  };
  // `line` outlives it. The hooks are called on the loop, as long as the object lives.
  static std::shared_ptr<RedirectPlayback> make(net::Loop& loop, MediaOut& line, Hooks hooks);

  void send_media(const audio::UlawFrame& ulaw) override;
  void send_mark(const std::string& name) override;
  void clear() override;

  void begin();  // the engine starts a new answer (TTS_START)
  void taken();
  void refused();
  void mark_back(const std::string& name);  // from Twilio

  // Is the caller listened to?
  [[nodiscard]] bool listening() const { return state_ == State::kCollecting; }
  [[nodiscard]] bool leaves() const { return state_ == State::kLeaving || state_ == State::kGone; }

 private:
  enum class State { kCollecting, kComplete, kLeaving, kGone, kSpeaking };
  struct Mark {
    std::size_t frame = 0;  // it follows so many frames
    std::string name;
  };
  RedirectPlayback(net::Loop& loop, MediaOut& line, Hooks hooks);
  void complete();
  void speak(Timestamp now);
  void forget();

  net::Loop& loop_;
  MediaOut& line_;
  Hooks hooks_;
  net::Timer timer_;
  State state_ = State::kCollecting;
  std::vector<audio::UlawFrame> frames_;
  std::vector<Mark> marks_;
  // Where the engine believes to be in its speech: its own grid (dialog/playout.h), followed here so that what it takes
  // back with `clear` is what goes.
  Timestamp base_{};
  std::size_t frames_said_ = 0;  // in the stream
  std::size_t marks_said_ = 0;
  Timestamp next_frame_{};
  std::string awaited_;  // the last mark of what is spoken in the stream
};

}  // namespace al::agentd
