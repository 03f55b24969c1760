// Endpointer, echo gate, listener.
#include <algorithm>

#include <gtest/gtest.h>

#include "audio/audio_settings.h"
#include "audio/echo_gate.h"
#include "audio/endpointer.h"
#include "audio/test_signals.h"
#include "audio/turn_listener.h"

namespace al::audio {
namespace {

using test::Pcm;
using test::operator+;

// ---- endpointer -----------------------------------------------------------------------------------------------------

struct Spoken {
  std::vector<MediaTime> starts;
  std::vector<EndOfUtterance> ends;
};

// Plays "voice for 300 ms, silence for 500 ms, …" into an endpointer.
class Script {
 public:
  explicit Script(const EndpointOptions& options = {}) : endpointer(options) {}

  Script& voice(int ms) { return play(ms, true); }
  Script& quiet(int ms) { return play(ms, false); }
  Script& sound(int ms) {  // loud, but the detector hears no voice yet
    sounding = true;
    play(ms, false);
    sounding = false;
    return *this;
  }
  Script& lose(int ms) {  // frames that never arrived
    at_ms_ += ms;
    return *this;
  }
  // When the end was declared, after the last sound.
  [[nodiscard]] std::int64_t last_silence_ms() const { return heard.ends.back().silence().ms(); }

  Endpointer endpointer;
  Spoken heard;
  bool sounding = false;

 private:
  Script& play(int ms, bool is_voice) {
    for (const int end = at_ms_ + ms; at_ms_ < end; at_ms_ += 20) {
      const auto step =
          endpointer.process(MediaTime::from_ms(at_ms_), is_voice, is_voice || sounding, is_voice ? -25.0F : -60.0F);
      EXPECT_FALSE(step.started && step.ended);
      if (step.started) heard.starts.push_back(*step.started);
      if (step.ended) heard.ends.push_back(*step.ended);
    }
    return *this;
  }
  int at_ms_ = 0;
};

TEST(Endpointer, AClickBeginsNothing) {
  Script script;
  script.quiet(200).voice(40).quiet(1000).voice(40).quiet(1000);
  EXPECT_TRUE(script.heard.starts.empty());
}

TEST(Endpointer, TheOnsetReachesBackToTheFirstVoicedFrame) {
  Script script;
  script.quiet(500).voice(1000).quiet(1000);
  ASSERT_EQ(script.heard.starts.size(), 1U);
  EXPECT_EQ(script.heard.starts[0].ms(), 500);
  ASSERT_EQ(script.heard.ends.size(), 1U);
  EXPECT_EQ(script.heard.ends[0].onset.ms(), 500);
  EXPECT_EQ(script.heard.ends[0].last_voice.ms(), 1500);
  EXPECT_EQ(script.heard.ends[0].voiced.ms(), 1000);
}

TEST(Endpointer, SoundRightBeforeTheVoiceBelongsToIt) {
  Script late;
  late.quiet(500).sound(100).voice(500).quiet(1000);
  EXPECT_EQ(late.heard.starts[0].ms(), 500) << "the detector woke up 100 ms late";
  Script stop;
  stop.quiet(500).sound(60).quiet(40).sound(40).voice(500);
  EXPECT_EQ(stop.heard.starts[0].ms(), 500) << "a stop consonant does not end the sound";
  Script apart;
  apart.quiet(500).sound(60).quiet(80).voice(500);
  EXPECT_EQ(apart.heard.starts[0].ms(), 640);
  Script music;
  music.sound(3000).voice(500);
  EXPECT_EQ(music.heard.starts[0].ms(), 2800) << "not further than the limit";
  Script again;
  again.voice(500).sound(360).voice(500);
  ASSERT_EQ(again.heard.starts.size(), 2U);
  EXPECT_GE(again.heard.starts[1], again.heard.ends[0].decided) << "not into the utterance before";
}

TEST(Endpointer, ShortAnswersEndSooner) {
  const EndpointOptions options;
  Script yes;
  yes.voice(300).quiet(2000);
  EXPECT_EQ(yes.last_silence_ms(), options.short_silence.count());
  Script sentence;
  sentence.voice(1000).quiet(2000);
  EXPECT_EQ(sentence.last_silence_ms(), options.min_silence.count());
  EXPECT_GT(options.min_silence, options.short_silence);
}

TEST(Endpointer, APauseInsideASentenceIsNoEnd) {
  Script script;
  script.voice(800).quiet(320).voice(800).quiet(1000);
  ASSERT_EQ(script.heard.ends.size(), 1U);
  EXPECT_EQ(script.heard.ends[0].voiced.ms(), 1600);
}

TEST(Endpointer, SilenceCountsMediaTimeSoLostPacketsAreSilence) {
  Script script;
  script.voice(800).lose(600).quiet(20);
  ASSERT_EQ(script.heard.ends.size(), 1U);
  EXPECT_EQ(script.heard.ends[0].decided.ms(), 1420);
}

TEST(Endpointer, ACompleteSentenceIsAnsweredAfterTheActionDelay) {
  const EndpointOptions options;
  Script script;
  script.voice(1000);
  script.endpointer.set_opinion({0.95F, false});
  EXPECT_EQ(script.endpointer.required_silence(), options.action_delay);
  script.quiet(2000);
  EXPECT_EQ(script.last_silence_ms(), options.action_delay.count());
  EXPECT_EQ(script.heard.ends[0].reason, EndReason::kOpinion);
}

TEST(Endpointer, AnUnfinishedSentenceIsWaitedForButNotForEver) {
  const EndpointOptions options;
  Script script;
  script.voice(1000);
  script.endpointer.set_opinion({0.05F, false});
  script.quiet(1200).voice(400);
  EXPECT_TRUE(script.heard.ends.empty());
  script.quiet(3000);
  ASSERT_EQ(script.heard.ends.size(), 1U);
  EXPECT_EQ(script.last_silence_ms(), options.timeout.count());
  EXPECT_EQ(script.heard.ends[0].reason, EndReason::kTimeout);
}

TEST(Endpointer, DigitsAreWaitedForAndAnUncertainOpinionChangesNothing) {
  const EndpointOptions options;
  Script digits;
  digits.voice(400);
  digits.endpointer.set_opinion({std::nullopt, true});
  digits.quiet(2000);
  EXPECT_EQ(digits.last_silence_ms(), options.digits_silence.count());
  Script unsure;
  unsure.voice(1000);
  unsure.endpointer.set_opinion({0.5F, false});
  unsure.quiet(2000);
  EXPECT_EQ(unsure.last_silence_ms(), options.min_silence.count());
}

TEST(Endpointer, AnOpinionIsForgottenWithItsUtterance) {
  const EndpointOptions options;
  Script script;
  script.voice(1000);
  script.endpointer.set_opinion({0.05F, false});
  script.quiet(2000).voice(1000).quiet(2000);
  ASSERT_EQ(script.heard.ends.size(), 2U);
  EXPECT_EQ(script.last_silence_ms(), options.min_silence.count());
}

TEST(Endpointer, MusicThatNeverStopsIsCutAndGoesOn) {
  EndpointOptions options;
  options.max_utterance = milliseconds{2000};
  Script script(options);
  script.voice(5000).quiet(1000);
  ASSERT_EQ(script.heard.ends.size(), 3U);
  EXPECT_EQ(script.heard.ends[0].reason, EndReason::kMaxLength);
  EXPECT_EQ(script.heard.ends[0].decided.ms(), 2000);
  EXPECT_EQ(script.heard.starts[1].ms(), 2000) << "nothing of the rest is lost";
  EXPECT_EQ(script.heard.ends[2].reason, EndReason::kSilence);
}

TEST(Endpointer, TooLittleVoiceIsMarkedAsNoiseWhenAskedFor) {
  EndpointOptions options;
  options.min_voice = milliseconds{280};
  Script script(options);
  script.voice(200).quiet(1000).voice(300).quiet(1000);
  ASSERT_EQ(script.heard.ends.size(), 2U);
  EXPECT_TRUE(script.heard.ends[0].dropped);
  EXPECT_FALSE(script.heard.ends[1].dropped);
}

TEST(Endpointer, NoSilenceIsShorterThanTheHangover) {
  EndpointOptions options;
  options.hangover = milliseconds{500};
  Script script(options);
  script.voice(300).quiet(2000);
  EXPECT_EQ(script.last_silence_ms(), 500);
}

TEST(Endpointer, TheDropRuleIsOffUnlessAskedFor) {
  EndpointOptions options;
  Script off(options);
  off.voice(1000).quiet(1000);
  EXPECT_EQ(off.last_silence_ms(), options.min_silence.count());
  options.end_on_drop = true;
  Script on(options);
  on.voice(1000).quiet(1000);
  EXPECT_EQ(on.last_silence_ms(), options.drop_silence.count());
  EXPECT_EQ(on.heard.ends[0].reason, EndReason::kEnergyDrop);
}

TEST(Endpointer, CanBeEndedByForceOnce) {
  Script script;
  EXPECT_FALSE(script.endpointer.force_end(MediaTime::from_ms(100)));
  script.voice(500);
  const auto end = script.endpointer.force_end(MediaTime::from_ms(500));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->reason, EndReason::kForced);
  EXPECT_FALSE(script.endpointer.force_end(MediaTime::from_ms(520)));
}

// ---- echo gate ------------------------------------------------------------------------------------------------------

struct GateRun {
  int passed = 0;
  int frames = 0;
  float loss_db = 0.0F;
};

// Frames of [from_ms, to_ms) that the gate lets through as the caller.
GateRun run_gate(EchoGate& gate, const Pcm& caller, const Pcm& played, int from_ms, int to_ms) {
  GateRun out;
  for (std::size_t i = 0; i < test::frame_count(caller); ++i) {
    const PcmFrame mine = (i + 1) * kFrameSamples <= played.size() ? test::frame(played, i) : PcmFrame{};
    const auto verdict = gate.process(test::frame(caller, i), mine, true);
    const int at = static_cast<int>(i) * 20;
    out.loss_db = verdict.loss_db;
    if (at < from_ms || at >= to_ms) continue;
    ++out.frames;
    out.passed += verdict.passed ? 1 : 0;
  }
  return out;
}

// Bursts of 300 ms with 100 ms between them, as syllables are.
Pcm syllables(int ms, float level_dbfs, std::uint64_t seed) {
  Pcm out;
  for (; out.size() < test::samples(ms); seed += 2) {
    out = out + test::noise(300, level_dbfs, seed) + test::noise(100, level_dbfs - 25.0F, seed + 1);
  }
  out.resize(test::samples(ms));
  return out;
}

Pcm echo_of(const Pcm& played, int delay_ms, float loss_db) {
  Pcm out = test::silence(delay_ms);
  const float factor = rms_from_dbfs(-loss_db) / kFullScale;
  for (const auto s : played) out.push_back(static_cast<std::int16_t>(static_cast<float>(s) * factor));
  out.resize(played.size());
  return out;
}

TEST(EchoGate, OurOwnEchoIsNotTheCaller) {
  for (const int delay_ms : {0, 60, 160, 260, 400}) {
    for (const float loss_db : {12.0F, 20.0F, 30.0F}) {
      EchoGate gate;
      const Pcm played = syllables(6000, -20.0F, 5);
      const Pcm line = test::mixed(echo_of(played, delay_ms, loss_db), test::noise(6000, -62.0F, 99));
      const GateRun run = run_gate(gate, line, played, 0, 6000);
      EXPECT_LE(run.passed, delay_ms / 20 + 2) << delay_ms << " ms, " << loss_db << " dB";
    }
  }
}

TEST(EchoGate, ACallerWhoTalksOverUsPassesAtOnce) {
  EchoGate gate;
  const Pcm played = syllables(6000, -20.0F, 5);
  const Pcm echo = echo_of(played, 160, 24.0F);
  const Pcm line = test::mixed(test::mixed(echo, test::noise(6000, -62.0F, 99)),
                               test::silence(4000) + test::sine(2000, 300, -25.0F));
  EXPECT_EQ(run_gate(gate, line, played, 1000, 4000).passed, 0);
  EchoGate again;
  const GateRun run = run_gate(again, line, played, 4100, 6000);
  EXPECT_GT(run.passed, run.frames * 9 / 10);
  EXPECT_NEAR(run.loss_db, 24.0F, 6.0F);
}

TEST(EchoGate, IsOpenWhenNothingOfOursCanBeHeard) {
  EchoGate gate;
  const Pcm line = test::noise(2000, -60.0F);
  EXPECT_EQ(run_gate(gate, line, Pcm{}, 0, 2000).passed, 100);
  EchoGate after;
  const Pcm played = syllables(1000, -20.0F, 3);
  const GateRun run = run_gate(after, test::noise(3000, -60.0F), played, 1600, 3000);
  EXPECT_EQ(run.passed, run.frames) << "the window of an echo is over";
}

TEST(EchoGate, CanBeSwitchedOff) {
  EchoGateOptions options;
  options.enabled = false;
  EchoGate gate(options);
  const Pcm played = syllables(1000, -20.0F, 5);
  EXPECT_EQ(run_gate(gate, echo_of(played, 100, 20.0F), played, 0, 1000).passed, 50);
}

// ---- the whole ear --------------------------------------------------------------------------------------------------

// Voice is what is loud, exactly; so that the rules around the detector are tested and not the detector.
class LoudnessDetector final : public VoiceDetector {
 public:
  VoiceFrame process(PcmFrameView frame) override {
    VoiceFrame out;
    out.level_dbfs = dbfs_from_rms(rms(frame));
    out.noise_floor_dbfs = -60.0F;
    out.voice = out.level_dbfs > -40.0F;
    return out;
  }
  void reset() override {}
};

struct Listened {
  std::vector<std::int64_t> starts;
  std::vector<std::int64_t> ends;
  std::vector<std::pair<std::int64_t, BargeIn>> barge_ins;
};

class Line {
 public:
  explicit Line(const ListenOptions& options = {}) : listener(options, std::make_unique<LoudnessDetector>()) {}

  // `caller` while we play `played` (as long, or empty).
  Line& hear(const Pcm& caller, const Pcm& played = {}, bool agent_speaking = false) {
    for (std::size_t i = 0; i < test::frame_count(caller); ++i, at_ms += 20) {
      const PcmFrame frame = test::frame(caller, i);
      ListenInput input{frame, MediaTime::from_ms(at_ms), {}, agent_speaking};
      PcmFrame mine{};
      if (!played.empty()) {
        mine = test::frame(played, i);
        input.played = mine;
      }
      const Heard heard = listener.hear(input);
      if (heard.started) out.starts.push_back(heard.started->ms());
      if (heard.ended) out.ends.push_back(heard.ended->decided.ms());
      if (heard.barge_in != BargeIn::kNone) out.barge_ins.emplace_back(at_ms + 20, heard.barge_in);
    }
    return *this;
  }

  TurnListener listener;
  Listened out;
  int at_ms = 0;
};

TEST(TurnListener, ThePrerollHoldsTheSyllableBeforeTheOnset) {
  ListenOptions options;
  options.conditioner = {false, false, false, false, -20.0F, 0.0F, 0.0F, 0.0F, 0.0F};
  TurnListener listener(options, std::make_unique<LoudnessDetector>());
  // Each frame carries its number, so that one sees which ones come back.
  std::int16_t number = 0;
  std::int64_t at_ms = 0;
  for (; at_ms < 2000; at_ms += 20) {
    PcmFrame frame;
    frame.fill(static_cast<std::int16_t>((at_ms >= 1000 ? 10'000 : 0) + ++number));
    const Heard heard = listener.hear({frame, MediaTime::from_ms(at_ms), {}, false});
    if (!heard.started) continue;
    EXPECT_EQ(heard.started->ms(), 1000);
    EXPECT_EQ(at_ms, 1040);
    ASSERT_EQ(listener.preroll_size(), 17U) << "300 ms before the onset and the two frames that confirmed it";
    EXPECT_EQ(listener.preroll(0)[0], 36) << "the frame of 700 ms";
    EXPECT_EQ(listener.preroll(16)[0], 10'052);
    EXPECT_EQ(listener.conditioned()[0], 10'053);
    return;
  }
  FAIL() << "no onset";
}

TEST(TurnListener, AtTheStartOfACallThePrerollIsWhatThereIs) {
  Line line;
  line.hear(test::sine(60, 500, -20.0F));
  ASSERT_EQ(line.out.starts.size(), 1U);
  EXPECT_EQ(line.listener.preroll_size(), 2U);
}

TEST(TurnListener, AnInterruptionIsSuspectedThenConfirmed) {
  Line line;
  const Pcm agent = test::noise(3000, -20.0F);
  line.hear(test::silence(1000), Pcm(agent.begin(), agent.begin() + 8000), true);
  line.hear(test::sine(400, 300, -18.0F), Pcm(agent.begin(), agent.begin() + 3200), true);
  ASSERT_EQ(line.out.barge_ins.size(), 2U);
  EXPECT_EQ(line.out.barge_ins[0], (std::pair<std::int64_t, BargeIn>{1040, BargeIn::kSuspected}));
  EXPECT_EQ(line.out.barge_ins[1], (std::pair<std::int64_t, BargeIn>{1200, BargeIn::kConfirmed}));
  EXPECT_EQ(line.out.starts, (std::vector<std::int64_t>{1000})) << "the turn begins with the first syllable";
}

TEST(TurnListener, ACoughIsSuspectedAndWithdrawn) {
  Line line;
  line.hear(test::silence(1000), test::noise(1000, -20.0F), true);
  line.hear(test::noise(120, -15.0F), test::noise(120, -20.0F), true);
  line.hear(test::silence(500), test::noise(500, -20.0F), true);
  ASSERT_EQ(line.out.barge_ins.size(), 2U);
  EXPECT_EQ(line.out.barge_ins[1].second, BargeIn::kWithdrawn);
}

TEST(TurnListener, NothingInterruptsDuringTheGraceOrWhenItIsSwitchedOff) {
  Line grace;
  grace.hear(test::sine(200, 300, -15.0F), test::noise(200, -20.0F), true);
  EXPECT_TRUE(grace.out.barge_ins.empty());
  ListenOptions options;
  options.barge_in.enabled = false;
  Line off(options);
  off.hear(test::silence(500), test::noise(500, -20.0F), true);
  off.hear(test::sine(1000, 300, -15.0F), test::noise(1000, -20.0F), true);
  EXPECT_TRUE(off.out.barge_ins.empty());
}

TEST(TurnListener, AQuickReplyAfterOurSpeechIsNeverLost) {
  for (int gap_ms = 0; gap_ms <= 900; gap_ms += 60) {
    Line line;
    line.hear(test::silence(2000), test::noise(2000, -20.0F), true);
    if (gap_ms > 0) line.hear(test::silence(gap_ms), test::silence(gap_ms));
    line.hear(test::sine(300, 400, -22.0F));
    line.hear(test::silence(1000));
    EXPECT_EQ(line.out.starts, (std::vector<std::int64_t>{2000 + gap_ms})) << gap_ms;
    EXPECT_EQ(line.out.ends.size(), 1U);
  }
}

TEST(TurnListener, ABreathRightAfterOurSpeechIsNoTurn) {
  Line line;
  line.hear(test::silence(2000), test::noise(2000, -20.0F), true);
  line.hear(test::noise(80, -30.0F), test::silence(80));
  line.hear(test::silence(1500));
  EXPECT_TRUE(line.out.starts.empty());
}

TEST(TurnListener, InterruptionsDoNotRepeatWithinTheRefractory) {
  Line line;
  line.hear(test::silence(500), test::noise(500, -20.0F), true);
  line.hear(test::sine(240, 300, -15.0F), test::noise(240, -20.0F), true);  // confirmed at 700
  line.hear(test::silence(60));
  line.hear(test::sine(600, 300, -15.0F), test::noise(600, -20.0F), true);
  int confirmed = 0;
  for (const auto& [at, what] : line.out.barge_ins) confirmed += what == BargeIn::kConfirmed ? 1 : 0;
  EXPECT_EQ(confirmed, 1);
}

TEST(TurnListener, TheSameCallIsHeardTheSameTwice) {
  const Pcm call = test::noise(500, -60.0F) + syllables(3000, -25.0F, 8) + test::noise(1000, -60.0F) +
                   syllables(900, -30.0F, 20) + test::noise(1000, -60.0F);
  const auto once = [&] {
    auto listener = TurnListener::create({});
    EXPECT_TRUE(listener);
    std::vector<float> all;
    for (std::size_t i = 0; i < test::frame_count(call); ++i) {
      const PcmFrame frame = test::frame(call, i);
      const Heard heard = listener->hear({frame, MediaTime::from_ms(static_cast<std::int64_t>(i) * 20), {}, false});
      all.insert(all.end(), {heard.detector.score, heard.detector.threshold_dbfs, heard.voice ? 1.0F : 0.0F,
                             heard.started ? 1.0F : 0.0F, heard.ended ? 1.0F : 0.0F,
                             static_cast<float>(listener->conditioned()[80])});
    }
    return all;
  };
  EXPECT_EQ(once(), once());
}

// ---- settings -------------------------------------------------------------------------------------------------------

TEST(AudioSettings, TheTablesDefaultsAreTheTunedOnes) {
  const ListenOptions table = listen_options(Settings(), true);
  const ListenOptions tuned;
  EXPECT_EQ(table.voice.engine, VadEngine::kSilero);
  EXPECT_FALSE(table.voice.energy.fixed_rms);
  for (const auto field : {&EnergyOptions::on_db, &EnergyOptions::off_db, &EnergyOptions::smoothing,
                           &EnergyOptions::min_rms, &EnergyOptions::floor_percentile, &EnergyOptions::floor_window_s}) {
    EXPECT_EQ(table.voice.energy.*field, tuned.voice.energy.*field);
  }
  for (const auto field : {&SileroOptions::on, &SileroOptions::off, &SileroOptions::gain_db,
                           &SileroOptions::level_weight, &SileroOptions::level_centre_db,
                           &SileroOptions::level_malus_db, &SileroOptions::level_bonus_db, &SileroOptions::crowd_weight,
                           &SileroOptions::crowd_start, &SileroOptions::crowd_range, &SileroOptions::crowd_window_s}) {
    EXPECT_EQ(table.voice.silero.*field, tuned.voice.silero.*field);
  }
  for (const auto field :
       {&EndpointOptions::onset, &EndpointOptions::onset_reach, &EndpointOptions::min_silence,
        &EndpointOptions::short_silence, &EndpointOptions::short_utterance, &EndpointOptions::long_silence,
        &EndpointOptions::long_utterance, &EndpointOptions::hangover, &EndpointOptions::drop_silence,
        &EndpointOptions::min_voice, &EndpointOptions::min_utterance, &EndpointOptions::max_utterance,
        &EndpointOptions::action_delay, &EndpointOptions::timeout, &EndpointOptions::digits_silence}) {
    EXPECT_EQ(table.endpoint.*field, tuned.endpoint.*field);
  }
  EXPECT_EQ(table.endpoint.end_on_drop, tuned.endpoint.end_on_drop);
  EXPECT_EQ(table.endpoint.complete_probability, tuned.endpoint.complete_probability);
  EXPECT_EQ(table.endpoint.incomplete_probability, tuned.endpoint.incomplete_probability);
  EXPECT_EQ(table.echo_gate.margin_db, tuned.echo_gate.margin_db);
  EXPECT_EQ(table.echo_gate.initial_loss_db, tuned.echo_gate.initial_loss_db);
  EXPECT_EQ(table.echo_gate.window_ms, tuned.echo_gate.window_ms);
  EXPECT_EQ(table.echo_gate.loss_percentile, tuned.echo_gate.loss_percentile);
  EXPECT_EQ(table.echo_gate.loss_window_s, tuned.echo_gate.loss_window_s);
  EXPECT_EQ(table.echo_gate.noise_db, tuned.echo_gate.noise_db);
  EXPECT_EQ(table.echo_gate.trusted_ms, tuned.echo_gate.trusted_ms);
  EXPECT_EQ(table.barge_in.suspect, tuned.barge_in.suspect);
  EXPECT_EQ(table.barge_in.confirm, tuned.barge_in.confirm);
  EXPECT_EQ(table.barge_in.grace, tuned.barge_in.grace);
  EXPECT_EQ(table.barge_in.gap, tuned.barge_in.gap);
  EXPECT_EQ(table.barge_in.repeat_refractory, tuned.barge_in.repeat_refractory);
  EXPECT_EQ(table.preroll, tuned.preroll);
  EXPECT_EQ(table.refractory, tuned.refractory);
  EXPECT_EQ(table.refractory_onset, tuned.refractory_onset);
}

TEST(AudioSettings, AutoTakesSileroWhereItsModelIs) {
  EXPECT_EQ(listen_options(Settings(), false).voice.engine, VadEngine::kEnergy);
  Settings given;
  ASSERT_TRUE(given.set("vad_engine", "webrtc"));
  EXPECT_EQ(listen_options(given, true).voice.engine, VadEngine::kWebrtc);
}

TEST(AudioSettings, AGivenSilenceTakesItsNeighboursAlongUnlessTheyAreGivenToo) {
  Settings settings;
  ASSERT_TRUE(settings.set("min_silence", "500"));
  EXPECT_EQ(listen_options(settings, false).endpoint.short_silence, milliseconds{400});
  ASSERT_TRUE(settings.set("short_silence_ms", "250"));
  EXPECT_EQ(listen_options(settings, false).endpoint.short_silence, milliseconds{250});
  EXPECT_EQ(listen_options(settings, false).endpoint.long_silence, milliseconds{500});
}

}  // namespace
}  // namespace al::audio
