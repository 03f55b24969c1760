// All fakes at once, with the settings that point a program at them: `alctl fakes`, `--fake google`, demonstrations
// without a network, whole-call tests. Loopback only, free ports, ends with the object.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "providers/fakes/fault.h"

namespace al::providers {

// Names that start() takes, for help texts: "google", "openai", …
[[nodiscard]] std::vector<std::string> fake_world_names();

class FakeWorld {
 public:
  // `name` says who serves the three stages:
  //   google      STT google (gRPC with TLS), LLM openai, TTS google
  //   openai      STT whisper, LLM openai, TTS openai
  //   anthropic   STT whisper, LLM anthropic, TTS google
  //   azure       STT whisper, LLM openai, TTS azure
  //   deepgram    STT deepgram, LLM openai, TTS google
  //   elevenlabs  STT deepgram, LLM anthropic, TTS elevenlabs (WebSocket)
  //   whisper     STT whisper, LLM scripted, TTS google
  // Every fake runs in each of them, so STT, LLM and TTS may be set otherwise afterwards. An embedded or scripted
  // fallback behind each is left to the caller. kNotFound lists the names; kUnsupported: google in a build without
  // gRPC; kInternal: no temporary folder.
  [[nodiscard]] static Result<std::unique_ptr<FakeWorld>> start(std::string_view name);
  ~FakeWorld();

  // Keys as in the settings table (lower case) with their values; put them over the program's own settings: every
  // address and every key of a provider is among them, so nothing of a real account is used. Holds the fakes' made-up
  // keys, which open nothing else. The certificate of the recogniser is a file that goes with this object.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& settings() const;
  [[nodiscard]] FakeScript& script();  // what is said and answered, latencies, faults, counters

 private:
  struct Impl;
  explicit FakeWorld(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace al::providers
