// WhatsApp conversations: one Conversation a person, the same dialogue as on the telephone, over text. Between two
// messages it lies in the store, so that any node, or the next process, goes on with it; after a day of silence a new
// one begins. What it collects becomes a lead. Thread-safe from outside; works on its loop.
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
#include "store/async_store.h"

namespace al::agentd {

class ChatService {
 public:
  ChatService(net::Loop& loop, dialog::LanguageModel& model, std::shared_ptr<const dialog::Persona> persona,
              store::AsyncStore& store, MessageService& messages, LeadService& leads,
              dialog::ConversationOptions rules);  // lengths and style, as on the telephone
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
  store::AsyncStore& store_;
  MessageService& messages_;
  LeadService& leads_;
  const dialog::ConversationOptions rules_;
  std::map<std::string, std::shared_ptr<Chat>> chats_;  // by telephone number
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace al::agentd
