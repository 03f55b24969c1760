// Noise floor and voice detectors.
#include <algorithm>
#include <deque>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "audio/noise_floor.h"
#include "audio/onnx_weights.h"
#include "audio/scored_detector.h"
#include "audio/silero_network.h"
#include "audio/test_signals.h"
#include "audio/voice_detector.h"
#include "audio/wav_file.h"

namespace al::audio {
namespace {

using test::Pcm;
using test::operator+;

VoiceOptions with(VadEngine engine) {
  VoiceOptions options;
  options.engine = engine;
  return options;
}

std::vector<bool> voices(VoiceDetector& detector, const Pcm& pcm) {
  std::vector<bool> out;
  for (std::size_t i = 0; i < test::frame_count(pcm); ++i) out.push_back(detector.process(test::frame(pcm, i)).voice);
  return out;
}

// Share of voiced frames between two times.
double share(const std::vector<bool>& voice, int from_ms, int to_ms) {
  const auto first = voice.begin() + from_ms / 20;
  const auto last = voice.begin() + to_ms / 20;
  return static_cast<double>(std::count(first, last, true)) / static_cast<double>(last - first);
}

TEST(SlidingPercentile, AgreesWithSortingToHalfAUnit) {
  Random random(3);
  SlidingPercentile sliding(-100.0F, 0.2F, 50);
  std::deque<float> window;
  for (int i = 0; i < 2000; ++i) {
    const float value = static_cast<float>(random.unit() * 80.0 - 90.0);
    sliding.add(value);
    window.push_back(value);
    if (window.size() > 50) window.pop_front();
    std::vector<float> sorted(window.begin(), window.end());
    std::sort(sorted.begin(), sorted.end());
    const auto rank = static_cast<std::size_t>(0.2F * static_cast<float>(sorted.size() - 1));
    ASSERT_NEAR(sliding.value(), sorted[rank], 0.51F) << "after " << i;
  }
}

TEST(NoiseFloor, IsTheQuietPartOfAConversation) {
  NoiseFloor floor;
  for (int i = 0; i < 500; ++i)
    floor.update(i % 4 == 0 ? -60.0F : -25.0F);  // fluent speech, pauses a quarter of the time
  EXPECT_NEAR(floor.value(), -60.0F, 0.5F);
}

TEST(NoiseFloor, FollowsRisingNoiseWithinItsWindow) {
  NoiseFloor floor;
  for (int i = 0; i < 500; ++i) floor.update(-60.0F);
  for (int i = 0; i < 250; ++i) floor.update(-40.0F);
  EXPECT_NEAR(floor.value(), -40.0F, 0.5F);
}

TEST(NoiseFloor, DigitalSilenceTeachesItNothing) {
  NoiseFloor floor;
  for (int i = 0; i < 300; ++i) floor.update(-45.0F);
  for (int i = 0; i < 1000; ++i) floor.update(kSilenceDbfs);
  EXPECT_NEAR(floor.value(), -45.0F, 0.5F);
}

TEST(EnergyDetector, ANoisyStartDoesNotDeafenTheCall) {
  const Pcm call =
      test::noise(600, -20.0F) + test::noise(3000, -62.0F) + test::sine(1000, 400, -25.0F) + test::noise(500, -62.0F);
  const auto energy = make_voice_detector(with(VadEngine::kEnergy));
  const auto spec = make_voice_detector(with(VadEngine::kSpec));
  EXPECT_GT(share(voices(**energy, call), 3660, 4580), 0.95);
  EXPECT_EQ(share(voices(**spec, call), 3660, 4580), 0.0)
      << "the plain rule is deaf there; that is why it is not the default";
}

TEST(EnergyDetector, NoiseThatRisesIsTakenForNoiseAfterAWhile) {
  const Pcm call = test::noise(4000, -60.0F) + test::noise(8000, -35.0F);
  const auto detector = make_voice_detector(with(VadEngine::kEnergy));
  const auto voice = voices(**detector, call);
  EXPECT_EQ(share(voice, 1000, 4000), 0.0);
  EXPECT_LT(share(voice, 9000, 12'000), 0.02);
}

TEST(EnergyDetector, HearsAVoiceInLoudHum) {
  const Pcm hum = test::sine(8000, 150, -35.0F);
  const Pcm call = test::mixed(hum, test::silence(5000) + test::sine(1000, 700, -22.0F));
  const auto detector = make_voice_detector(with(VadEngine::kEnergy));
  const auto voice = voices(**detector, call);
  EXPECT_LT(share(voice, 1500, 5000), 0.02);
  EXPECT_GT(share(voice, 5040, 6000), 0.95);
  EXPECT_LT(share(voice, 6100, 8000), 0.02);
}

TEST(EnergyDetector, AnIdleLineIsNoVoice) {
  const auto detector = make_voice_detector(with(VadEngine::kEnergy));
  EXPECT_EQ(share(voices(**detector, test::silence(2000) + test::noise(3000, -66.0F) + test::silence(500)), 0, 5500),
            0.0);
}

TEST(EnergyDetector, AFixedThresholdIsKept) {
  VoiceOptions options = with(VadEngine::kEnergy);
  options.energy.fixed_rms = 210.0F;
  const auto detector = make_voice_detector(options);
  const auto voice =
      voices(**detector, test::sine(5000, 500, dbfs_from_rms(150.0F)) + test::sine(5000, 500, dbfs_from_rms(300.0F)));
  EXPECT_EQ(share(voice, 0, 5000), 0.0);
  EXPECT_GT(share(voice, 5100, 10'000), 0.99);
}

TEST(VoiceDetector, ResetIsAFreshStart) {
  const Pcm first = test::noise(3000, -30.0F);
  const Pcm second = test::noise(500, -60.0F) + test::sine(500, 500, -30.0F);
  for (const VadEngine engine : {VadEngine::kEnergy, VadEngine::kSpec, VadEngine::kWebrtc}) {
    if (!is_built_in(engine)) continue;
    auto used = make_voice_detector(with(engine));
    ASSERT_TRUE(used);
    voices(**used, first);
    (*used)->reset();
    auto fresh = make_voice_detector(with(engine));
    EXPECT_EQ(voices(**used, second), voices(**fresh, second)) << to_string(engine);
  }
}

TEST(VoiceDetector, NamesComeBack) {
  for (const char* name : {"energy", "silero", "webrtc", "spec"}) EXPECT_EQ(to_string(*parse_vad_engine(name)), name);
  const auto wrong = parse_vad_engine("silverado");
  EXPECT_EQ(wrong.error().code, Errc::kMalformed);
  EXPECT_NE(wrong.error().detail.find("energy, silero"), std::string::npos);
}

TEST(VoiceDetector, SileroWithoutAModelSaysWhatToDo) {
  EXPECT_NE(make_voice_detector(with(VadEngine::kSilero)).error().detail.find("VAD_ENGINE=energy"), std::string::npos);
  const auto model = load_silero_model("/no/such/silero_vad.onnx");
  EXPECT_EQ(model.error().code, Errc::kNotFound);
  EXPECT_NE(model.error().detail.find("scripts/fetch-speech"), std::string::npos);
}

TEST(Webrtc, HearsSpeechAndNotSilence) {
  const auto detector = make_voice_detector(with(VadEngine::kWebrtc));
  if (!detector) GTEST_SKIP() << detector.error().detail;
  const auto pcm = read_8k(AL_SOURCE_DIR "/testdata/turns/a01_clean.wav");
  ASSERT_TRUE(pcm);
  const auto voice = voices(**detector, *pcm);
  EXPECT_LT(share(voice, 0, 900), 0.1);
  EXPECT_GT(share(voice, 1100, 3000), 0.8);
}

// ---- the network ----------------------------------------------------------------------------------------------------

std::vector<std::uint8_t> model_bytes() {
  std::ifstream file(AL_SILERO_MODEL, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(SileroNetwork, AgreesWithOnnxRuntime) {
  const auto model = load_silero_model(AL_SILERO_MODEL);
  if (!model) GTEST_SKIP() << model.error().detail;
  const auto pcm = read_8k(AL_SOURCE_DIR "/testdata/turns/a02_pink20.wav");
  ASSERT_TRUE(pcm);
  std::ifstream golden(AL_SOURCE_DIR "/testdata/audio/silero_golden.txt");
  SileroStream stream(*model);
  std::array<float, SileroModel::kWindow> window;
  std::size_t windows = 0;
  for (std::size_t at = 0; at + window.size() / 2 <= pcm->size(); at += window.size() / 2, ++windows) {
    for (std::size_t i = 0; i < window.size(); ++i) window[i] = static_cast<float>((*pcm)[at + i / 2]) / kFullScale;
    float expected = -1.0F;
    ASSERT_TRUE(golden >> expected);
    ASSERT_NEAR(stream.score(window), expected, 2e-5F) << "window " << windows;
  }
  EXPECT_GT(windows, 500U);
}

TEST(SileroNetwork, ResetIsAFreshStart) {
  const auto model = load_silero_model(AL_SILERO_MODEL);
  if (!model) GTEST_SKIP() << model.error().detail;
  std::array<float, SileroModel::kWindow> window;
  for (std::size_t i = 0; i < window.size(); ++i) window[i] = 0.1F * std::sin(0.05F * static_cast<float>(i));
  SileroStream stream(*model);
  const float first = stream.score(window);
  EXPECT_NE(stream.score(window), first) << "it has a memory";
  stream.reset();
  EXPECT_EQ(stream.score(window), first);
}

TEST(OnnxWeights, ABrokenFileIsAnErrorWhereverItIsCut) {
  const auto bytes = model_bytes();
  if (bytes.empty()) GTEST_SKIP() << "no model at " AL_SILERO_MODEL;
  for (std::size_t length = 0; length < bytes.size(); length = length * 3 / 2 + 1) {
    EXPECT_FALSE(SileroModel::parse(std::span(bytes).first(length))) << length;
  }
  auto changed = bytes;
  changed[changed.size() / 2] ^= 0x40U;  // inside a weight: another number, not another shape
  EXPECT_TRUE(SileroModel::parse(changed));
}

TEST(OnnxWeights, ReadsNamedFloatsBelowTheBranchOnly) {
  // graph { node { attribute { name: "then_branch" g { node { attribute { name: "value" t { dims: 2 data_type: FLOAT
  // name: "w" raw } } } } } } }
  const auto field = [](int number, const std::string& body) {
    return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(body.size()) + body;
  };
  const float values[2] = {1.5F, -2.0F};
  const std::string raw(reinterpret_cast<const char*>(values), sizeof(values));
  const std::string tensor = std::string("\x08\x02\x10\x01", 4) + field(8, "w") + field(9, raw);
  const std::string inner = field(1, field(5, field(1, "value") + field(5, tensor)));
  for (const std::string branch : {"then_branch", "else_branch"}) {
    const std::string file = field(7, field(1, field(5, field(1, branch) + field(6, inner))));
    const auto found =
        read_onnx_floats({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()}, "then_branch");
    ASSERT_TRUE(found) << found.error().detail;
    ASSERT_EQ(found->size(), branch == "then_branch" ? 1U : 0U);
    if (found->empty()) continue;
    EXPECT_EQ(found->at("w").shape, (std::vector<std::int64_t>{2}));
    EXPECT_EQ(found->at("w").values, (std::vector<float>{1.5F, -2.0F}));
  }
}

// ---- scores and level together --------------------------------------------------------------------------------------

std::unique_ptr<VoiceDetector> scored(std::vector<float> scores) {
  return std::make_unique<ScoredDetector>(
      with(VadEngine::kSilero), make_recorded_scorer(std::make_shared<const std::vector<float>>(std::move(scores))));
}

TEST(ScoredDetector, AScoreThatNeverLeavesTheLineIsNoNews) {
  // A television: loud, and the network is rather sure all the time.
  const auto detector = scored(std::vector<float>(1000, 0.85F));
  const auto voice = voices(*detector, test::noise(20'000, -30.0F));
  EXPECT_LT(share(voice, 4000, 20'000), 0.02);
}

TEST(ScoredDetector, SomebodyWhoTalksWithoutAPauseStaysHeard) {
  std::vector<float> scores(1000, 0.001F);
  std::fill(scores.begin() + 100, scores.begin() + 700, 0.999F);  // 12 s
  const auto detector = scored(scores);
  const auto voice =
      voices(*detector, test::noise(2000, -62.0F) + test::sine(12'000, 400, -22.0F) + test::noise(6000, -62.0F));
  EXPECT_GT(share(voice, 2060, 14'000), 0.99);
  EXPECT_EQ(share(voice, 14'100, 20'000), 0.0);
}

TEST(ScoredDetector, ALingeringScoreDoesNotOutliveTheSound) {
  std::vector<float> scores(250, 0.001F);
  std::fill(scores.begin() + 100, scores.begin() + 150, 0.99F);
  std::fill(scores.begin() + 150, scores.begin() + 160, 0.6F);  // 200 ms of decay
  const auto detector = scored(scores);
  const auto voice =
      voices(*detector, test::noise(2000, -62.0F) + test::sine(1000, 400, -22.0F) + test::noise(2000, -62.0F));
  EXPECT_GT(share(voice, 2040, 3000), 0.95);
  EXPECT_LT(share(voice, 3060, 3200), 0.3);
}

}  // namespace
}  // namespace al::audio
