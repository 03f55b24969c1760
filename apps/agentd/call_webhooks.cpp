#include "agentd/call_webhooks.h"

#include <utility>

#include "core/log.h"
#include "twilio/twiml.h"
#include "twilio/webhook_params.h"

namespace al::agentd {

using store::OfferKind;

namespace {

net::HttpResponse twiml(std::string document) {
  net::HttpResponse response;
  response.content_type = twilio::kTwimlContentType;
  response.body = std::move(document);
  response.headers = {{"Cache-Control", "no-store"}};
  return response;
}

net::HttpResponse bad_request(const Error& error) {
  log::warn("WEBHOOK_MALFORMED", {{"detail", error.detail}});
  return net::HttpResponse::text(400, "Bad request\n");
}

// Made up for previews: the shape of a call identifier that Twilio never gives out.
const CallSid kPreviewCall{"CA00000000000000000000000000000000"};

constexpr milliseconds kWebhookDeadline{5'000};

}  // namespace

CallWebhooks::CallWebhooks(Options options, const WebGate& gate, CallDesk& desk, const CallPages& pages,
                           store::AsyncStore& store, const PlaybackService* playback)
    : options_(std::move(options)), gate_(gate), desk_(desk), pages_(pages), store_(store), playback_(playback) {}

std::vector<net::Route> CallWebhooks::routes() {
  const std::vector<std::string> form{"application/x-www-form-urlencoded", "application/json"};
  const auto signed_route = [&](std::vector<std::string> methods, std::string pattern,
                                void (CallWebhooks::*handler)(const Webhook&, net::Responder)) {
    return net::Route{std::move(methods),
                      std::move(pattern),
                      gate_.require_signature([this, handler](const Webhook& hook, net::Responder respond) {
                        (this->*handler)(hook, std::move(respond));
                      }),
                      form,
                      false,
                      kWebhookDeadline};
  };
  const auto no_content = [] { return net::HttpResponse::empty(204); };
  std::vector<net::Route> routes;
  routes.push_back(signed_route({"GET", "POST"}, "/webhook/incoming_call", &CallWebhooks::incoming));
  routes.push_back(signed_route({"GET", "POST"}, "/webhook/handle_recording", &CallWebhooks::recording));
  routes.push_back(
      {{"GET"}, "/webhook/incoming_call_preview", gate_.open([this](const Webhook& hook, net::Responder respond) {
         preview(hook, std::move(respond));
       })});
  routes.push_back({{"POST"},
                    "/webhook/stream_status",
                    gate_.status_route(no_content, [this](const Webhook& hook) { stream_status(hook); }),
                    form});
  routes.push_back({{"POST"},
                    "/webhook/call_status",
                    gate_.status_route(no_content, [this](const Webhook& hook) { call_status(hook); }),
                    form});
  // An unsigned request gets what ends a call and changes nothing; only a signed one is asked about.
  routes.push_back(
      {{"POST"},
       "/webhook/stream_ended",
       gate_.signed_or(
           [this] {
             return options_.stream_ended_without_content ? net::HttpResponse::empty(204) : twiml(CallPages::over());
           },
           [this](const Webhook& hook, net::Responder respond) { stream_ended(hook, std::move(respond)); }),
       form,
       false,
       kWebhookDeadline});
  return routes;
}

void CallWebhooks::remember(const twilio::VoiceRequest& request) {
  store::CallRecord record;
  record.sid = request.call_sid;
  record.from = request.from;
  record.to = request.to;
  record.status = store::CallStatus::kRinging;
  record.persona = options_.persona;
  record.language = options_.language;
  record.node = options_.node;
  record.started = wall_now();
  (void)store_.write("put_call", [record](store::Store& store) { return store.records().put_call(record); });
}

void CallWebhooks::incoming(const Webhook& hook, net::Responder respond) {
  const auto request = twilio::read_voice_request(hook.form);
  if (!request) {
    respond(bad_request(request.error()));
    return;
  }
  log::info("CALL_INCOMING",
            {{"call", request->call_sid.str()}, {"from", log::phone(request->from)}, {"to", log::phone(request->to)}});
  remember(*request);
  offer(OfferKind::kNewCall, hook, *request, std::move(respond));
}

void CallWebhooks::offer(OfferKind kind, const Webhook& hook, const twilio::VoiceRequest& request,
                         net::Responder respond) {
  desk_.offer(
      kind, request, hook.base,
      [this, base = hook.base, call = request.call_sid, respond = std::move(respond)](const CallDesk::Offer& offer) {
        switch (offer.answer) {
          case CallDesk::Answer::kStream:
            respond(twiml(pages_.connect(base, {call, offer.token, offer.resumes})));
            if (options_.stream_expected) options_.stream_expected();
            break;
          case CallDesk::Answer::kFull:
            respond(twiml(pages_.full(base)));
            break;
          case CallDesk::Answer::kHold:
            respond(twiml(CallPages::ask_again(base)));
            break;
          case CallDesk::Answer::kTooManyResumes:
            respond(twiml(pages_.resumed_too_often(base)));
            break;
          case CallDesk::Answer::kVoicemail:
            respond(twiml(pages_.voicemail(base)));
            break;
          case CallDesk::Answer::kOver:
            respond(twiml(CallPages::over()));
            break;
        }
      });
}

void CallWebhooks::preview(const Webhook& hook, net::Responder respond) {
  respond(twiml(pages_.connect(hook.base, {kPreviewCall, desk_.preview_token(kPreviewCall), 0})));
}

void CallWebhooks::stream_ended(const Webhook& hook, net::Responder respond) {
  const auto request = twilio::read_voice_request(hook.form);
  if (!request) {
    respond(bad_request(request.error()));
    return;
  }
  if (options_.stream_ended_without_content) {
    respond(net::HttpResponse::empty(204));
    return;
  }
  if (request->status && twilio::is_terminal(*request->status)) {
    desk_.call_over(request->call_sid, "call " + std::string(twilio::to_string(*request->status)));
    respond(twiml(CallPages::over()));
    return;
  }
  if (playback_ != nullptr) {
    // Our own update ended the stream. Whether Twilio follows this answer or that update: it is the same document.
    if (auto document = playback_->document_of(request->call_sid)) {
      respond(twiml(std::move(*document)));
      return;
    }
  }
  offer(OfferKind::kResume, hook, *request, std::move(respond));
}

void CallWebhooks::stream_status(const Webhook& hook) {
  const auto report = twilio::read_stream_status(hook.form);
  if (!report) {
    log::warn("WEBHOOK_MALFORMED", {{"path", "/webhook/stream_status"}, {"detail", report.error().detail}});
    return;
  }
  const bool failed = report->event == twilio::StreamEvent::kError;
  log::event(failed ? log::Level::kWarn : log::Level::kInfo, "STREAM_STATUS",
             {{"call", report->call_sid.str()},
              {"stream", report->stream_sid.str()},
              {"event", hook.form.get("StreamEvent")},
              {"error", report->error}});
}

void CallWebhooks::call_status(const Webhook& hook) {
  const auto report = twilio::read_call_status(hook.form);
  if (!report) {
    log::warn("WEBHOOK_MALFORMED", {{"path", "/webhook/call_status"}, {"detail", report.error().detail}});
    return;
  }
  const std::string text(twilio::to_string(report->status));
  log::info("CALL_STATUS", {{"call", report->call_sid.str()}, {"status", text}});
  if (const auto status = store::parse_call_status(text)) {
    (void)store_.write("call_status", [call = report->call_sid, status = *status](store::Store& store) -> Result<void> {
      const auto done = store.records().set_call_status(call, status, wall_now());
      return done ? Result<void>() : fail(done.error());
    });
  }
  if (twilio::is_terminal(report->status)) desk_.call_over(report->call_sid, "call " + text);
}

void CallWebhooks::recording(const Webhook& hook, net::Responder respond) {
  const auto report = twilio::read_recording(hook.form);
  if (!report) {
    respond(bad_request(report.error()));
    return;
  }
  if (report->url.empty() && report->status.empty()) {
    // Twilio was sent here to let the caller leave a message.
    log::info("VOICEMAIL", {{"call", report->call_sid.str()}});
    respond(twiml(pages_.voicemail(hook.base)));
    return;
  }
  if (!report->url.empty()) {
    log::info(
        "RECORDING",
        {{"call", report->call_sid.str()}, {"seconds", report->duration_s.value_or(0)}, {"status", report->status}});
    store::CallRecord record;
    record.sid = report->call_sid;
    record.recording_url = report->url;
    record.end_reason = "voicemail";
    (void)store_.write("recording", [record](store::Store& store) { return store.records().put_call(record); });
  }
  // A status callback takes any answer; the <Record> action speaks its thanks.
  respond(report->status.empty() ? twiml(pages_.recorded(hook.base)) : net::HttpResponse::empty(204));
}

}  // namespace al::agentd
