// Who answers in `alctl chat`: the scripted agent, or a remote language model waited for.
#pragma once

#include <memory>
#include <string>

#include "core/error.h"
#include "core/settings.h"
#include "dialog/persona.h"
#include "dialog/ports.h"
#include "dialog/scripted_agent.h"

namespace al::alctl {

struct ChatAnswer {
  dialog::ScriptedAnswer answer;  // `failed` when the model gave none
  double first_ms = 0;            // until the first words; 0 = there were none
  std::string problem;            // why it failed, for people
};

class ChatModel {
 public:
  virtual ~ChatModel() = default;
  virtual ChatAnswer answer(const dialog::ModelRequest& request) = 0;  // blocks, bounded
  [[nodiscard]] virtual std::string name() const = 0;
};

// `wanted`: "scripted", "openai", or "auto" (the first name in the setting LLM that is one of them and has what it
// needs). kMalformed names what is missing.
[[nodiscard]] Result<std::unique_ptr<ChatModel>> make_chat_model(const Settings& settings,
                                                                 std::shared_ptr<const dialog::Persona> persona,
                                                                 const std::string& wanted);

}  // namespace al::alctl
