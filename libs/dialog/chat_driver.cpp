#include "dialog/chat_driver.h"

#include <utility>

namespace al::dialog {

ChatDriver::ChatDriver(std::shared_ptr<const Persona> persona, ConversationOptions options, std::uint64_t seed,
                       Model model, Tools tools)
    : persona_(std::move(persona)),
      conversation_(persona_, std::move(options), seed),
      model_(std::move(model)),
      tools_(std::move(tools)) {
  if (!model_) model_ = [this](const ModelRequest& request) { return scripted_answer(*persona_, request); };
  if (!tools_) tools_ = [](const CheckedTool&) { return ToolOutcome{"ok", true}; };
}

void ChatDriver::greet() {
  conversation_.agent_said_fixed(persona_->phrases.greeting);
}

ChatTurn ChatDriver::say(std::string_view text, Duration gap) {
  return say(text, now_ + gap);
}

ChatTurn ChatDriver::say(std::string_view text, Timestamp now) {
  now_ = now;
  turn_ = turn_.next();
  ChatTurn out;
  out.caller = text;
  TextExchange exchange(conversation_, turn_, "chat");
  TextExchange::Step step = exchange.begin(text, now);
  out.ignored = std::holds_alternative<TextExchange::Nothing>(step);
  for (;;) {
    if (auto* ask = std::get_if<TextExchange::AskModel>(&step)) {
      const ScriptedAnswer answer = model_(ask->request);
      for (const std::string& sentence : answer.sentences) exchange.on_delta(sentence);
      std::size_t number = 0;
      for (const ScriptedToolCall& tool : answer.tools) {
        if (auto checked = conversation_.check_tool(tool.name, tool.arguments_json); !checked) {
          out.refused.push_back(tool.name + ": " + checked.error().detail);
        }
        exchange.on_tool_call("t" + std::to_string(++number), tool.name, tool.arguments_json);
      }
      step = answer.failed ? exchange.on_failed() : exchange.on_done();
    } else if (auto* run = std::get_if<TextExchange::RunTool>(&step)) {
      const CheckedTool tool = run->tool;
      const ToolOutcome outcome = tools_(tool);
      out.tools.push_back({tool.name, tool.arguments_json, tool.idempotency_key, outcome.ok, outcome.text});
      step = exchange.on_tool_result(outcome.text, outcome.ok);
    } else {
      break;
    }
  }
  if (auto* reply = std::get_if<TextExchange::Reply>(&step)) {
    out.agent = reply->text;
    out.ends = reply->ends;
  }
  return out;
}

}  // namespace al::dialog
