// WhatsApp in: Twilio's and Meta's webhooks for messages and their status. A message is written down, answered through
// the same dialogue as a call, and the answer goes out through the outbox. Webhooks are acknowledged at once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agentd/chat_service.h"
#include "agentd/message_service.h"
#include "agentd/web_gate.h"
#include "core/settings.h"
#include "net/http_server.h"
#include "store/async_store.h"

namespace al::agentd {

class MessageRoutes {
 public:
  MessageRoutes(const Settings& settings, const WebGate& gate, store::AsyncStore& store, MessageService& messages,
                dialog::LanguageModel& model, LeadService& leads, std::shared_ptr<const dialog::Persona> persona,
                net::Loop& loop);
  [[nodiscard]] std::vector<net::Route> routes();

 private:
  void incoming(const Webhook& hook, net::Responder respond);
  void status(const Webhook& hook);
  [[nodiscard]] net::HttpResponse verify_meta(const net::HttpRequest& request) const;
  [[nodiscard]] net::HttpResponse meta_events(const net::HttpRequest& request);
  void take(store::MessageRecord message, const std::string& profile_name);
  void update(const std::string& provider, const std::string& id, const std::string& status, const std::string& error);

  const WebGate& gate_;
  store::AsyncStore& store_;
  ChatService chat_;
  const std::string meta_verify_token_;
  const std::vector<std::string> meta_secrets_;
};

}  // namespace al::agentd
