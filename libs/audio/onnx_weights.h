// Reads the constant tensors out of an ONNX file (onnx.proto, ONNX IR 3 .. 10), and nothing else: no graph, no
// execution. Made for the Silero network, whose weights sit in Constant nodes inside the branches of an If. Hostile
// files give an error, never harm.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace al::audio {

struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;  // row-major; size() is the product of `shape`
};

// All named float32 tensors found below graph nodes whose subgraph is called `branch` (an attribute's name such as
// "then_branch"), at any depth. Tensors of other types are skipped; two of one name are kMalformed.
Result<std::map<std::string, Tensor>> read_onnx_floats(std::span<const std::uint8_t> file, std::string_view branch);

}  // namespace al::audio
