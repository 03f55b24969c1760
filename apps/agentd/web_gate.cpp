#include "agentd/web_gate.h"

#include <utility>

#include "core/log.h"

namespace al::agentd {
namespace {

constexpr std::string_view kSignatureHeader = "X-Twilio-Signature";
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

std::string_view first_element(std::string_view list) {
  list = list.substr(0, list.find(','));
  while (!list.empty() && list.front() == ' ') list.remove_prefix(1);
  while (!list.empty() && list.back() == ' ') list.remove_suffix(1);
  return list;
}

bool is_form(const net::HttpRequest& request) {
  const std::string_view type = request.header("Content-Type").value_or("");
  return net::equals_ignoring_case(first_element(type.substr(0, type.find(';'))), kFormType);
}

}  // namespace

Result<std::unique_ptr<WebGate>> WebGate::make(const Settings& settings) {
  std::unique_ptr<WebGate> gate(new WebGate(static_cast<int>(settings.integer("api_rate_per_min"))));
  gate->public_base_url_ = settings.string("public_base_url");
  while (gate->public_base_url_.ends_with('/')) gate->public_base_url_.pop_back();
  auto trusted = AddressList::parse(settings.list("trusted_proxies"));
  if (!trusted) return fail(trusted.error());
  gate->trusted_ = std::move(*trusted);
  gate->tokens_ = settings.list("twilio_auth_token");
  const auto rule = twilio::signature_url_from_text(settings.string("signature_url"));
  if (!rule) return fail(rule.error());
  gate->options_.url = *rule;
  const std::string& upgrades = settings.string("ws_signature");
  gate->upgrade_rule_ = upgrades == "require" ? UpgradeRule::kRequire
                        : upgrades == "off"   ? UpgradeRule::kOff
                                              : UpgradeRule::kWhenPresent;
  return gate;
}

Result<std::string> WebGate::url_of(const net::HttpRequest& request, twilio::RequestKind kind) const {
  twilio::RequestOrigin origin;
  origin.public_base_url = public_base_url_;
  origin.from_trusted_proxy = trusted_.contains(request.peer_address);
  origin.forwarded_proto = request.header("X-Forwarded-Proto").value_or("");
  origin.forwarded_host = request.header("X-Forwarded-Host").value_or("");
  origin.host = request.header("Host").value_or("");
  origin.tls = request.tls;
  return twilio::effective_url(origin, request.target, kind);
}

std::string WebGate::client_address(const net::HttpRequest& request) const {
  if (trusted_.contains(request.peer_address)) {
    const std::string_view forwarded = first_element(request.header("X-Forwarded-For").value_or(""));
    if (!forwarded.empty() && forwarded.size() <= 64) return std::string(forwarded);
  }
  return request.peer_address;
}

Result<Webhook> WebGate::read(const net::HttpRequestPtr& request) const {
  Webhook hook;
  hook.http = request;
  const auto url = url_of(*request, twilio::RequestKind::kWebhook);
  if (!url) return fail(url.error());
  // Whatever stands before our path is ours: scheme, host, port and the prefix of a proxy.
  hook.base = url->substr(0, url->size() - request->target.size());
  while (hook.base.ends_with('/')) hook.base.pop_back();
  auto form = twilio::parse_form(is_form(*request) ? std::string_view(request->body) : request->query());
  if (!form) return fail(form.error());
  hook.form = std::move(*form);
  return hook;
}

bool WebGate::verify(const net::HttpRequest& request, Webhook& hook) const {
  const auto url = url_of(request, twilio::RequestKind::kWebhook);
  if (!url) return false;
  twilio::SignedRequest signed_request;
  signed_request.url = *url;
  if (is_form(request)) {
    signed_request.form = &hook.form;
  } else if (!request.body.empty()) {
    signed_request.body = request.body;
  }
  const auto verdict =
      twilio::verify_signature(signed_request, request.header(kSignatureHeader).value_or(""), tokens_, options_);
  hook.is_signed = verdict.ok;
  if (!verdict.ok) {
    log::warn("SIGNATURE_REFUSED", {{"path", request.path()},
                                    {"client", client_address(request)},
                                    {"why", twilio::to_string(verdict.fault)},
                                    {"detail", verdict.detail}});
  } else if (verdict.matched_rule != "as requested" || verdict.token_index > 0) {
    log::info("SIGNATURE_MATCHED",
              {{"path", request.path()}, {"rule", verdict.matched_rule}, {"token", verdict.token_index}});
  }
  return verdict.ok;
}

net::HttpResponse WebGate::refuse(const net::HttpRequest& request, int status) const {
  if (!strangers_.allow(client_address(request), request.received)) return too_many();
  return net::HttpResponse::text(status, status == 403 ? "Forbidden\n" : "Bad request\n");
}

net::HttpResponse WebGate::too_many() const {
  net::HttpResponse response = net::HttpResponse::text(429, "Too many requests\n");
  response.headers.push_back({"Retry-After", std::to_string(strangers_.retry_after_s())});
  return response;
}

net::HttpHandler WebGate::require_signature(WebhookHandler handler) const {
  return [this, handler = std::move(handler)](const net::HttpRequestPtr& request, net::Responder respond) {
    auto hook = read(request);
    if (!hook) {
      ++counters_.malformed;
      log::warn("WEBHOOK_MALFORMED", {{"path", request->path()}, {"detail", hook.error().detail}});
      respond(refuse(*request, 400));
      return;
    }
    if (!verify(*request, *hook)) {
      ++counters_.refused;
      respond(refuse(*request, 403));
      return;
    }
    ++counters_.accepted;
    handler(*hook, std::move(respond));
  };
}

net::HttpHandler WebGate::status_route(std::function<net::HttpResponse()> answer,
                                       std::function<void(const Webhook&)> handler) const {
  return [this, answer = std::move(answer), handler = std::move(handler)](const net::HttpRequestPtr& request,
                                                                          net::Responder respond) {
    auto hook = read(request);
    const bool valid = hook && verify(*request, *hook);
    // The answer never waits for what the report sets in motion.
    respond(answer());
    if (!hook) {
      ++counters_.malformed;
    } else if (!valid) {
      ++counters_.unsigned_;
    } else {
      ++counters_.accepted;
      handler(*hook);
    }
  };
}

net::HttpHandler WebGate::signed_or(std::function<net::HttpResponse()> answer, WebhookHandler handler) const {
  return [this, answer = std::move(answer), handler = std::move(handler)](const net::HttpRequestPtr& request,
                                                                          net::Responder respond) {
    auto hook = read(request);
    if (!hook) {
      ++counters_.malformed;
      respond(answer());
    } else if (!verify(*request, *hook)) {
      ++counters_.unsigned_;
      respond(answer());
    } else {
      ++counters_.accepted;
      handler(*hook, std::move(respond));
    }
  };
}

net::HttpHandler WebGate::open(WebhookHandler handler) const {
  return [this, handler = std::move(handler)](const net::HttpRequestPtr& request, net::Responder respond) {
    if (!strangers_.allow(client_address(*request), request->received)) {
      respond(too_many());
      return;
    }
    auto hook = read(request);
    if (!hook) {
      ++counters_.malformed;
      respond(net::HttpResponse::text(400, "Bad request\n"));
      return;
    }
    handler(*hook, std::move(respond));
  };
}

WebGate::UpgradeVerdict WebGate::check_upgrade(const net::HttpRequest& request) const {
  const auto header = request.header(kSignatureHeader);
  if (upgrade_rule_ == UpgradeRule::kOff) return {true, false, "signature not looked at (WS_SIGNATURE=off)"};
  if (!header) {
    if (upgrade_rule_ == UpgradeRule::kRequire) return {false, true, "no signature, and WS_SIGNATURE=require"};
    return {true, false, "no signature offered"};
  }
  const auto url = url_of(request, twilio::RequestKind::kWebSocket);
  if (!url) return {false, true, url.error().detail};
  twilio::SignedRequest signed_request;
  signed_request.url = *url;
  signed_request.kind = twilio::RequestKind::kWebSocket;
  const auto verdict = twilio::verify_signature(signed_request, *header, tokens_, options_);
  if (verdict.ok) return {true, true, verdict.matched_rule};
  return {false, true, std::string(twilio::to_string(verdict.fault)) + ": " + verdict.detail};
}

}  // namespace al::agentd
