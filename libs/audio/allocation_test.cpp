// The media path allocates nothing per frame: every operator new of this program is counted.

#include <gtest/gtest.h>

#include "audio/g711.h"
#include "audio/test_signals.h"
#include "audio/turn_listener.h"
#include "core/allocation_counter.h"

namespace al::audio {
namespace {

using test::operator+;

class Allocation : public ::testing::TestWithParam<VadEngine> {};

TEST_P(Allocation, HearingAFrameAllocatesNothing) {
  ListenOptions options;
  options.voice.engine = GetParam();
  std::shared_ptr<const SileroModel> model;
  if (GetParam() == VadEngine::kSilero) {
    auto loaded = load_silero_model(AL_SILERO_MODEL);
    if (!loaded) GTEST_SKIP() << loaded.error().detail;
    model = *loaded;
  }
  auto listener = TurnListener::create(options, model);
  ASSERT_TRUE(listener);
  const test::Pcm call = test::noise(1000, -60.0F) + test::noise(1000, -25.0F) + test::noise(1500, -60.0F);
  UlawFrame sent;
  long sum = 0;
  const long before = al::test::allocations();
  for (std::size_t i = 0; i < test::frame_count(call); ++i) {
    encode_ulaw(test::frame(call, i), sent);
    const PcmFrame frame = decode_frame(sent);
    const bool agent = i > 20 && i < 60;
    const Heard heard =
        listener->hear({frame, MediaTime::from_ms(static_cast<std::int64_t>(i) * 20),
                        agent ? std::span<const std::int16_t>(frame) : std::span<const std::int16_t>{}, agent});
    sum += heard.voice ? 1 : 0;
  }
  EXPECT_EQ(al::test::allocations() - before, 0);
  EXPECT_GE(sum, 0);
}

INSTANTIATE_TEST_SUITE_P(Engines, Allocation,
                         ::testing::Values(VadEngine::kEnergy, VadEngine::kSilero, VadEngine::kSpec),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

}  // namespace
}  // namespace al::audio
