#include "audio/silero_network.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "audio/onnx_weights.h"

namespace al::audio {
namespace {

constexpr std::size_t kFourierWindow = 256;
constexpr std::size_t kHop = 128;
constexpr std::size_t kBins = 129;
constexpr std::size_t kKernel = 3;

using Tensors = std::map<std::string, Tensor>;

Result<const Tensor*> find(const Tensors& tensors, const std::string& name, const std::vector<std::int64_t>& shape) {
  const auto it = tensors.find(name);
  if (it == tensors.end()) return fail(Errc::kMalformed, fmt::format("Silero model: tensor {} is missing", name));
  if (it->second.shape != shape)
    return fail(Errc::kMalformed, fmt::format("Silero model: tensor {} has another shape", name));
  return &it->second;
}

// A convolution over time becomes one product with the columns of neighbouring frames: weights [out][in][k] ->
// [out][k][in].
Result<Dense> convolution(const Tensors& tensors, int layer, std::int64_t out, std::int64_t in) {
  const std::string name = fmt::format("encoder.{}.reparam_conv.", layer);
  const auto weight = find(tensors, name + "weight", {out, in, static_cast<std::int64_t>(kKernel)});
  if (!weight) return fail(weight.error());
  const auto bias = find(tensors, name + "bias", {out});
  if (!bias) return fail(bias.error());
  const auto inputs = static_cast<std::size_t>(in);
  std::vector<float> turned((*weight)->values.size());
  for (std::size_t o = 0; o < static_cast<std::size_t>(out); ++o) {
    for (std::size_t i = 0; i < inputs; ++i) {
      for (std::size_t k = 0; k < kKernel; ++k) {
        turned[(o * kKernel + k) * inputs + i] = (*weight)->values[(o * inputs + i) * kKernel + k];
      }
    }
  }
  return Dense(static_cast<std::size_t>(out), kKernel * inputs, turned, (*bias)->values);
}

Result<Dense> recurrence(const Tensors& tensors) {
  constexpr std::int64_t kGates = 4 * static_cast<std::int64_t>(SileroModel::kCells);
  constexpr auto kIn = static_cast<std::int64_t>(SileroModel::kCells);
  const auto from_input = find(tensors, "decoder.rnn.weight_ih", {kGates, kIn});
  const auto from_hidden = find(tensors, "decoder.rnn.weight_hh", {kGates, kIn});
  const auto bias_input = find(tensors, "decoder.rnn.bias_ih", {kGates});
  const auto bias_hidden = find(tensors, "decoder.rnn.bias_hh", {kGates});
  for (const auto* part : {&from_input, &from_hidden, &bias_input, &bias_hidden}) {
    if (!*part) return fail(part->error());
  }
  std::vector<float> weights;
  std::vector<float> bias;
  const auto row = [](const Tensor& t, std::size_t gate) {
    return t.values.begin() + static_cast<std::ptrdiff_t>(gate) * kIn;
  };
  for (std::size_t gate = 0; gate < static_cast<std::size_t>(kGates); ++gate) {
    weights.insert(weights.end(), row(**from_input, gate), row(**from_input, gate) + kIn);
    weights.insert(weights.end(), row(**from_hidden, gate), row(**from_hidden, gate) + kIn);
    bias.push_back((*bias_input)->values[gate] + (*bias_hidden)->values[gate]);
  }
  return Dense(static_cast<std::size_t>(kGates), 2 * SileroModel::kCells, weights, bias);
}

float logistic(float x) {
  return 1.0F / (1.0F + std::exp(-x));
}

void rectify(float* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) values[i] = std::max(values[i], 0.0F);
}

}  // namespace

Result<std::shared_ptr<const SileroModel>> SileroModel::parse(std::span<const std::uint8_t> onnx) {
  // The file holds two networks behind an If on the sample rate; "then" is 16 kHz.
  const auto tensors = read_onnx_floats(onnx, "then_branch");
  if (!tensors) return fail(tensors.error());
  auto model = std::shared_ptr<SileroModel>(new SileroModel);
  const auto basis = find(*tensors, "stft.forward_basis_buffer", {2 * kBins, 1, kFourierWindow});
  if (!basis) return fail(basis.error());
  model->spectrum_ = Dense(2 * kBins, kFourierWindow, (*basis)->values, {});
  constexpr std::array<std::array<std::int64_t, 2>, 4> kShapes{{{128, 129}, {64, 128}, {64, 64}, {128, 64}}};
  for (std::size_t layer = 0; layer < kShapes.size(); ++layer) {
    auto conv = convolution(*tensors, static_cast<int>(layer), kShapes[layer][0], kShapes[layer][1]);
    if (!conv) return fail(conv.error());
    model->encoder_[layer] = std::move(*conv);
  }
  auto lstm = recurrence(*tensors);
  if (!lstm) return fail(lstm.error());
  model->lstm_ = std::move(*lstm);
  const auto out = find(*tensors, "decoder.decoder.2.weight", {1, kCells, 1});
  if (!out) return fail(out.error());
  const auto bias = find(*tensors, "decoder.decoder.2.bias", {1});
  if (!bias) return fail(bias.error());
  std::copy((*out)->values.begin(), (*out)->values.end(), model->out_weights_.begin());
  model->out_bias_ = (*bias)->values.front();
  return std::shared_ptr<const SileroModel>(std::move(model));
}

SileroStream::SileroStream(std::shared_ptr<const SileroModel> model) : model_(std::move(model)) {}

void SileroStream::reset() {
  input_.fill(0.0F);
  input_and_hidden_.fill(0.0F);
  cells_.fill(0.0F);
}

float SileroStream::score(std::span<const float, SileroModel::kWindow> window) {
  constexpr std::size_t kEnd = SileroModel::kContext + SileroModel::kWindow;
  std::copy(window.begin(), window.end(), input_.begin() + SileroModel::kContext);
  for (std::size_t i = 0; i < kPad; ++i) input_[kEnd + i] = input_[kEnd - 2 - i];

  constexpr std::size_t kFrames = 4;
  const std::size_t bins2 = model_->spectrum_.padded_outputs();
  model_->spectrum_.apply(input_.data(), kHop, kFrames, spectrum_.data(), bins2);
  for (std::size_t t = 0; t < kFrames; ++t) {
    const float* real = &spectrum_[t * bins2];
    float* magnitude = &magnitudes_[(t + 1) * kBins];
    for (std::size_t b = 0; b < kBins; ++b) {
      magnitude[b] = std::sqrt(real[b] * real[b] + real[b + kBins] * real[b + kBins]);
    }
  }

  const auto& encoder = model_->encoder_;
  encoder[0].apply(magnitudes_.data(), kBins, 4, &first_[128], 128);
  rectify(&first_[128], 4 * 128);
  encoder[1].apply(first_.data(), 2 * 128, 2, &second_[64], 64);
  rectify(&second_[64], 2 * 64);
  encoder[2].apply(second_.data(), 2 * 64, 1, &third_[64], 64);
  rectify(&third_[64], 64);
  encoder[3].apply(third_.data(), 64, 1, input_and_hidden_.data(), SileroModel::kCells);
  rectify(input_and_hidden_.data(), SileroModel::kCells);

  model_->lstm_.apply(input_and_hidden_.data(), 0, 1, gates_.data(), gates_.size());
  constexpr std::size_t kCells = SileroModel::kCells;
  float sum = model_->out_bias_;
  for (std::size_t c = 0; c < kCells; ++c) {
    const float in = logistic(gates_[c]);
    const float forget = logistic(gates_[kCells + c]);
    const float candidate = std::tanh(gates_[2 * kCells + c]);
    const float out = logistic(gates_[3 * kCells + c]);
    cells_[c] = forget * cells_[c] + in * candidate;
    const float hidden = out * std::tanh(cells_[c]);
    input_and_hidden_[kCells + c] = hidden;
    sum += std::max(hidden, 0.0F) * model_->out_weights_[c];
  }
  std::copy(input_.begin() + SileroModel::kWindow, input_.begin() + kEnd, input_.begin());
  return logistic(sum);
}

}  // namespace al::audio
