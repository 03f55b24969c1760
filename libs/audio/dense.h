// The one numeric kernel of the Silero network: y = W x + b for several columns of x at once. Lanes are explicit and
// sums keep one order, so every CPU gives the same bits whether it runs the AVX2 or the plain build of the function.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace al::audio {

class Dense {
 public:
  static constexpr std::size_t kLanes = 8;

  Dense() = default;
  // `weights`: row-major [outputs][inputs]; `bias`: empty or [outputs].
  Dense(std::size_t outputs, std::size_t inputs, std::span<const float> weights, std::span<const float> bias);

  // Column c is read at x + c * x_stride (inputs() floats) and written at y + c * y_stride (padded_outputs() floats, of
  // which the last ones beyond outputs() are zero). Any number of columns; allocates nothing.
  void apply(const float* x, std::size_t x_stride, std::size_t columns, float* y, std::size_t y_stride) const;

  [[nodiscard]] std::size_t inputs() const { return inputs_; }
  [[nodiscard]] std::size_t outputs() const { return outputs_; }
  [[nodiscard]] std::size_t padded_outputs() const { return blocks_ * kLanes; }

 private:
  std::size_t outputs_ = 0;
  std::size_t inputs_ = 0;
  std::size_t blocks_ = 0;
  std::vector<float> weights_;  // [block][input][lane]
  std::vector<float> bias_;     // [block][lane]
};

}  // namespace al::audio
