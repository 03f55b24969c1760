#include "agentd/tool_service.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "core/log.h"

namespace al::agentd {
namespace {

constexpr std::size_t kRememberedKeys = 10'000;

std::string argument(const std::string& arguments_json, const char* name) {
  const auto arguments = nlohmann::json::parse(arguments_json, nullptr, false);
  if (!arguments.is_object()) return {};
  const auto found = arguments.find(name);
  return found != arguments.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

ToolService::ToolService(std::shared_ptr<const dialog::Persona> persona, LeadService& leads, MessageService* messages,
                         RestService& rest)
    : persona_(std::move(persona)), leads_(leads), messages_(messages), rest_(rest) {}

void ToolService::run(const dialog::out::RunTool& tool, const LeadService::Lead& lead, Answer answer) {
  if (tool.name == "save_lead") {
    LeadService::Lead confirmed = lead;
    confirmed.confirmed = true;
    leads_.save(confirmed, [answer = std::move(answer)](bool ok) {
      answer(ok ? "saved" : "error: the lead could not be written yet; do not say that it is saved");
    });
  } else if (tool.name == "send_whatsapp") {
    send_whatsapp(tool, lead, std::move(answer));
  } else if (tool.name == "transfer_call") {
    transfer(tool, lead, std::move(answer));
  } else if (tool.name == "end_call") {
    answer("ok");
  } else {
    answer("error: there is no tool named " + tool.name);
  }
}

void ToolService::send_whatsapp(const dialog::out::RunTool& tool, const LeadService::Lead& lead, Answer answer) {
  if (messages_ == nullptr || !messages_->available()) {
    answer("error: WhatsApp is not set up here");
    return;
  }
  MessageService::Message message;
  // Only ever to the caller. The number in the arguments was put there by code, not by the model; it is looked at
  // again.
  message.to = argument(tool.arguments_json, "to");
  if (message.to.empty()) message.to = lead.caller;
  if (message.to != lead.caller) {
    answer("error: messages go to the caller's own number only");
    return;
  }
  message.text = argument(tool.arguments_json, "text");
  if (message.text.empty()) message.text = lead.summary;
  message.call = lead.call;
  message.key = tool.idempotency_key;
  messages_->send(std::move(message), [answer = std::move(answer)](Result<std::string> queued) {
    answer(queued ? "sent" : "error: " + queued.error().detail);
  });
}

void ToolService::transfer(const dialog::out::RunTool& tool, const LeadService::Lead& lead, Answer answer) {
  const std::string name = argument(tool.arguments_json, "target");
  const auto target = persona_->transfer_targets.find(name);
  if (target == persona_->transfer_targets.end()) {
    answer("error: there is no transfer target named " + name);
    return;
  }
  if (!rest_.available()) {
    answer("error: calls cannot be transferred here (no Twilio credentials)");
    return;
  }
  if (!first_time(tool.idempotency_key)) {
    answer("transferring");  // it is under way
    return;
  }
  log::info("TRANSFER", {{"call", lead.call.str()}, {"target", name}});
  rest_.transfer(lead.call, target->second, [this, key = tool.idempotency_key, answer = std::move(answer)](bool taken) {
    if (!taken) forget(key);
    answer(taken ? "transferring" : "error: the transfer was refused");
  });
}

bool ToolService::first_time(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (!done_.insert(key).second) return false;
  order_.push_back(key);
  if (order_.size() > kRememberedKeys) {
    done_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

void ToolService::forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  done_.erase(key);
}

}  // namespace al::agentd
