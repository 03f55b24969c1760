// Runs whole conversations in text and virtual time: caller lines in, answers, tools and slots out. For tests and for
// `alctl chat`: the same Conversation, with any synchronous model. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialog/conversation.h"
#include "dialog/scripted_agent.h"
#include "dialog/text_exchange.h"

namespace al::dialog {

struct ChatTool {
  std::string name;
  std::string arguments_json;
  std::string idempotency_key;
  bool ok = true;
  std::string result;
};

struct ChatTurn {
  std::string caller;
  std::string agent;
  std::vector<ChatTool> tools;       // that passed the policy and ran
  std::vector<std::string> refused;  // "name: why"
  bool ignored = false;              // a repetition
  bool ends = false;
};

class ChatDriver {
 public:
  using Model = std::function<ScriptedAnswer(const ModelRequest&)>;
  // Runs a tool; the text is for the model, `ok` tells whether it worked.
  struct ToolOutcome {
    std::string text;
    bool ok = true;
  };
  using Tools = std::function<ToolOutcome(const CheckedTool&)>;

  // Without `model`: the scripted agent. Without `tools`: every tool succeeds.
  ChatDriver(std::shared_ptr<const Persona> persona, ConversationOptions options, std::uint64_t seed, Model model = {},
             Tools tools = {});

  ChatTurn say(std::string_view text, Timestamp now);
  // Says it `gap` after the turn before.
  ChatTurn say(std::string_view text, Duration gap = seconds{20});
  void greet();

  [[nodiscard]] Conversation& conversation() { return conversation_; }
  [[nodiscard]] const Persona& persona() const { return *persona_; }

 private:
  std::shared_ptr<const Persona> persona_;
  Conversation conversation_;
  Model model_;
  Tools tools_;
  TurnId turn_;
  Timestamp now_{};
};

}  // namespace al::dialog
