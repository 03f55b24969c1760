// The Silero VAD network (v5 and v6 share its shape; github.com/snakers4/silero-vad, MIT) at 16 kHz, computed here: a
// short-time Fourier transform as convolution, four convolutions, an LSTM of 128 cells and a logistic output, 0.3
// million weights. They are read from the published silero_vad.onnx; no inference runtime is needed. One window of 32
// ms in, one probability out. SileroModel is immutable and shared by all calls and threads; SileroStream is one call's
// state: no allocation, not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "audio/dense.h"
#include "core/error.h"

namespace al::audio {

class SileroModel {
 public:
  static constexpr std::size_t kWindow = 512;  // samples at 16 kHz, 32 ms
  static constexpr std::size_t kContext = 64;  // of the window before, put in front
  static constexpr std::size_t kCells = 128;

  // From the bytes of silero_vad.onnx; kMalformed names the tensor that is missing or has another shape.
  static Result<std::shared_ptr<const SileroModel>> parse(std::span<const std::uint8_t> onnx);

 private:
  friend class SileroStream;
  SileroModel() = default;

  Dense spectrum_;                // 576 + 64 mirrored samples -> 4 x (129 real, 129 imaginary)
  std::array<Dense, 4> encoder_;  // kernels of 3, strides 1 2 2 1
  Dense lstm_;                    // [input, hidden] -> input, forget, cell, output gates
  std::array<float, kCells> out_weights_{};
  float out_bias_ = 0.0F;
};

class SileroStream {
 public:
  explicit SileroStream(std::shared_ptr<const SileroModel> model);

  // `window`: 16 kHz samples in -1 .. 1. Returns the probability of speech.
  float score(std::span<const float, SileroModel::kWindow> window);
  void reset();

 private:
  static constexpr std::size_t kPad = 64;  // mirrored at the right edge
  static constexpr std::size_t kInput = SileroModel::kContext + SileroModel::kWindow + kPad;

  std::shared_ptr<const SileroModel> model_;
  alignas(32) std::array<float, kInput> input_{};
  alignas(32) std::array<float, 4 * 264> spectrum_{};
  // Activations, time-major, with one column of zeros at each end.
  alignas(32) std::array<float, 6 * 129> magnitudes_{};
  alignas(32) std::array<float, 6 * 128> first_{};
  alignas(32) std::array<float, 4 * 64> second_{};
  alignas(32) std::array<float, 3 * 64> third_{};
  alignas(32) std::array<float, 2 * SileroModel::kCells> input_and_hidden_{};
  alignas(32) std::array<float, 4 * SileroModel::kCells> gates_{};
  std::array<float, SileroModel::kCells> cells_{};
};

}  // namespace al::audio
