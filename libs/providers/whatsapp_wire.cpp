#include "providers/whatsapp_wire.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "core/utf8.h"
#include "providers/tts_dialect.h"

namespace al::providers {
namespace {

using nlohmann::json;

constexpr std::size_t kMetaTextLimit = 4096;
constexpr std::size_t kTwilioTextLimit = 1600;

Result<void> check_message(const WhatsAppMessage& message, std::size_t text_limit) {
  if (!is_e164(message.to)) return fail(Errc::kMalformed, "whatsapp: 'to' is not an international number (+972…)");
  if (message.message_template) {
    if (message.message_template->name.empty()) return fail(Errc::kMalformed, "whatsapp: the template has no name");
    return {};
  }
  if (message.text.empty()) return fail(Errc::kMalformed, "whatsapp: the message has no text");
  if (count_codepoints(message.text) > text_limit) {
    return fail(Errc::kMalformed, "whatsapp: the text is longer than " + std::to_string(text_limit) + " characters");
  }
  return {};
}

net::ClientRequest post(std::string url, net::HttpHeaders headers, std::string body,
                        const net::HttpTimeouts& timeouts) {
  return {.method = "POST",
          .url = std::move(url),
          .headers = std::move(headers),
          .body = std::move(body),
          .timeouts = timeouts,
          .max_body = 256 * 1024};
}

std::string form_field(std::string_view name, std::string_view value) {
  return percent_encode(name) + "=" + percent_encode(value);
}

// The inside of a JSON string: a template has its own quotes around {text}.
std::string json_inner(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

// One pass over the template, so that braces inside a message are never taken for placeholders.
template <typename Encode>
std::string fill_template(std::string_view pattern, const BridgeWhatsAppOptions& options,
                          const WhatsAppMessage& message, Encode encode) {
  const std::pair<std::string_view, std::string> values[] = {{"{to}", encode(std::string_view(message.to).substr(1))},
                                                             {"{+to}", encode(message.to)},
                                                             {"{from}", encode(options.from)},
                                                             {"{id}", encode(message.idempotency_key)},
                                                             {"{text}", encode(message.text)}};
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    const auto* hit = std::find_if(std::begin(values), std::end(values),
                                   [&](const auto& value) { return pattern.substr(at).starts_with(value.first); });
    if (hit == std::end(values)) {
      out.push_back(pattern[at++]);
    } else {
      out.append(hit->second);
      at += hit->first.size();
    }
  }
  return out;
}

// A parameter of a template is one line with single spaces: lines become parts of a list.
std::string on_one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      while (out.ends_with(' ')) out.pop_back();
      if (!out.empty() && !out.ends_with(',')) out += ',';
      out += ' ';
    } else if (c != ' ' && c != '\t' && c != '\r') {
      out += c;
    } else if (!out.empty() && !out.ends_with(' ')) {
      out += ' ';
    }
  }
  while (out.ends_with(' ') || out.ends_with(',')) out.pop_back();
  return out;
}

json meta_template(const WhatsAppTemplate& chosen) {
  json result = {{"name", chosen.name}, {"language", {{"code", chosen.language}}}};
  if (chosen.parameters.empty()) return result;
  json parameters = json::array();
  for (const std::string& text : chosen.parameters)
    parameters.push_back({{"type", "text"}, {"text", on_one_line(text)}});
  result["components"] = json::array({json{{"type", "body"}, {"parameters", std::move(parameters)}}});
  return result;
}

}  // namespace

bool is_e164(std::string_view number) {
  constexpr std::size_t kLeastDigits = 8;
  constexpr std::size_t kMostDigits = 15;  // ITU-T E.164
  if (!number.starts_with('+')) return false;
  number.remove_prefix(1);
  return number.size() >= kLeastDigits && number.size() <= kMostDigits && number.front() != '0' &&
         number.find_first_not_of("0123456789") == std::string_view::npos;
}

Result<net::ClientRequest> write_twilio_whatsapp(const TwilioWhatsAppOptions& options, const WhatsAppMessage& message) {
  if (auto checked = check_message(message, kTwilioTextLimit); !checked) return fail(checked.error());
  std::string form = form_field("To", "whatsapp:" + message.to);
  const bool service = options.from.starts_with("MG");
  form += "&" +
          (service ? form_field("MessagingServiceSid", options.from) : form_field("From", "whatsapp:" + options.from));
  if (message.message_template) {
    form += "&" + form_field("ContentSid", message.message_template->name);
    json variables = json::object();
    int number = 0;
    for (const std::string& text : message.message_template->parameters)
      variables[std::to_string(++number)] = on_one_line(text);
    if (!variables.empty()) form += "&" + form_field("ContentVariables", dump_json(variables));
  } else {
    form += "&" + form_field("Body", message.text);
  }
  if (!options.status_callback.empty()) form += "&" + form_field("StatusCallback", options.status_callback);
  return post(options.base_url + "/2010-04-01/Accounts/" + options.account_sid + "/Messages.json",
              {{"Content-Type", "application/x-www-form-urlencoded"},
               {"Authorization", "Basic " + base64_encode(options.user + ":" + options.password)}},
              std::move(form), options.timeouts);
}

Result<net::ClientRequest> write_bridge_whatsapp(const BridgeWhatsAppOptions& options, const WhatsAppMessage& message) {
  if (message.message_template) return fail(Errc::kUnsupported, "whatsapp bridge: it has no message templates");
  if (auto checked = check_message(message, kMetaTextLimit); !checked) return fail(checked.error());
  net::HttpHeaders headers{{"Content-Type", options.content_type}};
  for (const std::string& line : options.headers) {
    const std::size_t colon = line.find(':');
    std::size_t value = colon + 1;
    while (value < line.size() && line[value] == ' ') ++value;
    headers.push_back({line.substr(0, colon), line.substr(value)});
  }
  if (!message.idempotency_key.empty()) headers.push_back({"Idempotency-Key", message.idempotency_key});
  const bool is_json = options.content_type.find("json") != std::string::npos;
  std::string body = is_json ? fill_template(options.body_template, options, message, json_inner)
                             : fill_template(options.body_template, options, message, percent_encode);
  return post(fill_template(options.url, options, message, percent_encode), std::move(headers), std::move(body),
              options.timeouts);
}

Result<net::ClientRequest> write_meta_whatsapp(const MetaWhatsAppOptions& options, const WhatsAppMessage& message) {
  if (auto checked = check_message(message, kMetaTextLimit); !checked) return fail(checked.error());
  json body = {{"messaging_product", "whatsapp"}, {"to", message.to.substr(1)}};
  if (message.message_template) {
    body["type"] = "template";
    body["template"] = meta_template(*message.message_template);
  } else {
    body["type"] = "text";
    body["text"] = {{"body", message.text}};
  }
  return post(options.base_url + "/" + percent_encode(options.phone_number_id) + "/messages",
              {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + options.access_token}},
              dump_json(body), options.timeouts);
}

Result<WhatsAppReceipt> read_twilio_receipt(std::string_view body) {
  const auto document = parse_json(body);
  if (!document) return fail(Errc::kMalformed, "twilio: the reply is not JSON");
  WhatsAppReceipt receipt{
      .provider = "twilio", .message_id = json_string(*document, "sid"), .status = json_string(*document, "status")};
  if (receipt.message_id.empty()) return fail(Errc::kMalformed, "twilio: the reply has no 'sid'");
  return receipt;
}

Result<WhatsAppReceipt> read_bridge_receipt(std::string_view body) {
  WhatsAppReceipt receipt{.provider = "bridge", .message_id = {}, .status = "sent"};
  const auto document = parse_json(body);
  if (!document || !document->is_object()) return receipt;
  for (const char* name : {"id", "messageId"}) {
    if (receipt.message_id.empty()) receipt.message_id = json_string(*document, name);
  }
  for (const auto& [holder, name] : {std::pair{"key", "id"}, std::pair{"id", "_serialized"}}) {
    const json* inner = json_member(*document, holder);
    if (receipt.message_id.empty() && inner != nullptr) receipt.message_id = json_string(*inner, name);
  }
  return receipt;
}

Result<WhatsAppReceipt> read_meta_receipt(std::string_view body) {
  const auto document = parse_json(body);
  if (!document) return fail(Errc::kMalformed, "meta: the reply is not JSON");
  const json* messages = json_member(*document, "messages");
  WhatsAppReceipt receipt{.provider = "meta", .message_id = {}, .status = "sent"};
  if (messages != nullptr && messages->is_array() && !messages->empty()) {
    receipt.message_id = json_string(messages->front(), "id");
    receipt.status = json_string(messages->front(), "message_status", "sent");
  }
  if (receipt.message_id.empty()) return fail(Errc::kMalformed, "meta: the reply has no message id");
  return receipt;
}

Error whatsapp_refusal(std::string_view provider, int status, std::string_view body, const net::HttpHeaders& headers) {
  constexpr std::int64_t kMetaOutsideWindow = 131047;
  constexpr std::int64_t kTwilioOutsideWindow = 63016;
  constexpr std::int64_t kTwilioOptedOut = 21610;
  Error error = http_refusal(provider, status, body, headers, wall_now());
  const auto document = parse_json(body);
  if (!document) return error;
  const json* inner = json_member(*document, "error");
  const auto code = json_int(inner != nullptr ? *inner : *document, "code");
  if (code == kMetaOutsideWindow || code == kTwilioOutsideWindow) {
    error.code = Errc::kRejected;
    error.detail += " (outside the 24-hour window: a template is needed)";
  } else if (code == kTwilioOptedOut) {
    error.code = Errc::kRejected;
    error.detail += " (the person has opted out)";
  }
  return error;
}

}  // namespace al::providers
