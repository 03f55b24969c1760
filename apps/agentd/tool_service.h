// The tools of the language model, once the engine's policy has passed them: save_lead, send_whatsapp, transfer_call,
// end_call. Each answers with text for the model; a commitment runs once for its idempotency key. Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "agentd/lead_service.h"
#include "agentd/message_service.h"
#include "agentd/rest_service.h"
#include "core/ids.h"
#include "dialog/engine_io.h"
#include "dialog/persona.h"

namespace al::agentd {

class ToolService {
 public:
  // `messages` may be null.
  ToolService(std::shared_ptr<const dialog::Persona> persona, LeadService& leads, MessageService* messages,
              RestService& rest);

  using Answer = std::function<void(std::string result)>;
  // `lead` is what the conversation knows now. `answer` comes once, from any thread.
  void run(const dialog::out::RunTool& tool, const LeadService::Lead& lead, Answer answer);

 private:
  void send_whatsapp(const dialog::out::RunTool& tool, const LeadService::Lead& lead, Answer answer);
  void transfer(const dialog::out::RunTool& tool, const LeadService::Lead& lead, Answer answer);

  // True once for a key, until forget(): two answers of the model may ask for the same transfer.
  [[nodiscard]] bool first_time(const std::string& key);
  void forget(const std::string& key);

  std::shared_ptr<const dialog::Persona> persona_;
  LeadService& leads_;
  MessageService* messages_;
  RestService& rest_;
  std::mutex mutex_;
  std::set<std::string> done_;
  std::deque<std::string> order_;  // the oldest first: bounded
};

}  // namespace al::agentd
