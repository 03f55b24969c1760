#include "agentd/message_routes.h"

#include <map>
#include <utility>

#include "core/log.h"
#include "providers/whatsapp.h"
#include "twilio/twiml.h"
#include "twilio/webhook_params.h"

namespace al::agentd {
namespace {

constexpr std::string_view kWhatsAppPrefix = "whatsapp:";

std::string plain_number(std::string_view number) {
  if (number.starts_with(kWhatsAppPrefix)) number.remove_prefix(kWhatsAppPrefix.size());
  return std::string(number);
}

net::HttpResponse nothing_to_say() {
  net::HttpResponse response;
  response.content_type = twilio::kTwimlContentType;
  response.body = twilio::empty_twiml();
  return response;
}

}  // namespace

MessageRoutes::MessageRoutes(const Settings& settings, const WebGate& gate, store::AsyncStore& store,
                             MessageService& messages, dialog::LanguageModel& model, LeadService& leads,
                             std::shared_ptr<const dialog::Persona> persona, net::Loop& loop)
    : gate_(gate),
      store_(store),
      chat_(loop, model, std::move(persona), messages, leads),
      meta_verify_token_(settings.string("meta_verify_token")),
      meta_secrets_(settings.has("meta_app_secret") ? std::vector{settings.string("meta_app_secret")}
                                                    : std::vector<std::string>{}) {}

std::vector<net::Route> MessageRoutes::routes() {
  std::vector<net::Route> routes;
  routes.push_back({{"POST"},
                    "/webhook/whatsapp/incoming",
                    gate_.require_signature(
                        [this](const Webhook& hook, net::Responder respond) { incoming(hook, std::move(respond)); })});
  routes.push_back({{"POST"},
                    "/webhook/whatsapp/status",
                    gate_.status_route([] { return net::HttpResponse::empty(204); },
                                       [this](const Webhook& hook) { status(hook); })});
  routes.push_back({{"GET"}, "/webhook/whatsapp/meta", net::at_once([this](const net::HttpRequest& request) {
                      return verify_meta(request);
                    })});
  routes.push_back({{"POST"}, "/webhook/whatsapp/meta", net::at_once([this](const net::HttpRequest& request) {
                      return meta_events(request);
                    })});
  return routes;
}

void MessageRoutes::incoming(const Webhook& hook, net::Responder respond) {
  const auto message = twilio::read_message(hook.form);
  if (!message) {
    log::warn("WEBHOOK_MALFORMED", {{"path", "/webhook/whatsapp/incoming"}, {"detail", message.error().detail}});
    respond(net::HttpResponse::text(400, "Bad request\n"));
    return;
  }
  respond(
      nothing_to_say());  // the answer goes out as a message of its own: the webhook has 15 s, a model may need more
  store::MessageRecord record;
  record.provider = "twilio";
  record.provider_id = message->message_sid;
  record.inbound = true;
  record.from = plain_number(message->from);
  record.to = plain_number(message->to);
  record.body = message->body;
  for (const twilio::MessageMedia& media : message->media) record.media.push_back(media.url);
  record.status = store::MessageStatus::kReceived;
  record.at = wall_now();
  take(std::move(record), message->profile_name);
}

void MessageRoutes::take(store::MessageRecord record, const std::string& profile_name) {
  log::info("WHATSAPP_IN",
            {{"from", log::phone(record.from)}, {"chars", record.body.size()}, {"media", record.media.size()}});
  // Webhooks are repeated for days: only the first one is answered.
  store_.ask<bool>([record](store::Store& store) { return store.records().put_message(record); }, seconds{5},
                   [this, record, profile_name](Result<bool> is_new) {
                     if (is_new && !*is_new) return;
                     if (!is_new) {
                       (void)store_.write("message", [record](store::Store& store) -> Result<void> {
                         const auto done = store.records().put_message(record);
                         return done ? Result<void>() : fail(done.error());
                       });
                     }
                     chat_.message({record.from, record.body, profile_name, record.provider_id, !record.media.empty()});
                   });
}

void MessageRoutes::status(const Webhook& hook) {
  const auto report = twilio::read_message_status(hook.form);
  if (!report) return;
  const std::string error = report->error_code ? std::to_string(*report->error_code) + " " + report->error_message : "";
  update("twilio", report->message_sid, report->status, error);
}

void MessageRoutes::update(const std::string& provider, const std::string& id, const std::string& status,
                           const std::string& error) {
  const auto parsed = store::parse_message_status(status);
  if (!parsed) return;
  log::info("WHATSAPP_STATUS", {{"id", id}, {"status", status}, {"error", error}});
  (void)store_.write("message_status", [provider, id, parsed = *parsed, error](store::Store& store) -> Result<void> {
    const auto done = store.records().set_message_status(provider, id, parsed, error);
    return done ? Result<void>() : fail(done.error());
  });
}

net::HttpResponse MessageRoutes::verify_meta(const net::HttpRequest& request) const {
  const auto form = twilio::parse_form(request.query());
  if (!form || meta_verify_token_.empty()) return net::HttpResponse::text(403, "Forbidden\n");
  std::map<std::string, std::string> query;
  for (const twilio::FormParam& param : form->entries()) query[param.key] = param.value;
  const auto challenge = providers::meta_verify_challenge(query, meta_verify_token_);
  return challenge ? net::HttpResponse::text(200, *challenge) : net::HttpResponse::text(403, "Forbidden\n");
}

net::HttpResponse MessageRoutes::meta_events(const net::HttpRequest& request) {
  const std::string_view signature = request.header("X-Hub-Signature-256").value_or("");
  if (meta_secrets_.empty() || !providers::meta_signature_is_valid(signature, request.body, meta_secrets_)) {
    log::warn("SIGNATURE_REFUSED", {{"path", request.path()}, {"client", gate_.client_address(request)}});
    return net::HttpResponse::text(403, "Forbidden\n");
  }
  const auto events = providers::parse_meta_webhook(request.body);
  if (!events) return net::HttpResponse::text(400, "Bad request\n");
  for (const providers::WhatsAppInbound& message : events->messages) {
    store::MessageRecord record;
    record.provider = "meta";
    record.provider_id = message.message_id;
    record.inbound = true;
    record.from = message.from;
    record.body = message.text;
    if (!message.media_id.empty()) record.media.push_back(message.media_type + ":" + message.media_id);
    record.status = store::MessageStatus::kReceived;
    record.at = wall_now();
    take(std::move(record), message.profile_name);
  }
  for (const providers::WhatsAppStatus& status : events->statuses) {
    update("meta", status.message_id, status.status, status.error);
  }
  return net::HttpResponse::empty(200);
}

}  // namespace al::agentd
