// The pure parts of whatsapp.h: the 24-hour rule and Meta's webhook.
#include "providers/whatsapp.h"

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "core/utf8.h"

namespace al::providers {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxEvents = 100;

std::string with_plus(const std::string& digits) {
  return digits.empty() || digits.front() == '+' ? digits : "+" + digits;
}

const json& array_member(const json& object, std::string_view name) {
  static const json kEmpty = json::array();
  const json* member = json_member(object, name);
  return member != nullptr && member->is_array() ? *member : kEmpty;
}

WhatsAppInbound read_message(const json& message, const std::map<std::string, std::string>& names) {
  WhatsAppInbound inbound;
  inbound.message_id = json_string(message, "id");
  inbound.from = with_plus(json_string(message, "from"));
  if (const auto name = names.find(json_string(message, "from")); name != names.end())
    inbound.profile_name = name->second;
  const std::string type = json_string(message, "type");
  const json* content = json_member(message, type);
  if (content == nullptr || !content->is_object()) return inbound;
  if (type == "text") {
    inbound.text = json_string(*content, "body");
  } else if (type == "button") {
    inbound.text = json_string(*content, "text");
  } else if (type == "interactive") {
    for (const char* kind : {"button_reply", "list_reply"}) {
      if (const json* reply = json_member(*content, kind)) inbound.text = json_string(*reply, "title");
    }
  } else {
    inbound.media_type = type;
    inbound.media_id = json_string(*content, "id");
    inbound.text = json_string(*content, "caption");
  }
  inbound.text = std::string(truncate_utf8(inbound.text, 4096 * 4));
  return inbound;
}

WhatsAppStatus read_status(const json& status) {
  WhatsAppStatus result;
  result.message_id = json_string(status, "id");
  result.status = json_string(status, "status");
  const json& errors = array_member(status, "errors");
  if (!errors.empty()) {
    result.error = std::to_string(json_int(errors.front(), "code").value_or(0)) + " " +
                   printable_excerpt(json_string(errors.front(), "title"));
  }
  return result;
}

}  // namespace

WhatsAppForm decide_whatsapp(std::optional<WallTime> last_inbound, WallTime now, bool has_template, bool has_window) {
  constexpr auto kWindow = std::chrono::hours(24) - std::chrono::minutes(5);
  if (!has_window || (last_inbound && now - *last_inbound < kWindow)) return WhatsAppForm::kFreeText;
  return has_template ? WhatsAppForm::kTemplate : WhatsAppForm::kNotNow;
}

bool meta_signature_is_valid(std::string_view header, std::string_view raw_body,
                             const std::vector<std::string>& app_secrets) {
  constexpr std::string_view kScheme = "sha256=";
  if (!header.starts_with(kScheme)) return false;
  const auto given = from_hex(header.substr(kScheme.size()));
  if (!given) return false;
  bool valid = false;
  for (const std::string& secret : app_secrets) {
    if (secret.empty()) continue;  // an unset secret must not open the door
    const Sha256Digest digest = hmac_sha256(secret, raw_body);
    valid = constant_time_equal(*given, as_bytes(digest)) || valid;
  }
  return valid;
}

std::optional<std::string> meta_verify_challenge(const std::map<std::string, std::string>& query,
                                                 std::string_view verify_token) {
  const auto value = [&](const char* name) {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  };
  if (verify_token.empty() || value("hub.mode") != "subscribe") return {};
  if (!constant_time_equal(value("hub.verify_token"), verify_token)) return {};
  // It is echoed as text/plain; digits are what Meta sends, and nothing else is sent back.
  std::string challenge = value("hub.challenge");
  const bool digits = !challenge.empty() && challenge.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) return {};
  return challenge;
}

Result<MetaEvents> parse_meta_webhook(std::string_view body) {
  const auto document = parse_json(body, std::size_t{1} << 20);
  if (!document) return fail(Errc::kMalformed, "webhook: " + document.error().detail);
  if (json_string(*document, "object") != "whatsapp_business_account") {
    return fail(Errc::kMalformed, "webhook: 'object' is not whatsapp_business_account");
  }
  MetaEvents events;
  for (const json& entry : array_member(*document, "entry")) {
    for (const json& change : array_member(entry, "changes")) {
      const json* value = json_member(change, "value");
      if (value == nullptr) continue;
      std::map<std::string, std::string> names;
      for (const json& contact : array_member(*value, "contacts")) {
        const json* profile = json_member(contact, "profile");
        if (profile != nullptr) names[json_string(contact, "wa_id")] = json_string(*profile, "name");
      }
      for (const json& message : array_member(*value, "messages")) {
        if (events.messages.size() < kMaxEvents) events.messages.push_back(read_message(message, names));
      }
      for (const json& status : array_member(*value, "statuses")) {
        if (events.statuses.size() < kMaxEvents) events.statuses.push_back(read_status(status));
      }
    }
  }
  return events;
}

}  // namespace al::providers
