// WhatsApp conversations: one Conversation a person, the same dialogue as on the telephone, over text. Kept in memory
// for a day of silence, bounded; what it collects becomes a lead. Thread-safe from outside; works on its loop.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "agentd/lead_service.h"
#include "agentd/message_service.h"
#include "core/time.h"
#include "dialog/conversation.h"
#include "dialog/persona.h"
#include "dialog/ports.h"
#include "net/loop.h"

namespace al::agentd {

class ChatService {
 public:
  ChatService(net::Loop& loop, dialog::LanguageModel& model, std::shared_ptr<const dialog::Persona> persona,
              MessageService& messages, LeadService& leads);
  ~ChatService();

  struct Message {
    std::string from;  // E.164
    std::string text;
    std::string profile_name;
    std::string id;  // of the provider: the answer's idempotency key
    bool has_media = false;
  };
  void message(Message message);

 private:
  class Chat;
  void take(const Message& message);
  void forget_old(Timestamp now);

  net::Loop& loop_;
  dialog::LanguageModel& model_;
  std::shared_ptr<const dialog::Persona> persona_;
  MessageService& messages_;
  LeadService& leads_;
  std::map<std::string, std::shared_ptr<Chat>> chats_;  // by telephone number
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace al::agentd
