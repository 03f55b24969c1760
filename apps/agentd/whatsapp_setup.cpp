// Which WhatsApp provider the settings ask for.
#include "agentd/message_service.h"

namespace al::agentd {

using providers::WhatsAppSender;

Result<std::unique_ptr<WhatsAppSender>> make_whatsapp_sender(const Settings& settings, net::HttpClient& http,
                                                             net::Loop& loop, providers::Scheduler& scheduler) {
  const std::string& provider = settings.string("whatsapp_provider");
  const providers::ProviderContext context{http, scheduler, loop};
  if (provider == "twilio") {
    providers::TwilioWhatsAppOptions options;
    if (settings.has("twilio_api_base_url")) options.base_url = settings.string("twilio_api_base_url");
    options.account_sid = settings.string("twilio_account_sid");
    const auto tokens = settings.list("twilio_auth_token");
    const bool has_key = settings.has("twilio_api_key_sid");
    options.user = has_key ? settings.string("twilio_api_key_sid") : options.account_sid;
    options.password = has_key ? settings.string("twilio_api_key_secret") : tokens.empty() ? "" : tokens.front();
    options.from = settings.string("whatsapp_from");
    if (settings.has("public_base_url")) {
      options.status_callback = settings.string("public_base_url") + "/webhook/whatsapp/status";
    }
    return providers::make_twilio_whatsapp(options, context);
  }
  if (provider == "bridge") {
    providers::BridgeWhatsAppOptions options;
    options.url = settings.string("whatsapp_bridge_url");
    options.headers = settings.list("whatsapp_bridge_headers");
    options.body_template = settings.string("whatsapp_bridge_body");
    options.from = settings.string("whatsapp_from");
    return providers::make_bridge_whatsapp(options, context);
  }
  if (provider == "meta") {
    providers::MetaWhatsAppOptions options;
    if (settings.has("meta_api_base_url")) options.base_url = settings.string("meta_api_base_url");
    options.phone_number_id = settings.string("whatsapp_from");
    options.access_token = settings.string("meta_access_token");
    return providers::make_meta_whatsapp(options, context);
  }
  return std::unique_ptr<WhatsAppSender>();
}

}  // namespace al::agentd
