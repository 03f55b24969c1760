#include "providers/local_onnx.h"

#include <filesystem>

#ifdef __SANITIZE_ADDRESS__
// 32 bytes of the library's own processor detection are never freed.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:cpuinfo_x86_linux_init\n";
}
#endif

namespace al::providers::onnx {
namespace {

// One for the process, never destroyed: sessions may outlive every static of ours.
Ort::Env& environment() {
  static auto* const env = new Ort::Env(ORT_LOGGING_LEVEL_ERROR, "agentlocator");
  return *env;
}

}  // namespace

Result<Ort::Session> load_session(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return fail(Errc::kNotFound, path + ": no such file");
  try {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    options.SetInterOpNumThreads(1);
    options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
    options.AddConfigEntry("session.intra_op.allow_spinning", "0");
    return Ort::Session(environment(), path.c_str(), options);
  } catch (const Ort::Exception& error) {
    return fail(Errc::kMalformed, path + ": " + error.what());
  }
}

Ort::Value view(Ort::Value& tensor) {
  const auto info = tensor.GetTensorTypeAndShapeInfo();
  const auto shape = info.GetShape();
  return view<float>({tensor.GetTensorMutableData<float>(), info.GetElementCount()}, shape);
}

}  // namespace al::providers::onnx
