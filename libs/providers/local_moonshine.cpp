#include "providers/local_moonshine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "providers/local_onnx.h"

namespace al::providers {
namespace {

constexpr int kRateHz = 16'000;
constexpr std::int64_t kStartToken = 1;
constexpr std::int64_t kEndToken = 2;
constexpr std::size_t kShortest = kRateHz / 10;
constexpr std::size_t kLongest = kRateHz * std::size_t{30};
// Quick digits come close to 8 tokens a second; more than this is a loop, not speech.
constexpr double kTokensPerSecond = 10.0;
constexpr int kExtraTokens = 8;

// Something that is said over and over: a period of 1..8 tokens, so often in a row. Callers do say "no no no".
constexpr std::size_t kLongestPeriod = 8;
constexpr std::size_t repeats_that_loop(std::size_t period) {
  return period == 1 ? 8 : period == 2 ? 5 : 4;
}

// The length of the loop at the end of `ids` (all repeats but one), 0 = none.
std::size_t loop_length(const std::vector<std::int64_t>& ids) {
  for (std::size_t period = 1; period <= kLongestPeriod; ++period) {
    const std::size_t span = period * repeats_that_loop(period);
    if (ids.size() < span) continue;
    const auto tail = ids.end() - static_cast<std::ptrdiff_t>(span);
    if (std::equal(tail + static_cast<std::ptrdiff_t>(period), ids.end(), tail)) return span - period;
  }
  return 0;
}

// The model learned from old books: it writes "to-morrow" when it is in that mood.
std::string modern_spelling(std::string text) {
  for (const std::string_view day : {"o-day", "o-night", "o-morrow"}) {
    for (std::size_t at = text.find(day); at != std::string::npos; at = text.find(day, at)) {
      const bool word = at > 0 && (text[at - 1] == 't' || text[at - 1] == 'T') && (at == 1 || text[at - 2] == ' ');
      if (word) text.erase(at + 1, 1);
      ++at;
    }
  }
  return text;
}

// The pieces of text by token: "▁" is a space, "<0x0A>" one byte.
Result<std::vector<std::string>> read_vocabulary(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kNotFound, path + ": cannot be opened");
  std::vector<std::string> pieces;
  for (std::string line; std::getline(file, line);) {
    if (line.size() == 6 && line.starts_with("<0x")) {
      pieces.emplace_back(1, static_cast<char>(std::strtol(line.c_str() + 3, nullptr, 16)));
      continue;
    }
    constexpr std::string_view kSpace = "\xE2\x96\x81";
    std::string piece;
    for (std::size_t at = 0; at < line.size();) {
      const bool space = std::string_view(line).substr(at).starts_with(kSpace);
      piece += space ? ' ' : line[at];
      at += space ? kSpace.size() : 1;
    }
    pieces.push_back(std::move(piece));
  }
  if (pieces.size() < 1000) return fail(Errc::kMalformed, path + ": not a vocabulary");
  return pieces;
}

struct NextToken {
  std::int64_t id = 0;
  double log_prob = 0;
};

// Greedy choice over the last position of logits [1, positions, vocabulary].
NextToken best_token(const Ort::Value& logits) {
  const auto shape = logits.GetTensorTypeAndShapeInfo().GetShape();
  const std::int64_t size = shape[2];
  const float* last = logits.GetTensorData<float>() + (shape[1] - 1) * size;
  const float* best = std::max_element(last, last + size);
  double sum = 0;
  for (std::int64_t i = 0; i < size; ++i) sum += std::exp(static_cast<double>(last[i] - *best));
  return {best - last, -std::log(sum)};
}

}  // namespace

float Transcript::confidence() const {
  return text.empty() ? 0.0F : std::clamp(std::exp(mean_log_prob), 0.01F, 1.0F);
}

struct Moonshine::State {
  Ort::Session encoder{nullptr};
  Ort::Session decoder{nullptr};
  std::vector<std::string> input_names;  // of the decoder, in its order
  std::vector<std::string> output_names;
  std::vector<const char*> inputs;
  std::vector<const char*> outputs;
  std::size_t caches = 0;  // key and value, of decoder and encoder attention, for each layer: a multiple of 4
  std::int64_t heads = 0;
  std::int64_t head_size = 0;
  std::vector<std::string> vocabulary;

  Result<void> read_decoder_shape(const std::string& path) {
    const Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < decoder.GetInputCount(); ++i) {
      input_names.emplace_back(decoder.GetInputNameAllocated(i, allocator).get());
      if (!input_names.back().starts_with("past_key_values.")) continue;
      const auto info = decoder.GetInputTypeInfo(i);
      const auto shape = info.GetTensorTypeAndShapeInfo().GetShape();
      if (shape.size() != 4) return fail(Errc::kMalformed, path + ": caches are not four-dimensional");
      heads = shape[1];
      head_size = shape[3];
      ++caches;
    }
    for (std::size_t i = 0; i < decoder.GetOutputCount(); ++i) {
      output_names.emplace_back(decoder.GetOutputNameAllocated(i, allocator).get());
    }
    for (const auto& name : input_names) inputs.push_back(name.c_str());
    for (const auto& name : output_names) outputs.push_back(name.c_str());
    if (caches == 0 || caches % 4 != 0 || output_names.size() != caches + 1) {
      return fail(Errc::kMalformed, path + ": not a merged Moonshine decoder");
    }
    return {};
  }

  [[nodiscard]] std::string words(const std::vector<std::int64_t>& ids) const {
    std::string text;
    for (const std::int64_t id : ids) {
      if (id > kEndToken && static_cast<std::size_t>(id) < vocabulary.size()) {
        text += vocabulary[static_cast<std::size_t>(id)];
      }
    }
    const auto begin = text.find_first_not_of(" \n\t");
    if (begin == std::string::npos) return {};
    return modern_spelling(text.substr(begin, text.find_last_not_of(" \n\t") - begin + 1));
  }

  // One decoding: encoded speech in, a token at a time out.
  class Decoding;
};

class Moonshine::State::Decoding {
 public:
  Decoding(const State& model, Ort::Value encoded) : model_(model), encoded_(std::move(encoded)) {
    const std::array<std::int64_t, 4> none{1, model_.heads, 0, model_.head_size};
    caches_.reserve(model_.caches);
    for (std::size_t i = 0; i < model_.caches; ++i) caches_.push_back(onnx::view<float>({&nothing_, 0}, none));
  }

  NextToken next() {
    std::vector<Ort::Value> values;
    values.reserve(model_.input_names.size());
    constexpr std::array<std::int64_t, 2> kOneByOne{1, 1};
    constexpr std::array<std::int64_t, 1> kOne{1};
    std::size_t cache = 0;
    for (const auto& name : model_.input_names) {
      if (name == "input_ids") {
        values.push_back(onnx::view<std::int64_t>({&token_, 1}, kOneByOne));
      } else if (name == "encoder_hidden_states") {
        values.push_back(onnx::view(encoded_));
      } else if (name == "use_cache_branch") {
        values.push_back(onnx::view<bool>({&use_cache_, 1}, kOne));
      } else {
        values.push_back(onnx::view(caches_[cache++]));
      }
    }
    // Run is thread-safe; the C++ wrapper merely lacks a const.
    auto& decoder = const_cast<Ort::Session&>(model_.decoder);
    auto result = decoder.Run(Ort::RunOptions{nullptr}, model_.inputs.data(), values.data(), values.size(),
                              model_.outputs.data(), model_.outputs.size());
    const NextToken chosen = best_token(result[0]);
    // Of each layer: decoder key, decoder value, encoder key, encoder value. The encoder's never change after the
    // first.
    for (std::size_t i = 0; i < caches_.size(); ++i) {
      if (!use_cache_ || i % 4 < 2) caches_[i] = std::move(result[i + 1]);
    }
    use_cache_ = true;
    token_ = chosen.id;
    return chosen;
  }

 private:
  const State& model_;
  Ort::Value encoded_;
  std::vector<Ort::Value> caches_;
  float nothing_ = 0;
  std::int64_t token_ = kStartToken;
  bool use_cache_ = false;
};

Moonshine::Moonshine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Moonshine::~Moonshine() = default;

Result<std::unique_ptr<Moonshine>> Moonshine::load(const std::string& folder) {
  auto state = std::make_unique<State>();
  auto vocabulary = read_vocabulary(folder + "/vocab.txt");
  if (!vocabulary) return fail(vocabulary.error());
  state->vocabulary = std::move(*vocabulary);

  auto encoder = onnx::load_session(folder + "/encoder_model.onnx");
  if (!encoder) return fail(encoder.error());
  const std::string decoder_path = folder + "/decoder_model_merged.onnx";
  auto decoder = onnx::load_session(decoder_path);
  if (!decoder) return fail(decoder.error());
  state->encoder = std::move(*encoder);
  state->decoder = std::move(*decoder);
  const auto shaped = onnx::guarded<void>(decoder_path, [&] { return state->read_decoder_shape(decoder_path); });
  if (!shaped) return fail(shaped.error());
  return std::unique_ptr<Moonshine>(new Moonshine(std::move(state)));
}

Result<Transcript> Moonshine::transcribe(std::span<const float> pcm_16k, const std::atomic<bool>* cancelled) const {
  if (pcm_16k.size() < kShortest) return Transcript{};
  if (pcm_16k.size() > kLongest) return fail(Errc::kUnsupported, "more than 30 s of speech at once");
  return onnx::guarded<Transcript>("moonshine", [&]() -> Result<Transcript> {
    const std::array<std::int64_t, 2> shape{1, static_cast<std::int64_t>(pcm_16k.size())};
    const Ort::Value speech = onnx::view<float>({const_cast<float*>(pcm_16k.data()), pcm_16k.size()}, shape);
    constexpr std::array<const char*, 1> kIn{"input_values"};
    constexpr std::array<const char*, 1> kOut{"last_hidden_state"};
    auto encoded = state_->encoder.Run(Ort::RunOptions{nullptr}, kIn.data(), &speech, 1, kOut.data(), 1);

    State::Decoding decoding(*state_, std::move(encoded[0]));
    const int most = static_cast<int>(static_cast<double>(pcm_16k.size()) / kRateHz * kTokensPerSecond) + kExtraTokens;
    Transcript transcript;
    std::vector<std::int64_t> ids;
    double log_prob = 0;
    while (transcript.tokens < most) {
      if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) {
        return fail(Errc::kClosed, "recognition was cancelled");
      }
      const NextToken next = decoding.next();
      ++transcript.tokens;
      log_prob += next.log_prob;
      if (next.id == kEndToken) break;
      ids.push_back(next.id);
      if (const std::size_t loop = loop_length(ids); loop > 0) {
        ids.resize(ids.size() - loop);
        transcript.repeated = true;
        break;
      }
    }
    transcript.mean_log_prob = static_cast<float>(log_prob / std::max(1, transcript.tokens));
    transcript.text = state_->words(ids);
    return transcript;
  });
}

}  // namespace al::providers
