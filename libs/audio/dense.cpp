#include "audio/dense.h"

#include <cassert>
#include <cstring>

// GCC and clang pick the AVX2 build at load time where the CPU has it. FMA is left out on purpose: it would round
// differently. Sanitizer builds run before the resolver may touch their shadow memory, so they take the plain one.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define AL_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define AL_CLONES
#endif

namespace al::audio {
namespace {

constexpr std::size_t kLanes = Dense::kLanes;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

struct Job {
  const float* weights;
  const float* bias;
  std::size_t blocks;
  std::size_t inputs;
};

#define AL_LOAD(into, from) std::memcpy(&(into), (from), sizeof(Lanes))
#define AL_STORE(to, from) std::memcpy((to), &(from), sizeof(Lanes))

// Four columns share each weight that is loaded.
AL_CLONES void four_columns(const Job& job, const float* x, std::size_t x_stride, float* y, std::size_t y_stride) {
  const float* w = job.weights;
  for (std::size_t block = 0; block < job.blocks; ++block) {
    Lanes a0;
    AL_LOAD(a0, job.bias + block * kLanes);
    Lanes a1 = a0;
    Lanes a2 = a0;
    Lanes a3 = a0;
    for (std::size_t i = 0; i < job.inputs; ++i, w += kLanes) {
      Lanes weight;
      AL_LOAD(weight, w);
      a0 += weight * x[i];
      a1 += weight * x[i + x_stride];
      a2 += weight * x[i + 2 * x_stride];
      a3 += weight * x[i + 3 * x_stride];
    }
    float* out = y + block * kLanes;
    AL_STORE(out, a0);
    AL_STORE(out + y_stride, a1);
    AL_STORE(out + 2 * y_stride, a2);
    AL_STORE(out + 3 * y_stride, a3);
  }
}

// One column: four partial sums hide the latency of the additions.
AL_CLONES void one_column(const Job& job, const float* x, float* y) {
  const float* w = job.weights;
  for (std::size_t block = 0; block < job.blocks; ++block) {
    Lanes a0;
    AL_LOAD(a0, job.bias + block * kLanes);
    Lanes a1 = a0 - a0;
    Lanes a2 = a1;
    Lanes a3 = a1;
    std::size_t i = 0;
    for (; i + 4 <= job.inputs; i += 4, w += 4 * kLanes) {
      Lanes w0;
      Lanes w1;
      Lanes w2;
      Lanes w3;
      AL_LOAD(w0, w);
      AL_LOAD(w1, w + kLanes);
      AL_LOAD(w2, w + 2 * kLanes);
      AL_LOAD(w3, w + 3 * kLanes);
      a0 += w0 * x[i];
      a1 += w1 * x[i + 1];
      a2 += w2 * x[i + 2];
      a3 += w3 * x[i + 3];
    }
    for (; i < job.inputs; ++i, w += kLanes) {
      Lanes weight;
      AL_LOAD(weight, w);
      a0 += weight * x[i];
    }
    a0 = (a0 + a1) + (a2 + a3);
    AL_STORE(y + block * kLanes, a0);
  }
}

}  // namespace

Dense::Dense(std::size_t outputs, std::size_t inputs, std::span<const float> weights, std::span<const float> bias)
    : outputs_(outputs), inputs_(inputs), blocks_((outputs + kLanes - 1) / kLanes) {
  assert(weights.size() == outputs * inputs);
  assert(bias.empty() || bias.size() == outputs);
  weights_.resize(blocks_ * inputs_ * kLanes);
  bias_.resize(blocks_ * kLanes);
  for (std::size_t o = 0; o < outputs; ++o) {
    const std::size_t block = o / kLanes;
    const std::size_t lane = o % kLanes;
    for (std::size_t i = 0; i < inputs; ++i) {
      weights_[(block * inputs_ + i) * kLanes + lane] = weights[o * inputs + i];
    }
    if (!bias.empty()) bias_[o] = bias[o];
  }
}

void Dense::apply(const float* x, std::size_t x_stride, std::size_t columns, float* y, std::size_t y_stride) const {
  const Job job{weights_.data(), bias_.data(), blocks_, inputs_};
  std::size_t c = 0;
  for (; c + 4 <= columns; c += 4) four_columns(job, x + c * x_stride, x_stride, y + c * y_stride, y_stride);
  for (; c < columns; ++c) one_column(job, x + c * x_stride, y + c * y_stride);
}

}  // namespace al::audio
