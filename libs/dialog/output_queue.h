// A ring of outputs that allocates only when it has to grow: in steady state a frame costs no allocation.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "dialog/engine_io.h"

namespace al::dialog {

class OutputQueue {
 public:
  OutputQueue() : ring_(kInitial) {}

  void push(Output&& output) {
    if (size_ == ring_.size()) grow();
    ring_[(head_ + size_) % ring_.size()] = std::move(output);
    ++size_;
  }
  std::optional<Output> pop() {
    if (size_ == 0) return std::nullopt;
    std::optional<Output> result(std::move(ring_[head_]));
    head_ = (head_ + 1) % ring_.size();
    --size_;
    return result;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  static constexpr std::size_t kInitial = 64;

  void grow() {
    std::vector<Output> larger(ring_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(ring_[(head_ + i) % ring_.size()]);
    ring_ = std::move(larger);
    head_ = 0;
  }

  std::vector<Output> ring_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace al::dialog
