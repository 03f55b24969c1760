#include "providers/local_piper.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <utility>

#include "audio/format.h"
#include "audio/resampler.h"
#include "providers/local_onnx.h"
#include "providers/local_phonemes.h"

namespace al::providers {
namespace {

constexpr std::size_t kLongestText = 400;
constexpr std::size_t kBefore = 2 * audio::kFrameSamples;  // silence kept before the first sound
constexpr std::size_t kAfter = 6 * audio::kFrameSamples;   // and after the last
constexpr int kAudible = 200;                              // of 32768, about -44 dBFS

using TokenIds = std::map<std::string, std::int64_t, std::less<>>;

// Lines of "symbol id"; the symbol may be a space.
Result<TokenIds> read_tokens(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kNotFound, path + ": cannot be opened");
  TokenIds ids;
  for (std::string line; std::getline(file, line);) {
    const std::size_t space = line.rfind(' ');
    if (space == std::string::npos || space == 0) continue;
    std::int64_t id = 0;
    const char* end = line.data() + line.size();
    if (std::from_chars(line.data() + space + 1, end, id).ptr != end) {
      return fail(Errc::kMalformed, path + ": no number in line '" + line + "'");
    }
    ids.emplace(line.substr(0, space), id);
  }
  for (const char* needed : {"^", "$", "_", " "}) {
    if (!ids.contains(needed)) return fail(Errc::kMalformed, path + ": no symbol '" + needed + "'");
  }
  return ids;
}

// ^ _ symbol _ symbol _ … $: the blank between symbols is part of how the voice was trained. Unknown symbols are left
// out.
std::vector<std::int64_t> to_ids(std::string_view ipa, const TokenIds& tokens) {
  const std::int64_t blank = tokens.find("_")->second;
  std::vector<std::int64_t> ids{tokens.find("^")->second, blank};
  for (std::size_t at = 0; at < ipa.size();) {
    const auto byte = static_cast<unsigned char>(ipa[at]);
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    const auto found = tokens.find(ipa.substr(at, length));
    at += length;
    if (found == tokens.end()) continue;
    ids.push_back(found->second);
    ids.push_back(blank);
  }
  ids.push_back(tokens.find("$")->second);
  return ids;
}

std::vector<std::int16_t> to_pcm(const float* samples, std::size_t count) {
  std::vector<std::int16_t> pcm(count);
  std::transform(samples, samples + count, pcm.begin(), [](float sample) {
    return static_cast<std::int16_t>(std::lround(std::clamp(sample, -1.0F, 1.0F) * 32767.0F));
  });
  return pcm;
}

void trim_edges(std::vector<std::int16_t>& pcm) {
  const auto audible = [](std::int16_t sample) { return std::abs(static_cast<int>(sample)) >= kAudible; };
  const auto first = std::find_if(pcm.begin(), pcm.end(), audible);
  if (first == pcm.end()) return;
  const auto last = std::find_if(pcm.rbegin(), pcm.rend(), audible).base();
  const auto end = static_cast<std::size_t>(last - pcm.begin());
  const auto begin = static_cast<std::size_t>(first - pcm.begin());
  pcm.resize(std::min(pcm.size(), end + kAfter));
  if (begin > kBefore) pcm.erase(pcm.begin(), pcm.begin() + static_cast<std::ptrdiff_t>(begin - kBefore));
}

}  // namespace

struct Piper::State {
  mutable Ort::Session session{nullptr};  // Run is thread-safe; the C++ wrapper merely lacks a const
  TokenIds tokens;
  int rate_hz = 22'050;
  int speakers = 1;

  void read_metadata() {
    const Ort::AllocatorWithDefaultOptions allocator;
    const auto metadata = session.GetModelMetadata();
    const auto number = [&](const char* key, int fallback) {
      const auto text = metadata.LookupCustomMetadataMapAllocated(key, allocator);
      const int value = text ? std::atoi(text.get()) : 0;
      return value > 0 ? value : fallback;
    };
    rate_hz = number("sample_rate", rate_hz);
    speakers = number("n_speakers", speakers);
  }
};

Piper::Piper(std::unique_ptr<State> state) : state_(std::move(state)) {}
Piper::~Piper() = default;

int Piper::speakers() const {
  return state_->speakers;
}

Result<std::unique_ptr<Piper>> Piper::load(const std::string& folder) {
  auto tokens = read_tokens(folder + "/tokens.txt");
  if (!tokens) return fail(tokens.error());
  auto session = onnx::load_session(folder + "/model.onnx");
  if (!session) return fail(session.error());
  auto state = std::make_unique<State>();
  state->tokens = std::move(*tokens);
  state->session = std::move(*session);
  const auto read = onnx::guarded<void>(folder, [&]() -> Result<void> {
    state->read_metadata();
    return {};
  });
  if (!read) return fail(read.error());
  return std::unique_ptr<Piper>(new Piper(std::move(state)));
}

Result<std::vector<std::int16_t>> Piper::speak(std::string_view text, const PiperOptions& options) const {
  if (text.size() > kLongestText) return fail(Errc::kUnsupported, "more than 400 characters in one sentence");
  if (options.speaker < 0 || options.speaker >= state_->speakers) {
    return fail(Errc::kUnsupported, "the voice has speakers 0 to " + std::to_string(state_->speakers - 1) + ", not " +
                                        std::to_string(options.speaker));
  }
  const std::string ipa = english_phonemes(text);
  if (ipa.empty()) return std::vector<std::int16_t>{};
  std::vector<std::int64_t> ids = to_ids(ipa, state_->tokens);

  auto pcm = onnx::guarded<std::vector<std::int16_t>>("piper", [&]() -> Result<std::vector<std::int16_t>> {
    const std::array<std::int64_t, 2> shape{1, static_cast<std::int64_t>(ids.size())};
    constexpr std::array<std::int64_t, 1> kOne{1};
    constexpr std::array<std::int64_t, 1> kThree{3};
    auto length = static_cast<std::int64_t>(ids.size());
    std::int64_t speaker = options.speaker;
    std::array<float, 3> scales{options.noise, static_cast<float>(1.0 / std::clamp(options.rate, 0.5, 2.0)),
                                options.noise_width};
    std::array<Ort::Value, 4> inputs{onnx::view<std::int64_t>(ids, shape), onnx::view<std::int64_t>({&length, 1}, kOne),
                                     onnx::view<float>(scales, kThree), onnx::view<std::int64_t>({&speaker, 1}, kOne)};
    constexpr std::array<const char*, 4> kIn{"input", "input_lengths", "scales", "sid"};
    constexpr std::array<const char*, 1> kOut{"output"};
    auto output =
        state_->session.Run(Ort::RunOptions{nullptr}, kIn.data(), inputs.data(), inputs.size(), kOut.data(), 1);
    return to_pcm(output[0].GetTensorData<float>(), output[0].GetTensorTypeAndShapeInfo().GetElementCount());
  });
  if (!pcm) return pcm;
  auto lowered = audio::resample(*pcm, state_->rate_hz, audio::kSampleRateHz, audio::ResampleQuality::kFast);
  if (lowered) trim_edges(*lowered);
  return lowered;
}

}  // namespace al::providers
