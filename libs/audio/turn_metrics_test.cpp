// The measuring side: labels, figures, intervals; and what the listener reaches on labelled calls.
#include "audio/turn_metrics.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "audio/scored_detector.h"
#include "audio/turn_set.h"
#include "audio/turn_trial.h"

namespace al::audio {
namespace {

// One turn of 1000-2000 ms with a pause of 1400-1600, in a call of 4 s; the next turn begins at 3000.
LabelledCall two_turns() {
  LabelledCall call;
  call.id = "x";
  call.scenario = "matrix";
  call.duration_ms = 5000;
  call.turns = {{{1000, 2000}, "turn", {{1000, 1400}, {1600, 2000}}, {{1400, 1600}}, -1},
                {{3000, 3500}, "turn", {{3000, 3500}}, {}, -1}};
  return call;
}

Trial silent_trial(const LabelledCall& call) {
  Trial trial;
  trial.voice.assign(static_cast<std::size_t>(call.duration_ms / 20), false);
  trial.score.assign(trial.voice.size(), 0.0F);
  return trial;
}

void speak(Trial& trial, int from_ms, int to_ms) {
  for (int at = from_ms; at < to_ms; at += 20) {
    trial.voice[static_cast<std::size_t>(at / 20)] = true;
    trial.score[static_cast<std::size_t>(at / 20)] = 0.9F;
  }
}

double value(const CallScore& score, const char* name) {
  return figure(summarise({&score, 1}), name);
}

TEST(TurnMetrics, APerfectListenerIsPerfect) {
  const LabelledCall call = two_turns();
  Trial trial = silent_trial(call);
  speak(trial, 1000, 1400);
  speak(trial, 1600, 2000);
  speak(trial, 3000, 3500);
  trial.utterances = {{1000, 1060, 2300, EndReason::kSilence, false}, {3000, 3060, 3740, EndReason::kSilence, false}};
  const CallScore score = score_call(call, trial);
  EXPECT_EQ(value(score, "f1"), 1.0);
  EXPECT_EQ(value(score, "fpr"), 0.0);
  EXPECT_EQ(value(score, "auc"), 1.0);
  EXPECT_EQ(value(score, "missed_pct"), 0.0);
  EXPECT_EQ(value(score, "lost_pct"), 0.0);
  EXPECT_EQ(value(score, "split_pct"), 0.0);
  EXPECT_EQ(value(score, "holds_le_350ms_cut_pct"), 0.0);
  EXPECT_EQ(value(score, "eou_p50_ms"), 270.0) << "between 300 and 240";
}

TEST(TurnMetrics, NothingHeardIsEverythingMissed) {
  const LabelledCall call = two_turns();
  const CallScore score = score_call(call, silent_trial(call));
  EXPECT_EQ(value(score, "recall"), 0.0);
  EXPECT_EQ(value(score, "missed_pct"), 100.0);
  EXPECT_EQ(value(score, "lost_pct"), 100.0);
  EXPECT_TRUE(std::isnan(value(score, "eou_p50_ms")));
}

TEST(TurnMetrics, AnEndInsideATurnSplitsItAndCutsItsPause) {
  const LabelledCall call = two_turns();
  Trial trial = silent_trial(call);
  trial.utterances = {{1000, 1060, 1580, EndReason::kSilence, false}, {1600, 1660, 2300, EndReason::kSilence, false}};
  const CallScore score = score_call(call, trial);
  EXPECT_EQ(value(score, "split_pct"), 50.0);
  EXPECT_EQ(value(score, "missed_pct"), 50.0);
  EXPECT_EQ(value(score, "holds_le_350ms_cut_pct"), 100.0);
  EXPECT_EQ(value(score, "eou_p50_ms"), 300.0);
}

TEST(TurnMetrics, TheLengthLimitIsCountedApart) {
  const LabelledCall call = two_turns();
  Trial trial = silent_trial(call);
  trial.utterances = {{1000, 1060, 1500, EndReason::kMaxLength, false}, {1500, 1520, 2300, EndReason::kSilence, false}};
  const CallScore score = score_call(call, trial);
  EXPECT_EQ(value(score, "split_pct"), 0.0);
  EXPECT_EQ(value(score, "max_pct"), 50.0);
  EXPECT_EQ(value(score, "holds_le_350ms_cut_pct"), 0.0);
}

TEST(TurnMetrics, AnUtteranceThatSwallowsTheNextTurnIsMerged) {
  const LabelledCall call = two_turns();
  Trial trial = silent_trial(call);
  trial.utterances = {{1000, 1060, 3800, EndReason::kSilence, false}};
  const CallScore score = score_call(call, trial);
  EXPECT_EQ(value(score, "merged_pct"), 50.0);
  EXPECT_EQ(value(score, "missed_pct"), 0.0);
  EXPECT_EQ(value(score, "eou_p90_ms"), 300.0 + 0.9 * 1200.0) << "the merged one counts 1500 ms";
}

TEST(TurnMetrics, AFileThatEndsInAnUtteranceIsMerged) {
  const LabelledCall call = two_turns();
  Trial trial = silent_trial(call);
  trial.utterances = {{1000, 1060, 2300, EndReason::kSilence, false}, {3000, 3060, 5000, EndReason::kForced, true}};
  EXPECT_EQ(value(score_call(call, trial), "merged_pct"), 50.0);
}

TEST(TurnMetrics, GhostsAndFalseTriggersAreCountedPerMinuteOfSilence) {
  const LabelledCall call = two_turns();
  Trial trial = silent_trial(call);
  speak(trial, 4000, 4240);
  speak(trial, 4700, 4740);  // 40 ms: no run
  speak(trial, 2060, 2300);  // touches labelled speech within 160 ms
  trial.utterances = {{4000, 4060, 4500, EndReason::kSilence, false}};
  const CallScore score = score_call(call, trial);
  EXPECT_EQ(score.unlabelled_ms, 5000 - 1300);
  EXPECT_EQ(score.false_triggers, (std::array<std::int64_t, 3>{1, 1, 0}));
  EXPECT_NEAR(value(score, "ghost_per_min"), 60'000.0 / 3700.0, 1e-9);
}

TEST(TurnMetrics, FramesNearAnEdgeAreNotCounted) {
  const LabelledCall call = two_turns();
  const CallScore score = score_call(call, silent_trial(call));
  // Six edges, each with the frames whose 40 ms surroundings hold it.
  const std::int64_t frames = score.missed_voice + score.true_silence;
  EXPECT_EQ(frames, 250 - 6 * 4);
}

TEST(TurnMetrics, InterruptionsAreTakenMissedOrImagined) {
  LabelledCall call;
  call.duration_ms = 12'000;
  call.prompts = {{1000, 4000}, {5000, 8000}, {9000, 11'000}};
  call.turns = {{{2000, 3000}, "barge", {{2000, 3000}}, {}, -1}, {{6000, 7000}, "barge", {{6000, 7000}}, {}, -1}};
  Trial trial = silent_trial(call);
  trial.barge_ins = {{0, 2100, 2240}, {1, 5300, 5500}, {2, 9400, 9600}};
  const CallScore score = score_call(call, trial);
  EXPECT_EQ(score.prompts, 3);
  EXPECT_EQ(score.barge_ins, 2);
  EXPECT_EQ(score.barge_ins_taken, 1);
  EXPECT_EQ(score.prompts_killed, 2);
  EXPECT_EQ(value(score, "barge_in_p50_ms"), 240.0);
  EXPECT_EQ(score.turns, 0) << "calls with an agent do not count for turns";
}

TEST(TurnMetrics, AReplyWithoutAnUtteranceIsLost) {
  LabelledCall call;
  call.duration_ms = 9000;
  call.prompts = {{1000, 3000}, {5000, 6000}};
  call.turns = {{{3200, 3600}, "answer", {{3200, 3600}}, {}, 200}, {{6300, 6700}, "answer", {{6300, 6700}}, {}, 300}};
  Trial trial = silent_trial(call);
  trial.utterances = {{3400, 3460, 3900, EndReason::kSilence, false}};
  const CallScore score = score_call(call, trial);
  EXPECT_EQ(score.replies, 2);
  EXPECT_EQ(score.replies_lost, 1);
  EXPECT_EQ(score.reply_clipped_ms, 100 + 400) << "100 ms of pre-roll are allowed";
}

TEST(TurnMetrics, IntervalsAreTheSameForTheSameSeedAndHoldTheValue) {
  std::vector<CallScore> calls;
  for (int i = 0; i < 12; ++i) {
    CallScore c;
    c.turns = 4;
    c.split = i % 3;
    c.true_voice = 100;
    c.false_voice = i;
    calls.push_back(c);
  }
  const auto a = summarise_with_intervals(calls, 300, 7);
  const auto b = summarise_with_intervals(calls, 300, 7);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i].value)) continue;
    EXPECT_EQ(a[i].low, b[i].low) << a[i].name;
    EXPECT_LE(a[i].low, a[i].value) << a[i].name;
    EXPECT_GE(a[i].high, a[i].value) << a[i].name;
  }
  EXPECT_LT(a[0].low, a[0].high);
}

// ---- sets -----------------------------------------------------------------------------------------------------------

TEST(TurnSet, OurOwnSetIsComplete) {
  const auto set = TurnSet::load(AL_SOURCE_DIR "/testdata/turns");
  ASSERT_TRUE(set) << set.error().detail;
  EXPECT_EQ(set->manifest_sha256.size(), 64U);
  std::size_t turns = 0;
  for (const LabelledCall& call : set->calls) {
    turns += call.turns.size();
    EXPECT_EQ(call.prompts.empty(), call.agent.empty()) << call.id;
    for (const LabelledTurn& turn : call.turns) {
      EXPECT_EQ(turn.speech.front().start, turn.whole.start);
      EXPECT_EQ(turn.speech.back().end, turn.whole.end);
      EXPECT_LE(turn.whole.end, call.duration_ms);
    }
  }
  EXPECT_GE(set->calls.size(), 14U);
  EXPECT_GE(turns, 30U);
}

TEST(TurnSet, BadManifestsAreNamed) {
  const auto folder = std::filesystem::temp_directory_path() / "al_turn_set_test";
  std::filesystem::create_directories(folder);
  const auto load = [&](const std::string& text) {
    std::ofstream(folder / "manifest.json") << text;
    return TurnSet::load(folder.string());
  };
  EXPECT_EQ(TurnSet::load("/no/such/folder").error().code, Errc::kNotFound);
  EXPECT_EQ(load("{").error().code, Errc::kMalformed);
  EXPECT_EQ(load("{}").error().code, Errc::kMalformed);
  EXPECT_EQ(load(R"({"files":[]})").error().code, Errc::kMalformed);
  EXPECT_EQ(load(R"({"files":[{"id":"a","audio":"gone.wav","turns":[]}]})").error().code, Errc::kNotFound);
  const auto backwards = load(R"({"files":[{"id":"a","audio":"a.wav","turns":[{"start":500,"end":100}]}]})");
  EXPECT_EQ(backwards.error().code, Errc::kMalformed);
  EXPECT_NE(backwards.error().detail.find("500 .. 100"), std::string::npos) << backwards.error().detail;
  std::filesystem::remove_all(folder);
}

// ---- what is reached ------------------------------------------------------------------------------------------------

const char* shared_set() {
  static const std::string path = AL_SOURCE_DIR "/../shared/data/turns";
  return std::filesystem::exists(path + "/manifest.json") ? path.c_str() : nullptr;
}

std::vector<Figure> measure(const TurnSet& set, VadEngine engine, const std::shared_ptr<const SileroModel>& model) {
  ListenOptions options;
  options.voice.engine = engine;
  std::vector<CallScore> scores;
  for (const LabelledCall& call : set.calls) {
    auto listener = TurnListener::create(options, model);
    EXPECT_TRUE(listener);
    scores.push_back(score_call(call, run_trial(call, std::move(*listener))));
  }
  return summarise(scores);
}

void expect_goals(const std::vector<Figure>& f) {
  EXPECT_GE(figure(f, "f1"), 0.90);
  EXPECT_EQ(figure(f, "missed_pct"), 0.0);
  EXPECT_LE(figure(f, "lost_pct"), 1.5);
  EXPECT_LE(figure(f, "false_triggers_200ms_per_min"), 1.5);
  EXPECT_LE(figure(f, "eou_p50_ms"), 450.0);
  EXPECT_LE(figure(f, "eou_p90_ms"), 1000.0);
  EXPECT_LE(figure(f, "split_pct"), 45.0);
  EXPECT_LE(figure(f, "merged_pct"), 4.0);
  EXPECT_LE(figure(f, "holds_le_350ms_cut_pct"), 3.0);
  EXPECT_LE(figure(f, "eou_one_word_p50_ms"), 350.0);
  EXPECT_LE(figure(f, "prompts_falsely_killed"), 1.0);
  EXPECT_GE(figure(f, "barge_ins_taken"), figure(f, "barge_ins") - 1.0);
  EXPECT_EQ(figure(f, "replies_lost"), 0.0);
}

TEST(TurnQuality, SileroReachesTheGoals) {
  const auto model = load_silero_model(AL_SILERO_MODEL);
  if (!model) GTEST_SKIP() << model.error().detail;
  const auto own = TurnSet::load(AL_SOURCE_DIR "/testdata/turns");
  ASSERT_TRUE(own);
  expect_goals(measure(*own, VadEngine::kSilero, *model));
  std::cout << "measured: testdata/turns" << (shared_set() != nullptr ? " and ../shared/data/turns\n" : " only\n");
  if (shared_set() == nullptr) return;
  const auto shared = TurnSet::load(shared_set());
  ASSERT_TRUE(shared) << shared.error().detail;
  expect_goals(measure(*shared, VadEngine::kSilero, *model));
}

TEST(TurnQuality, EnergyAloneIsGoodEnoughToAnswerACall) {
  const auto own = TurnSet::load(AL_SOURCE_DIR "/testdata/turns");
  ASSERT_TRUE(own);
  EXPECT_GE(figure(measure(*own, VadEngine::kEnergy, nullptr), "f1"), 0.83);
  std::cout << "measured: testdata/turns" << (shared_set() != nullptr ? " and ../shared/data/turns\n" : " only\n");
  if (shared_set() == nullptr) return;
  const auto shared = TurnSet::load(shared_set());
  ASSERT_TRUE(shared);
  const auto f = measure(*shared, VadEngine::kEnergy, nullptr);
  EXPECT_GE(figure(f, "f1"), 0.83);
  EXPECT_LE(figure(f, "missed_pct"), 1.0);
  EXPECT_LE(figure(f, "prompts_falsely_killed"), 1.0);
  EXPECT_GE(figure(f, "barge_ins_taken"), 11.0);
}

// Events of the reference of the plain rule: [onset, confirmed, end, reason] and [trigger, onset, prompt].
TEST(TurnQuality, ThePlainRuleAgreesWithItsReferenceWithinOneFrame) {
  if (shared_set() == nullptr) GTEST_SKIP() << "no ../shared/data/turns here: the reference's events are not available";
  const auto set = TurnSet::load(shared_set());
  ASSERT_TRUE(set);
  std::ifstream file(std::string(shared_set()) + "/spec_events_public.json");
  const auto reference = nlohmann::json::parse(file);
  ListenOptions options;
  options.voice.engine = VadEngine::kSpec;
  int events = 0;
  int agreed = 0;
  int surplus = 0;
  const auto near = [](std::int64_t a, const nlohmann::json& b) {
    return std::abs(a - b.get<std::int64_t>()) <= kFrameDuration.count();
  };
  for (const LabelledCall& call : set->calls) {
    const Trial trial = run_trial(call, std::move(*TurnListener::create(options)));
    const auto& expected = reference["files"][call.id];
    int found = 0;
    int ended = 0;
    for (const auto& u : expected["utterances"]) {
      if (u[3] == "eof") continue;
      ++events;
      ++ended;
      found += std::any_of(trial.utterances.begin(), trial.utterances.end(), [&](const TrialUtterance& t) {
        return near(t.onset_ms, u[0]) && near(t.started_ms, u[1]) && near(t.end_ms, u[2]) &&
               (t.reason == EndReason::kMaxLength) == (u[3] == "max");
      });
    }
    const auto ours = std::count_if(trial.utterances.begin(), trial.utterances.end(),
                                    [](const TrialUtterance& t) { return !t.at_file_end; });
    surplus += std::max(0, static_cast<int>(ours) - ended);
    for (const auto& b : expected["barge"]) {
      ++events;
      found += std::any_of(trial.barge_ins.begin(), trial.barge_ins.end(), [&](const TrialBargeIn& t) {
        return t.prompt == b[2].get<std::size_t>() && near(t.confirmed_ms, b[0]);
      });
    }
    agreed += found;
  }
  std::cout << agreed << " of " << events << " events agree, " << surplus << " are surplus\n";
  EXPECT_GE(agreed * 100, events * 99);
  EXPECT_LE(surplus, events / 100);
}

}  // namespace
}  // namespace al::audio
