#include "agentd/message_routes.h"

#include <atomic>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "agentd/opt_out_words.h"
#include "bridge/call_settings.h"
#include "core/json.h"
#include "core/log.h"
#include "providers/whatsapp.h"
#include "providers/whatsapp_wire.h"
#include "store/lead_handover.h"
#include "twilio/twiml.h"
#include "twilio/webhook_params.h"

namespace al::agentd {
namespace {

constexpr int kTwilioOutsideWindow = 63016;
constexpr std::string_view kWhatsAppPrefix = "whatsapp:";
constexpr Duration kStoreWait = seconds{5};  // Twilio gives a webhook 15 s, Meta about as much

std::string plain_number(std::string_view number) {
  if (number.starts_with(kWhatsAppPrefix)) number.remove_prefix(kWhatsAppPrefix.size());
  return std::string(number);
}

// The answer goes out as a message of its own: the webhook has 15 s, a model may need more.
net::HttpResponse nothing_to_say() {
  net::HttpResponse response;
  response.content_type = twilio::kTwimlContentType;
  response.body = twilio::empty_twiml();
  return response;
}

store::MessageRecord inbound_record(std::string provider, std::string id, std::string from, std::string text) {
  store::MessageRecord record;
  record.provider = std::move(provider);
  record.provider_id = std::move(id);
  record.inbound = true;
  record.from = std::move(from);
  record.body = std::move(text);
  record.status = store::MessageStatus::kReceived;
  record.at = wall_now();
  return record;
}

}  // namespace

MessageRoutes::MessageRoutes(const Settings& settings, const WebGate& gate, store::AsyncStore& store,
                             MessageService& messages, dialog::LanguageModel& model, LeadService& leads,
                             std::shared_ptr<const dialog::Persona> persona, net::Loop& loop)
    : gate_(gate),
      store_(store),
      messages_(messages),
      chat_(loop, model, std::move(persona), store, messages, leads, bridge::conversation_options(settings)),
      updates_(loop, store),
      meta_verify_token_(settings.string("meta_verify_token")),
      meta_secrets_(settings.has("meta_app_secret") ? std::vector{settings.string("meta_app_secret")}
                                                    : std::vector<std::string>{}),
      bridge_secret_(settings.string("whatsapp_bridge_secret")),
      recovery_(loop, store, [this](const store::MessageRecord& record) {
        answer({record, {}, {}});
      }) {}

std::vector<net::Route> MessageRoutes::routes() {
  const std::vector<std::string> form{"application/x-www-form-urlencoded"};
  const std::vector<std::string> json{"application/json"};
  std::vector<net::Route> routes;
  routes.push_back({{"POST"},
                    "/webhook/whatsapp/incoming",
                    gate_.require_signature(
                        [this](const Webhook& hook, net::Responder respond) { incoming(hook, std::move(respond)); }),
                    form});
  routes.push_back(
      {{"POST"},
       "/webhook/whatsapp/status",
       gate_.status_route([] { return net::HttpResponse::empty(204); }, [this](const Webhook& hook) { status(hook); }),
       form});
  routes.push_back({{"GET"}, "/webhook/whatsapp/meta", net::at_once([this](const net::HttpRequest& request) {
                      return verify_meta(request);
                    })});
  routes.push_back({{"POST"},
                    "/webhook/whatsapp/meta",
                    [this](const net::HttpRequestPtr& request, net::Responder respond) {
                      meta_events(*request, std::move(respond));
                    },
                    json});
  routes.push_back({{"POST"},
                    "/webhook/whatsapp/bridge",
                    [this](const net::HttpRequestPtr& request, net::Responder respond) {
                      bridge_events(*request, std::move(respond));
                    },
                    json});
  return routes;
}

// ---- Twilio ---------------------------------------------------------------------------------------------------------

void MessageRoutes::incoming(const Webhook& hook, net::Responder respond) {
  const auto message = twilio::read_message(hook.form);
  if (!message) {
    log::warn("WEBHOOK_MALFORMED", {{"path", "/webhook/whatsapp/incoming"}, {"detail", message.error().detail}});
    respond(net::HttpResponse::text(400, "Bad request\n"));
    return;
  }
  Incoming in;
  in.record = inbound_record("twilio", message->message_sid, plain_number(message->from), message->body);
  in.record.to = plain_number(message->to);
  for (const twilio::MessageMedia& media : message->media) in.record.media.push_back(media.url);
  in.profile_name = message->profile_name;
  in.opt_out = hook.form.get("OptOutType");
  take(in, [this, in, respond = std::move(respond)](bool ok) {
    if (!ok) {
      // Twilio does not ask again: it is written and answered as soon as the database is back.
      (void)store_.write("message", [record = in.record](store::Store& store) -> Result<void> {
        const auto done = store.records().put_message(record);
        return done ? Result<void>() : fail(done.error());
      });
      answer(in);
    }
    respond(nothing_to_say());
  });
}

void MessageRoutes::status(const Webhook& hook) {
  const auto report = twilio::read_message_status(hook.form);
  if (!report) {
    log::warn("WEBHOOK_MALFORMED", {{"path", "/webhook/whatsapp/status"}, {"detail", report.error().detail}});
    return;
  }
  const std::string error = report->error_code ? std::to_string(*report->error_code) + " " + report->error_message : "";
  updates_.apply("twilio", report->message_sid, report->status, error);
  if (report->error_code == kTwilioOutsideWindow) messages_.window_was_closed(report->message_sid);
}

// ---- Meta, a bridge -------------------------------------------------------------------------------------------------

net::HttpResponse MessageRoutes::verify_meta(const net::HttpRequest& request) const {
  const auto form = twilio::parse_form(request.query());
  if (!form || meta_verify_token_.empty()) return net::HttpResponse::text(403, "Forbidden\n");
  std::map<std::string, std::string> query;
  for (const twilio::FormParam& param : form->entries()) query[param.key] = param.value;
  const auto challenge = providers::meta_verify_challenge(query, meta_verify_token_);
  return challenge ? net::HttpResponse::text(200, *challenge) : net::HttpResponse::text(403, "Forbidden\n");
}

net::HttpResponse MessageRoutes::refuse(const net::HttpRequest& request) const {
  log::warn("SIGNATURE_REFUSED", {{"path", request.path()}, {"client", gate_.client_address(request)}});
  return net::HttpResponse::text(403, "Forbidden\n");
}

void MessageRoutes::meta_events(const net::HttpRequest& request, net::Responder respond) {
  const std::string_view signature = request.header("X-Hub-Signature-256").value_or("");
  if (meta_secrets_.empty() || !providers::meta_signature_is_valid(signature, request.body, meta_secrets_)) {
    respond(refuse(request));
    return;
  }
  const auto events = providers::parse_meta_webhook(request.body);
  if (!events) {
    log::warn("WEBHOOK_MALFORMED", {{"path", request.path()}, {"detail", events.error().detail}});
    respond(net::HttpResponse::text(400, "Bad request\n"));
    return;
  }
  for (const providers::WhatsAppStatus& status : events->statuses) {
    updates_.apply("meta", status.message_id, status.status, status.error);
  }
  std::vector<Incoming> messages;
  for (const providers::WhatsAppInbound& message : events->messages) {
    Incoming in;
    in.record = inbound_record("meta", message.message_id, message.from, message.text);
    if (!message.media_id.empty()) in.record.media.push_back(message.media_type + ":" + message.media_id);
    in.profile_name = message.profile_name;
    messages.push_back(std::move(in));
  }
  take_all(std::move(messages), std::move(respond));
}

// {"id":"…","from":"+9725…","text":"…","name":"…","media":["https://…"]} for a message, {"id":"…","status":"read"} for
// a report; signed like the webhooks we send ourselves (store/lead_handover.h).
void MessageRoutes::bridge_events(const net::HttpRequest& request, net::Responder respond) {
  const std::string_view signature = request.header("X-AgentLocator-Signature").value_or("");
  if (bridge_secret_.empty() || !store::verify_webhook(signature, request.body, bridge_secret_, wall_now())) {
    respond(refuse(request));
    return;
  }
  const auto body = parse_json(request.body);
  const std::string id = body ? json_string(*body, "id") : std::string();
  if (id.empty()) {
    respond(
        net::HttpResponse::json(400, dump_json({{"error", "the body must be a JSON object with an \"id\""}}) + "\n"));
    return;
  }
  if (const std::string status = json_string(*body, "status"); !status.empty()) {
    updates_.apply("bridge", id, status, json_string(*body, "error"));
    respond(net::HttpResponse::empty(204));
    return;
  }
  Incoming in;
  in.record = inbound_record("bridge", id, json_string(*body, "from"), json_string(*body, "text"));
  if (!providers::is_e164(in.record.from)) {
    respond(net::HttpResponse::json(400, dump_json({{"error", "\"from\" must be a number as +972501234567"}}) + "\n"));
    return;
  }
  if (const auto* media = json_member(*body, "media"); media != nullptr && media->is_array()) {
    for (const auto& url : *media) {
      if (url.is_string() && in.record.media.size() < 10) in.record.media.push_back(url.get<std::string>());
    }
  }
  in.profile_name = json_string(*body, "name");
  take_all({std::move(in)}, std::move(respond));
}

// These networks ask again for days: what could not be written down is not acknowledged.
void MessageRoutes::take_all(std::vector<Incoming> messages, net::Responder respond) {
  if (messages.empty()) {
    respond(net::HttpResponse::empty(200));
    return;
  }
  struct Progress {
    std::atomic<std::size_t> open;
    std::atomic<bool> ok{true};
  };
  const auto progress = std::make_shared<Progress>();
  progress->open = messages.size();
  for (Incoming& message : messages) {
    take(std::move(message), [progress, respond](bool ok) {
      if (!ok) progress->ok = false;
      if (progress->open.fetch_sub(1) == 1) respond(net::HttpResponse::empty(progress->ok ? 200 : 503));
    });
  }
}

// ---- one message ----------------------------------------------------------------------------------------------------

void MessageRoutes::take(Incoming message, Stored stored) {
  log::info("WHATSAPP_IN", {{"from", log::phone(message.record.from)},
                            {"chars", message.record.body.size()},
                            {"media", message.record.media.size()}});
  // Webhooks are repeated: only the first one is answered.
  store_.ask<bool>([record = message.record](store::Store& store) { return store.records().put_message(record); },
                   kStoreWait,
                   [this, message, stored = std::move(stored)](const Result<bool>& is_new) {
                     if (is_new && *is_new) answer(message);
                     stored(is_new.has_value());
                   });
}

void MessageRoutes::answer(const Incoming& message) {
  const store::MessageRecord& record = message.record;
  const OptOutWord word = opt_out_word(message.opt_out, record.body);
  if (word != OptOutWord::kNone) {
    const bool out = word == OptOutWord::kStop;
    log::info(out ? "OPT_OUT" : "OPT_IN", {{"from", log::phone(record.from)}});
    (void)store_.write("opt_out", [from = record.from, out](store::Store& store) {
      return store.records().set_opt_out(from, out, wall_now());
    });
    if (out) return;
  }
  if (!messages_.available()) return;  // written down, and nobody could answer
  chat_.message({record.from, record.body, message.profile_name, record.provider_id, !record.media.empty()});
}

}  // namespace al::agentd
