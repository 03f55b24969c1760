// The whole ear of a call: detector, echo gate, endpointer, barge-in timing, conditioning and pre-roll in one object,
// so that agentd, `alctl replay` and `alctl tune` decide frame for frame the same. One frame of the caller in (with
// what we played meanwhile), facts out. It decides nothing about the conversation: the CallEngine does. hear() is
// realtime-safe: no allocation, no lock, no clock. Not thread-safe; one object a call.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "audio/conditioner.h"
#include "audio/echo_gate.h"
#include "audio/endpointer.h"
#include "audio/format.h"
#include "audio/voice_detector.h"
#include "core/error.h"
#include "core/time.h"

namespace al::audio {

class PlainRule;

struct BargeInOptions {
  bool enabled = true;                  // BARGE_IN
  milliseconds suspect{40};             // voice over our speech: hold back
  milliseconds confirm{200};            // BARGE_IN_VOICE_FRAMES x 20 ms: yield
  milliseconds grace{200};              // no barge-in before so much of our speech was heard
  milliseconds gap{60};                 // a pause this short does not restart the count
  milliseconds repeat_refractory{750};  // REPLY_REFRACTORY_MS: after a confirmed one, the next needs this distance
};

struct ListenOptions {
  VoiceOptions voice;
  ConditionerOptions conditioner;
  EchoGateOptions echo_gate;
  EndpointOptions endpoint;
  BargeInOptions barge_in;
  milliseconds preroll{300};
  float sounding_db = 6.0F;  // over the noise floor: sound that an onset may reach back over
  // After our own speech an onset needs `refractory_onset` more voice for so long: breaths and echo tails fall through,
  // a reply only waits that little and loses nothing, because the pre-roll reaches back.
  milliseconds refractory{200};
  milliseconds refractory_onset{40};
};

struct ListenInput {
  PcmFrameView caller;                     // 20 ms of the line, decoded, unconditioned
  MediaTime at;                            // of its first sample
  std::span<const std::int16_t> played{};  // what we sent to be heard in these 20 ms; empty = nothing
  bool agent_speaking = false;             // our speech is under way (first frame sent … mark back)
};

enum class BargeIn { kNone, kSuspected, kWithdrawn, kConfirmed };

struct Heard {
  VoiceFrame detector;  // the raw verdict
  EchoGate::Verdict echo;
  bool voice = false;                       // the caller is speaking in this frame (after the gate)
  bool speaking = false;                    // inside an utterance, pauses included
  std::optional<MediaTime> started;         // an utterance was confirmed; it began here. preroll() holds its beginning
  std::optional<EndOfUtterance> ended;      // never in one frame with `started`
  BargeIn barge_in = BargeIn::kNone;        // set in the frame in which it happens; only while agent_speaking
  std::optional<MediaTime> barge_in_onset;  // with kSuspected and kConfirmed: where that voice began
};

class TurnListener {
 public:
  static Result<TurnListener> create(const ListenOptions& options,
                                     const std::shared_ptr<const SileroModel>& silero = nullptr);
  // With a detector made elsewhere: recorded scores when many settings are tried on one recording, fakes in tests.
  TurnListener(const ListenOptions& options, std::unique_ptr<VoiceDetector> detector);
  ~TurnListener();
  TurnListener(TurnListener&&) noexcept;
  TurnListener& operator=(TurnListener&&) noexcept;

  Heard hear(const ListenInput& input);

  // The frame just heard, conditioned: what the recogniser gets.
  [[nodiscard]] const PcmFrame& conditioned() const { return conditioned_; }
  // Conditioned frames before the one just heard, oldest first; index 0 .. preroll_size()-1. At `started` they reach
  // back `preroll` before the first sound (the confirmation time is added to it), as far as there is history.
  [[nodiscard]] std::size_t preroll_size() const { return preroll_size_; }
  [[nodiscard]] const PcmFrame& preroll(std::size_t index) const;

  // See endpointer.h.
  void set_opinion(const TurnOpinion& opinion) { endpointer_.set_opinion(opinion); }
  std::optional<EndOfUtterance> force_end(MediaTime at);
  [[nodiscard]] milliseconds required_silence() const { return endpointer_.required_silence(); }

 private:
  static constexpr std::size_t kRing = 64;  // frames, 1.28 s: pre-roll and the longest confirmation

  void decide(const ListenInput& input, Heard& heard);
  void decide_plainly(const ListenInput& input, Heard& heard);
  void track_barge_in(const ListenInput& input, Heard& heard);
  void remember(const PcmFrame& frame);
  void size_preroll(const Heard& heard, MediaTime at);

  ListenOptions options_;
  std::unique_ptr<VoiceDetector> detector_;
  std::unique_ptr<PlainRule> plain_;  // the preset `spec` decides by itself
  Conditioner conditioner_;
  EchoGate echo_gate_;
  Endpointer endpointer_;
  PcmFrame conditioned_{};
  std::array<PcmFrame, kRing> ring_{};
  std::size_t ring_count_ = 0;
  std::size_t preroll_size_ = 0;

  bool agent_was_speaking_ = false;
  MediaTime agent_since_{};
  std::optional<MediaTime> agent_until_;  // end of our last speech
  std::optional<MediaTime> last_barge_in_;
  bool barge_suspected_ = false;
  bool barge_confirmed_ = false;
  MediaTime barge_onset_{};
  MediaTime barge_voice_{};
  MediaTime barge_last_voice_{};
};

}  // namespace al::audio
