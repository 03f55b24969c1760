#include "audio/resampler.h"

#include <algorithm>

#include <fmt/format.h>
#include <samplerate.h>

namespace al::audio {
namespace {

constexpr int kHighestRateHz = 384'000;
constexpr std::size_t kPieceFrames = 4096;

}  // namespace

struct Resampler::State {
  SRC_STATE* src = nullptr;
  double ratio = 1.0;
  bool same_rate = false;
  std::vector<float> in;
  std::vector<float> out;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (src != nullptr) src_delete(src);
  }

  void run(std::span<const float> from, bool last, std::vector<std::int16_t>& to) {
    constexpr float kNothing = 0.0F;  // libsamplerate refuses a null pointer even for no input
    SRC_DATA data{};
    data.src_ratio = ratio;
    data.end_of_input = last ? 1 : 0;
    std::size_t done = 0;
    for (;;) {
      data.data_in = from.empty() ? &kNothing : from.data() + done;
      data.input_frames = static_cast<long>(from.size() - done);
      data.data_out = out.data();
      data.output_frames = static_cast<long>(out.size());
      // Cannot fail here: the only errors are bad pointers and ratios, both checked in create().
      if (src_process(src, &data) != 0) return;
      done += static_cast<std::size_t>(data.input_frames_used);
      const std::size_t old = to.size();
      to.resize(old + static_cast<std::size_t>(data.output_frames_gen));
      src_float_to_short_array(out.data(), to.data() + old, static_cast<int>(data.output_frames_gen));
      if (data.output_frames_gen == 0 && data.input_frames_used == 0) return;
    }
  }
};

Result<Resampler> Resampler::create(int from_hz, int to_hz, ResampleQuality quality) {
  const auto bad_rate = [](int hz) { return hz < 1 || hz > kHighestRateHz; };
  if (bad_rate(from_hz) || bad_rate(to_hz)) {
    return fail(Errc::kUnsupported, fmt::format("cannot resample from {} Hz to {} Hz: rates must be 1 to {} Hz",
                                                from_hz, to_hz, kHighestRateHz));
  }
  auto state = std::make_unique<State>();
  state->ratio = static_cast<double>(to_hz) / from_hz;
  state->same_rate = from_hz == to_hz;
  if (src_is_valid_ratio(state->ratio) == 0) {
    return fail(Errc::kUnsupported,
                fmt::format("cannot resample from {} Hz to {} Hz: the ratio is too large", from_hz, to_hz));
  }
  int error = 0;
  state->src = src_new(quality == ResampleQuality::kBest ? SRC_SINC_BEST_QUALITY : SRC_SINC_FASTEST, 1, &error);
  if (state->src == nullptr) return fail(Errc::kInternal, fmt::format("libsamplerate: {}", src_strerror(error)));
  state->out.resize(kPieceFrames);
  return Resampler(std::move(state));
}

Resampler::Resampler(std::unique_ptr<State> state) : state_(std::move(state)) {}
Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

void Resampler::process(std::span<const std::int16_t> from, std::vector<std::int16_t>& to) {
  if (state_->same_rate) {
    to.insert(to.end(), from.begin(), from.end());
    return;
  }
  // In pieces, so that the scratch buffer of a long recording stays small.
  while (!from.empty()) {
    const auto piece = from.first(std::min(from.size(), kPieceFrames));
    from = from.subspan(piece.size());
    state_->in.resize(piece.size());
    src_short_to_float_array(piece.data(), state_->in.data(), static_cast<int>(piece.size()));
    state_->run(state_->in, false, to);
  }
}

void Resampler::finish(std::vector<std::int16_t>& to) {
  if (state_->same_rate) return;
  state_->run({}, true, to);
  src_reset(state_->src);
}

Result<std::vector<std::int16_t>> resample(std::span<const std::int16_t> from, int from_hz, int to_hz,
                                           ResampleQuality quality) {
  auto resampler = Resampler::create(from_hz, to_hz, quality);
  if (!resampler) return fail(resampler.error());
  std::vector<std::int16_t> out;
  out.reserve(static_cast<std::size_t>(static_cast<double>(from.size()) * to_hz / from_hz) + 16);
  resampler->process(from, out);
  resampler->finish(out);
  return out;
}

}  // namespace al::audio
