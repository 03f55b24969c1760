// WhatsApp out: every message is written down and queued durably, then sent from the outbox, so that a crash or a
// provider's bad day loses none. Before anything goes out: is it a number, did the person ask not to be written to, is
// the 24-hour window open or is there a template. Thread-safe; sending happens on the service's loop.
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
    // Rather lost than sent twice: an attempt that ended without an answer is not repeated.
    bool once = false;
    bool as_template = false;  // whatever our own clock says of the window
  };
  // `queued` (any thread): the id of the message once it is safe, or why it will not be sent: kMalformed (the detail
  // begins with "to" or "text"), kUnsupported (no provider), kRejected (opted out; window closed and no template),
  // kTimeout, kClosed, … (the database is away).
  void send(Message message, std::function<void(Result<std::string>)> queued);
  // For answers that nobody waits for: queued even if the database comes back only later.
  void post(Message message);
  // The network says afterwards that the window was closed for a message it had taken (Twilio 63016 comes that way): it
  // goes out as the template, once. Any thread.
  void window_was_closed(const std::string& provider_id);
  // What send() does in the store: kRejected or kMalformed before anything is queued. For those who are there already.
  [[nodiscard]] Result<std::string> queue_in(store::Store& store, const Message& message) const;

  [[nodiscard]] bool available() const { return sender_ != nullptr; }
  [[nodiscard]] std::string provider() const { return sender_ ? sender_->name() : ""; }
  // Sends what is due without waiting for the next look into the outbox. Any thread.
  void wake();

 private:
  struct Situation {  // of a person, as the store knows it
    bool opted_out = false;
    providers::WhatsAppForm form = providers::WhatsAppForm::kNotNow;
  };
  [[nodiscard]] Result<Situation> look_at(store::Store& store, const std::string& phone) const;
  [[nodiscard]] Result<void> check(const Message& message) const;
  void poll();
  void deliver(const store::OutboxRow& row);
  void send_now(const store::OutboxRow& row, const Message& message, bool as_template);
  void answered(const store::OutboxRow& row, const Message& message, bool as_template,
                const Result<providers::WhatsAppReceipt>& receipt);
  void sent(const store::OutboxRow& row, const Message& message, const std::string& provider_id);
  void failed(const store::OutboxRow& row, const Message& message, const Error& error, bool again);
  [[nodiscard]] store::MessageRecord record_of(const Message& message) const;
  void on_loop(std::function<void()> work);

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

// The provider that WHATSAPP_PROVIDER names; null for "off". kMalformed names the setting that is missing.
[[nodiscard]] Result<std::unique_ptr<providers::WhatsAppSender>> make_whatsapp_sender(const Settings& settings,
                                                                                      net::HttpClient& http,
                                                                                      net::Loop& loop,
                                                                                      providers::Scheduler& scheduler);

}  // namespace al::agentd
