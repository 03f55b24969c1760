// WhatsApp in: the webhooks of Twilio, Meta and a bridge of one's own for messages and their status. A message is
// written down before its webhook is acknowledged, answered through the same dialogue as a call, and the answer goes
// out through the outbox. A person who writes STOP gets no further word until START.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agentd/chat_service.h"
#include "agentd/message_recovery.h"
#include "agentd/message_service.h"
#include "agentd/message_status.h"
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
  struct Incoming {
    store::MessageRecord record;
    std::string profile_name;
    std::string opt_out;  // the network's own word for it: "STOP", "START"; may be empty
  };
  using Stored = std::function<void(bool ok)>;

  void incoming(const Webhook& hook, net::Responder respond);
  void status(const Webhook& hook);
  [[nodiscard]] net::HttpResponse verify_meta(const net::HttpRequest& request) const;
  void meta_events(const net::HttpRequest& request, net::Responder respond);
  void bridge_events(const net::HttpRequest& request, net::Responder respond);
  [[nodiscard]] net::HttpResponse refuse(const net::HttpRequest& request) const;
  void take_all(std::vector<Incoming> messages, net::Responder respond);
  void take(Incoming message, Stored stored);
  void answer(const Incoming& message);

  const WebGate& gate_;
  store::AsyncStore& store_;
  MessageService& messages_;
  ChatService chat_;
  MessageStatusUpdates updates_;
  const std::string meta_verify_token_;
  const std::vector<std::string> meta_secrets_;
  const std::string bridge_secret_;
  MessageRecovery recovery_;
};

}  // namespace al::agentd
