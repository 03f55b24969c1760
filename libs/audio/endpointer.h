// Where an utterance begins and where it ends, from one voice decision a frame. All times are media time: a late or
// bunched packet changes nothing. It does not hear audio and does not know whether the agent speaks. Realtime-safe,
// allocation-free, not thread-safe; one object a call.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/time.h"

namespace al::audio {

struct EndpointOptions {
  milliseconds onset{60};             // so much voice begins an utterance
  milliseconds onset_reach{200};      // detectors wake up late: sound right before the voice belongs to it, up to this
  milliseconds min_silence{340};      // MIN_SILENCE_MS: silence that ends it …
  milliseconds short_silence{240};    // … when little was said so far: "yes", "five", "Tel Aviv"
  milliseconds short_utterance{500};  // voice from the first to the last sound counts as short below this
  milliseconds long_silence{340};     // … and after a long utterance
  milliseconds long_utterance{3000};
  milliseconds hangover{140};  // VAD_HANGOVER_MS: no silence shorter than this ends anything
  bool end_on_drop = false;    // a sharp fall of energy shortens the silence to `drop_silence`: measured as harmful
  milliseconds drop_silence{200};
  float drop_db = 15.6F;                // a fall by a factor of 6
  milliseconds min_voice{0};            // utterances with less voice are dropped as noise
  milliseconds min_utterance{0};        // an end is not declared before so much time since the onset
  milliseconds max_utterance{7000};     // MAX_UTT_SEC: an end is forced
  milliseconds action_delay{200};       // silence after which an opinion "complete" ends the utterance
  milliseconds timeout{1500};           // silence after which an utterance that is thought incomplete ends anyway
  milliseconds digits_silence{900};     // silence while digits are still expected
  float complete_probability = 0.8F;    // an opinion at or above this is "complete" …
  float incomplete_probability = 0.3F;  // … at or below this "incomplete"; between them the silence rules decide
};

// What somebody who knows the words (or a model) thinks of the open utterance. Valid until the next one or the
// utterance's end.
struct TurnOpinion {
  std::optional<float> end_probability;  // 0 = certainly goes on, 1 = certainly done; nullopt = none
  bool digits_expected = false;          // the caller is dictating a number and it is not complete
};

enum class EndReason { kSilence, kEnergyDrop, kOpinion, kTimeout, kMaxLength, kForced };
[[nodiscard]] std::string_view to_string(EndReason reason);

struct EndOfUtterance {
  MediaTime onset;       // start of the first voiced frame
  MediaTime last_voice;  // end of the last voiced frame
  MediaTime decided;     // end of the frame at which the end was declared
  MediaTime voiced;      // sum of voiced frames
  EndReason reason = EndReason::kSilence;
  bool dropped = false;  // too little voice: treat as noise

  [[nodiscard]] MediaTime silence() const { return decided - last_voice; }
};

class Endpointer {
 public:
  struct Step {
    bool speaking = false;             // inside an utterance, pauses included
    std::optional<MediaTime> started;  // set in the frame that confirms an onset: where the voice began
    std::optional<EndOfUtterance> ended;
  };

  explicit Endpointer(const EndpointOptions& options = {});

  // `at`: media time of the frame's first sample; frames must come in order, missing time counts as silence.
  // `sounding`: the frame stands out of the noise, voice or not. `onset_extra`: further voice needed to begin an
  // utterance just now (after our own speech).
  Step process(MediaTime at, bool voice, bool sounding, float level_dbfs, milliseconds onset_extra = milliseconds{0});

  void set_opinion(const TurnOpinion& opinion) { opinion_ = opinion; }
  // Ends an open utterance now (digits complete, wall-clock bound, hang-up). nullopt when none is open.
  std::optional<EndOfUtterance> force_end(MediaTime at);
  void reset();

  [[nodiscard]] bool speaking() const { return speaking_; }
  // The silence that would end the open utterance, with what is known now; for logs and reports.
  [[nodiscard]] milliseconds required_silence() const { return need().silence; }

 private:
  struct Need {
    milliseconds silence;
    EndReason reason;
  };
  [[nodiscard]] Need need() const;
  void track_level(bool voice, float level_dbfs);
  void track_sound(MediaTime at, bool sounding);
  [[nodiscard]] MediaTime reached_back(MediaTime onset) const;
  void begin(MediaTime onset, MediaTime voiced, MediaTime now);
  EndOfUtterance finish(MediaTime now, EndReason reason);

  EndpointOptions options_;
  TurnOpinion opinion_;
  bool speaking_ = false;
  MediaTime onset_{};
  MediaTime last_voice_{};
  MediaTime voiced_{};
  MediaTime run_start_{};  // of the present candidate run while not speaking
  MediaTime run_voice_{};
  std::optional<MediaTime> sounding_since_;  // start of the sound that has not stopped since
  MediaTime last_sound_{};
  MediaTime end_of_last_{};            // utterance; onsets do not reach into it
  float speech_level_dbfs_ = -100.0F;  // smoothed level of voiced frames of this utterance
  bool dropped_sharply_ = false;
};

}  // namespace al::audio
