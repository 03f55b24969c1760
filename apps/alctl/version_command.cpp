#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alctl/commands.h"
#include "providers/local_speech.h"

#ifndef AL_VERSION
#error "AL_VERSION comes from the project's CMakeLists.txt"
#endif

namespace al::alctl {
namespace {

ExitCode run_version(const Arguments&, Io& io) {
#if defined(__clang__)
  const std::string compiler = fmt::format("clang {}.{}", __clang_major__, __clang_minor__);
#else
  const std::string compiler = fmt::format("gcc {}.{}", __GNUC__, __GNUC_MINOR__);
#endif
  const bool speech = providers::has_local_speech();
  if (io.json) {
    io.out << nlohmann::ordered_json{{"name", "alctl"},
                                     {"version", AL_VERSION},
                                     {"compiler", compiler},
                                     {"local_speech", speech}}
                  .dump(2)
           << "\n";
  } else {
    io.out << fmt::format("alctl {} ({}, embedded speech: {})\n", AL_VERSION, compiler, speech ? "yes" : "no");
  }
  return ExitCode::kOk;
}

}  // namespace

CommandSpec version_command() {
  return {"version", "which alctl this is", "", {}, {}, {{"alctl version --json", "for scripts"}}, run_version};
}

}  // namespace al::alctl
