// Cost of 20 ms of audio. `allocations` is counted over the whole run and divided by the frames: it must be 0.

#include <benchmark/benchmark.h>

#include "audio/conditioner.h"
#include "audio/g711.h"
#include "audio/test_signals.h"
#include "audio/turn_listener.h"
#include "audio/wav_file.h"
#include "core/allocation_counter.h"

namespace al::audio {
namespace {

// A call with speech, noise and pauses; synthetic noise when the test data is not there.
const test::Pcm& call() {
  static const test::Pcm pcm = [] {
    auto recording = read_8k(AL_SOURCE_DIR "/testdata/turns/a02_pink20.wav");
    return recording ? *recording : test::noise(10'000, -30.0F);
  }();
  return pcm;
}

void count(benchmark::State& state, long before) {
  state.counters["allocations"] = benchmark::Counter(static_cast<double>(al::test::allocations() - before) /
                                                     static_cast<double>(state.iterations()));
  state.counters["x_real_time"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * 0.02, benchmark::Counter::kIsRate);
}

void listen(benchmark::State& state, VadEngine engine) {
  ListenOptions options;
  options.voice.engine = engine;
  std::shared_ptr<const SileroModel> model;
  if (engine == VadEngine::kSilero) {
    auto loaded = load_silero_model(AL_SILERO_MODEL);
    if (!loaded) return state.SkipWithError(loaded.error().detail.c_str());
    model = *loaded;
  }
  auto listener = TurnListener::create(options, model);
  if (!listener) return state.SkipWithError(listener.error().detail.c_str());
  const std::size_t frames = test::frame_count(call());
  std::size_t i = 0;
  std::int64_t at_ms = 0;
  UlawFrame sent;
  const long before = al::test::allocations();
  for (auto _ : state) {
    const PcmFrameView original(call().data() + (i % frames) * kFrameSamples, kFrameSamples);
    sent = encode_frame(original);
    const PcmFrame frame = decode_frame(sent);
    benchmark::DoNotOptimize(listener->hear({frame, MediaTime::from_ms(at_ms), {}, false}));
    ++i;
    at_ms += kFrameDuration.count();
  }
  count(state, before);
}

void BM_ListenEnergy(benchmark::State& state) {
  listen(state, VadEngine::kEnergy);
}
void BM_ListenSilero(benchmark::State& state) {
  listen(state, VadEngine::kSilero);
}
void BM_ListenWebrtc(benchmark::State& state) {
  listen(state, VadEngine::kWebrtc);
}

void BM_DecodeUlaw(benchmark::State& state) {
  const UlawFrame frame = encode_frame(test::frame(call(), 100));
  const long before = al::test::allocations();
  for (auto _ : state) benchmark::DoNotOptimize(decode_frame(frame));
  count(state, before);
}

void BM_EncodeUlaw(benchmark::State& state) {
  const PcmFrame frame = test::frame(call(), 100);
  const long before = al::test::allocations();
  for (auto _ : state) benchmark::DoNotOptimize(encode_frame(frame));
  count(state, before);
}

void BM_Condition(benchmark::State& state) {
  Conditioner conditioner;
  const PcmFrame frame = test::frame(call(), 100);
  PcmFrame out;
  const long before = al::test::allocations();
  for (auto _ : state) {
    conditioner.process(frame, true, out);
    benchmark::DoNotOptimize(out);
  }
  count(state, before);
}

BENCHMARK(BM_ListenEnergy)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_ListenSilero)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_ListenWebrtc)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_DecodeUlaw);
BENCHMARK(BM_EncodeUlaw);
BENCHMARK(BM_Condition);

}  // namespace
}  // namespace al::audio
