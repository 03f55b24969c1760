// Who answers in `alctl chat`: the language models of the settings, as agentd would use them, waited for.
#pragma once

#include <memory>
#include <string>
#include <vector>

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
  // What was asked for and is not there, one sentence each.
  [[nodiscard]] virtual const std::vector<std::string>& warnings() const = 0;
};

// The chain of the setting LLM with its deadlines, hedging and breakers. kMalformed and kNotFound as make_providers().
[[nodiscard]] Result<std::unique_ptr<ChatModel>> make_chat_model(const Settings& settings,
                                                                 std::shared_ptr<const dialog::Persona> persona);

}  // namespace al::alctl
