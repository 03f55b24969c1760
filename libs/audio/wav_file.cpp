#include "audio/wav_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <sndfile.h>

#include "audio/format.h"
#include "audio/g711.h"
#include "audio/resampler.h"

namespace al::audio {
namespace {

struct CloseFile {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using File = std::unique_ptr<SNDFILE, CloseFile>;

// libsndfile's short reader turns float files into ±1; scaling is asked for explicitly.
File open_for_reading(const std::string& path, SF_INFO& info) {
  File file(sf_open(path.c_str(), SFM_READ, &info));
  if (file) sf_command(file.get(), SFC_SET_SCALE_FLOAT_INT_READ, nullptr, SF_TRUE);
  return file;
}

File open_for_writing(const std::string& path, int rate_hz, int channels) {
  SF_INFO info{};
  info.samplerate = rate_hz;
  info.channels = channels;
  info.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  return File(sf_open(path.c_str(), SFM_WRITE, &info));
}

std::vector<std::int16_t> take_channel(const Recording& recording, int channel) {
  const auto channels = static_cast<std::size_t>(recording.channels);
  std::vector<std::int16_t> mono(recording.samples.size() / channels);
  for (std::size_t i = 0; i < mono.size(); ++i) {
    if (channel >= 0) {
      mono[i] = recording.samples[i * channels + static_cast<std::size_t>(channel)];
      continue;
    }
    int sum = 0;
    for (std::size_t c = 0; c < channels; ++c) sum += recording.samples[i * channels + c];
    mono[i] = static_cast<std::int16_t>(sum / recording.channels);
  }
  return mono;
}

}  // namespace

Result<int> channels_of(const std::string& path) {
  SF_INFO info{};
  const File file = open_for_reading(path, info);
  if (!file) return fail(Errc::kNotFound, fmt::format("cannot read {}: {}", path, sf_strerror(nullptr)));
  return info.channels;
}

Result<Recording> read_recording(const std::string& path, int max_seconds) {
  SF_INFO info{};
  const File file = open_for_reading(path, info);
  if (!file) {
    const bool there = std::ifstream(path).good();
    if (!there) return fail(Errc::kNotFound, fmt::format("cannot open {}", path));
    return fail(Errc::kMalformed,
                fmt::format("{}: not a sound file that libsndfile reads: {}", path, sf_strerror(nullptr)));
  }
  if (info.samplerate < 1 || info.channels < 1) return fail(Errc::kMalformed, fmt::format("{}: no audio in it", path));
  Recording recording{info.samplerate, info.channels, {}};
  const std::int64_t limit = static_cast<std::int64_t>(max_seconds) * info.samplerate;
  // The header's length is a claim of whoever wrote the file: read on until the data ends instead of trusting it.
  constexpr std::int64_t kPiece = 65'536;
  std::int64_t frames = 0;
  for (;;) {
    const auto old = recording.samples.size();
    recording.samples.resize(old + static_cast<std::size_t>(kPiece * info.channels));
    const std::int64_t got = sf_readf_short(file.get(), recording.samples.data() + old, kPiece);
    frames += std::max<std::int64_t>(got, 0);
    recording.samples.resize(static_cast<std::size_t>(frames * info.channels));
    if (frames > limit) {
      return fail(Errc::kUnsupported, fmt::format("{}: longer than {} s", path, max_seconds));
    }
    if (got < kPiece) break;
  }
  return recording;
}

Result<std::vector<std::int16_t>> read_8k(const std::string& path, int channel) {
  auto recording = read_recording(path);
  if (!recording) return fail(recording.error());
  if (channel >= recording->channels) {
    return fail(Errc::kUnsupported,
                fmt::format("{}: channel {} was asked for, the file has {}", path, channel + 1, recording->channels));
  }
  const auto mono = take_channel(*recording, channel);
  if (recording->rate_hz == kSampleRateHz) return mono;
  return resample(mono, recording->rate_hz, kSampleRateHz);
}

Result<std::vector<std::int16_t>> read_raw_ulaw(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kNotFound, fmt::format("cannot open {}", path));
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<std::int16_t> pcm(bytes.size());
  std::transform(bytes.begin(), bytes.end(), pcm.begin(),
                 [](char c) { return decode_ulaw(static_cast<std::uint8_t>(c)); });
  return pcm;
}

Result<void> write_wav(const std::string& path, std::span<const std::int16_t> samples, int rate_hz, int channels) {
  const File file = open_for_writing(path, rate_hz, channels);
  if (!file) return fail(Errc::kRejected, fmt::format("cannot write {}: {}", path, sf_strerror(nullptr)));
  const auto frames = static_cast<sf_count_t>(samples.size()) / channels;
  if (sf_writef_short(file.get(), samples.data(), frames) != frames) {
    return fail(Errc::kRejected, fmt::format("writing {}: {}", path, sf_strerror(file.get())));
  }
  return {};
}

struct StereoWavWriter::State {
  File file;
  std::string path;
};

Result<StereoWavWriter> StereoWavWriter::create(const std::string& path, int rate_hz) {
  auto state = std::make_unique<State>();
  state->file = open_for_writing(path, rate_hz, 2);
  state->path = path;
  if (!state->file) return fail(Errc::kRejected, fmt::format("cannot write {}: {}", path, sf_strerror(nullptr)));
  return StereoWavWriter(std::move(state));
}

StereoWavWriter::StereoWavWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
StereoWavWriter::~StereoWavWriter() = default;
StereoWavWriter::StereoWavWriter(StereoWavWriter&&) noexcept = default;
StereoWavWriter& StereoWavWriter::operator=(StereoWavWriter&&) noexcept = default;

Result<void> StereoWavWriter::write(std::span<const std::int16_t> left, std::span<const std::int16_t> right) {
  if (!state_ || !state_->file) return fail(Errc::kClosed, "the WAV file is closed");
  const std::size_t frames = std::max(left.size(), right.size());
  std::array<std::int16_t, 2 * kFrameSamples> piece{};
  for (std::size_t done = 0; done < frames; done += kFrameSamples) {
    const std::size_t n = std::min(kFrameSamples, frames - done);
    for (std::size_t i = 0; i < n; ++i) {
      piece[2 * i] = done + i < left.size() ? left[done + i] : std::int16_t{0};
      piece[2 * i + 1] = done + i < right.size() ? right[done + i] : std::int16_t{0};
    }
    if (sf_writef_short(state_->file.get(), piece.data(), static_cast<sf_count_t>(n)) != static_cast<sf_count_t>(n)) {
      return fail(Errc::kRejected, fmt::format("writing {}: {}", state_->path, sf_strerror(state_->file.get())));
    }
  }
  return {};
}

Result<void> StereoWavWriter::close() {
  if (!state_ || !state_->file) return {};
  const int code = sf_close(state_->file.release());
  if (code != 0) return fail(Errc::kRejected, fmt::format("closing {}: {}", state_->path, sf_error_number(code)));
  return {};
}

}  // namespace al::audio
