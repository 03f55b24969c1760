// All fakes at once, with the settings that point a program at them: `alctl --fake google`, demonstrations without a
// network, whole-call tests. Loopback only, free ports, ends with the object.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "providers/fakes/fault.h"

namespace al::providers {

// Names that start() takes, for help texts: "google", "openai", "anthropic", "deepgram".
[[nodiscard]] std::vector<std::string> fake_world_names();

class FakeWorld {
 public:
  // `name` says who serves the three stages:
  //   google     STT google (gRPC), LLM openai, TTS google
  //   openai     STT whisper, LLM openai, TTS openai
  //   anthropic  STT whisper, LLM anthropic, TTS google
  //   deepgram   STT deepgram, LLM openai, TTS google
  // An embedded or scripted fallback behind each is left to the caller. kNotFound lists the names; kUnsupported: google
  // in a build without gRPC.
  [[nodiscard]] static Result<std::unique_ptr<FakeWorld>> start(std::string_view name);
  ~FakeWorld();

  // Keys as in the settings table (lower case) with their values; put them over the program's own settings. Holds
  // the fakes' made-up keys, which open nothing else.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& settings() const;
  [[nodiscard]] FakeScript& script();  // what is said and answered, latencies, faults, counters

 private:
  struct Impl;
  explicit FakeWorld(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace al::providers
