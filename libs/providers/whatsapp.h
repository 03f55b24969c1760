// Sending WhatsApp messages: Twilio's Messages API, any HTTP bridge, or Meta's Cloud API, behind one interface.
// The caller decides what to send and when; decide_whatsapp() applies Meta's 24-hour rule.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "providers/http_provider.h"

namespace al::providers {

struct WhatsAppTemplate {
  std::string name;             // Meta: the template's name; Twilio: its content SID (HX…)
  std::string language = "he";  // Meta only
  // {{1}}, {{2}}, …; sent on one line: neither Meta nor Twilio takes line breaks, tabs or runs of spaces in them.
  std::vector<std::string> parameters;
};

struct WhatsAppMessage {
  std::string to;    // E.164, "+9725…"; kMalformed otherwise
  std::string text;  // free text, at most 4096 characters (1600 at Twilio); ignored when there is a template
  std::optional<WhatsAppTemplate> message_template;
  std::string idempotency_key;  // sent where the provider takes one
};

struct WhatsAppReceipt {
  std::string provider;
  std::string message_id;  // "wamid.…", "SM…"; empty where a bridge does not say
  std::string status;      // "queued", "sent", …
};

class WhatsAppSender {
 public:
  using Done = std::function<void(Result<WhatsAppReceipt>)>;
  virtual ~WhatsAppSender() = default;
  // `done` is called once, from the HTTP client's thread or at once for a message that cannot be sent. kRejected with
  // a detail that says "24-hour window" when the provider wants a template, "opted out" when the person does not want
  // to hear from us.
  virtual void send(const WhatsAppMessage& message, Done done) = 0;
  [[nodiscard]] virtual std::string name() const = 0;
};

struct TwilioWhatsAppOptions {
  std::string base_url = "https://api.twilio.com";
  std::string account_sid;
  std::string user;             // an API key's SID, or the account SID
  std::string password;         // its secret, or the auth token
  std::string from;             // "+972…" of the WhatsApp sender, or a messaging service (MG…)
  std::string status_callback;  // empty = none
  net::HttpTimeouts timeouts = kProviderTimeouts;
};

struct BridgeWhatsAppOptions {
  std::string url;                   // {to} is replaced (percent-encoded)
  std::vector<std::string> headers;  // "apikey: …"
  std::string from;                  // our own number, for {from}
  // {to}: digits only; {+to}: with the plus; {from}, {text}, {id} (of the message)
  std::string body_template = R"({"number":"{to}","text":"{text}"})";
  std::string content_type = "application/json";  // JSON bodies get JSON escapes, form bodies percent-encoding
  net::HttpTimeouts timeouts = kProviderTimeouts;
};

struct MetaWhatsAppOptions {
  std::string base_url = "https://graph.facebook.com/v21.0";
  std::string phone_number_id;
  std::string access_token;
  net::HttpTimeouts timeouts = kProviderTimeouts;
};

// kMalformed names the option that is missing or wrong.
[[nodiscard]] Result<std::unique_ptr<WhatsAppSender>> make_twilio_whatsapp(TwilioWhatsAppOptions options,
                                                                           ProviderContext context);
[[nodiscard]] Result<std::unique_ptr<WhatsAppSender>> make_bridge_whatsapp(BridgeWhatsAppOptions options,
                                                                           ProviderContext context);
[[nodiscard]] Result<std::unique_ptr<WhatsAppSender>> make_meta_whatsapp(MetaWhatsAppOptions options,
                                                                         ProviderContext context);

// ---- the 24-hour rule (pure) ----------------------------------------------------------------------------------------

enum class WhatsAppForm {
  kFreeText,  // inside the customer-service window
  kTemplate,  // outside it, and there is a template to use
  kNotNow,    // outside it without a template: keep the message until the person writes
};
// Free text is allowed for 24 hours after the person's last message to us; five minutes are kept as margin.
// `last_inbound` nullopt = never wrote. A bridge to a private account has no window: pass `has_window` = false.
[[nodiscard]] WhatsAppForm decide_whatsapp(std::optional<WallTime> last_inbound, WallTime now, bool has_template,
                                           bool has_window = true);

// ---- Meta's webhook (pure) ------------------------------------------------------------------------------------------

// X-Hub-Signature-256 over the raw body, compared in constant time. `secrets`: more than one while rotating.
[[nodiscard]] bool meta_signature_is_valid(std::string_view header, std::string_view raw_body,
                                           const std::vector<std::string>& app_secrets);
// The challenge to echo if hub.mode is "subscribe" and hub.verify_token is ours; nullopt = answer 403.
[[nodiscard]] std::optional<std::string> meta_verify_challenge(const std::map<std::string, std::string>& query,
                                                               std::string_view verify_token);

struct WhatsAppInbound {
  std::string message_id;
  std::string from;  // E.164 with the plus
  std::string profile_name;
  std::string text;        // of a text or button message, or a media caption
  std::string media_type;  // "image", "audio", "document", …; empty for text
  std::string media_id;
};
struct WhatsAppStatus {
  std::string message_id;
  std::string status;  // sent, delivered, read, failed
  std::string error;   // provider's code and title; empty = none
};
struct MetaEvents {
  std::vector<WhatsAppInbound> messages;
  std::vector<WhatsAppStatus> statuses;
};
// Reads a webhook body; what it does not know is skipped. At most 100 of each. kMalformed: not such a body.
[[nodiscard]] Result<MetaEvents> parse_meta_webhook(std::string_view body);

}  // namespace al::providers
