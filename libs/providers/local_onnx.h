// The few calls of ONNX Runtime's C++ interface that the embedded engines share. For this room's own .cpp files.
// Exceptions of the library stop here.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include <onnxruntime_cxx_api.h>

#include "core/error.h"

namespace al::providers::onnx {

// One thread a call (two gain nothing: the decoders are serial), no spinning between calls, the arena left on (without
// it the decoder is two to four times slower). kNotFound or kMalformed name the file.
Result<Ort::Session> load_session(const std::string& path);

// A tensor over memory that the caller keeps alive; nothing is copied.
template <typename T>
[[nodiscard]] Ort::Value view(std::span<T> data, std::span<const std::int64_t> shape) {
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  return Ort::Value::CreateTensor<T>(memory, data.data(), data.size(), shape.data(), shape.size());
}
// A tensor of floats over another one's memory.
[[nodiscard]] Ort::Value view(Ort::Value& tensor);

// Runs `work`; an exception of the library becomes an Error that begins with `what`.
template <typename T, typename Work>
Result<T> guarded(const std::string& what, Work&& work) {
  try {
    return work();
  } catch (const Ort::Exception& error) {
    return fail(Errc::kInternal, what + ": " + error.what());
  } catch (const std::bad_alloc&) {
    return fail(Errc::kInternal, what + ": out of memory");
  }
}

}  // namespace al::providers::onnx
