// WhatsApp out: every message is written down and queued durably, then sent from the outbox with the 24-hour rule, so
// that a crash or a provider's bad day loses none. Thread-safe; sending happens on the service's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/ids.h"
#include "core/settings.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/whatsapp.h"
#include "store/async_store.h"

namespace al::agentd {

class MessageService {
 public:
  // `sender` may be null: then messages are refused with a reason.
  MessageService(const Settings& settings, net::Loop& loop, store::AsyncStore& store,
                 std::unique_ptr<providers::WhatsAppSender> sender, std::string node);
  ~MessageService();

  struct Message {
    std::string to;  // E.164
    std::string text;
    CallSid call;     // that it belongs to; may be empty
    std::string key;  // the same key is the same message
  };
  // `queued` (any thread): the id of the message once it is safe, or why it is not.
  void send(Message message, std::function<void(Result<std::string>)> queued);

  [[nodiscard]] bool available() const { return sender_ != nullptr; }
  [[nodiscard]] std::string provider() const { return sender_ ? sender_->name() : ""; }

 private:
  void poll();
  void deliver(const store::OutboxRow& row);
  void send_now(const store::OutboxRow& row, const Message& message, std::optional<WallTime> last_inbound);
  void settle(const store::OutboxRow& row, Result<providers::WhatsAppReceipt> receipt);

  net::Loop& loop_;
  store::AsyncStore& store_;
  std::unique_ptr<providers::WhatsAppSender> sender_;
  const std::string node_;
  const std::string from_;
  const std::string template_name_;
  const std::string template_language_;
  net::Timer timer_;
  bool polling_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The provider that WHATSAPP_PROVIDER names; null for "none". kMalformed names the setting that is missing.
[[nodiscard]] Result<std::unique_ptr<providers::WhatsAppSender>> make_whatsapp_sender(const Settings& settings,
                                                                                      net::HttpClient& http,
                                                                                      net::Loop& loop,
                                                                                      providers::Scheduler& scheduler);

}  // namespace al::agentd
