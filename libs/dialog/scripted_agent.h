// The agent without a language model: the same slots, questions, summary and tools, from the persona's own sentences.
// Deterministic: the same request gives the same answer. Free of charge, never fails, never retries.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dialog/persona.h"
#include "dialog/ports.h"

namespace al::dialog {

struct ScriptedToolCall {
  std::string name;
  std::string arguments_json;
};
struct ScriptedAnswer {
  std::vector<std::string> sentences;  // each ends in a sentence mark and a space, but the last without the space
  std::vector<ScriptedToolCall> tools;
  bool failed = false;  // for other models behind the same type; never set by the scripted agent
};

// What the scripted agent does with a request. Pure.
[[nodiscard]] ScriptedAnswer scripted_answer(const Persona& persona, const ModelRequest& request);

class ScriptedAgent final : public LanguageModel {
 public:
  // Runs a job later, on some thread of the caller's choice (a loop, a pool, a test's queue).
  using Post = std::function<void(std::function<void()>)>;
  ScriptedAgent(std::shared_ptr<const Persona> persona, Post post);

  // Sink events come from the posted job: one delta a sentence, then the tool calls, then on_done.
  std::unique_ptr<ModelSession> start(ModelRequest request, std::shared_ptr<ModelSink> sink) override;
  [[nodiscard]] std::string name() const override { return "scripted"; }

 private:
  std::shared_ptr<const Persona> persona_;
  Post post_;
};

}  // namespace al::dialog
