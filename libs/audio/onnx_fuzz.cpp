// A model file is read from disk, but may be anything.
#include <cstddef>
#include <cstdint>

#include "audio/onnx_weights.h"
#include "audio/silero_network.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(al::audio::read_onnx_floats({data, size}, "then_branch"));
  static_cast<void>(al::audio::SileroModel::parse({data, size}));
  return 0;
}
