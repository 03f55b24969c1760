// The fakes of Google's token endpoint and of the three ways to send WhatsApp messages.
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "providers/fakes/fake_handlers.h"
#include "providers/google_auth.h"

namespace al::providers {
namespace {

using nlohmann::json;

std::string form_value(const std::string& body, std::string_view name) {
  RawRequest as_query;
  as_query.target = "?" + body;
  return as_query.query(name);
}

void answer(RawConnection& connection, int status, const std::string& body) {
  send_response(connection, status, {{"Content-Type", "application/json"}}, body);
}

std::string meta_error(int code, const char* message) {
  return dump_json(
      {{"error", {{"message", message}, {"type", "OAuthException"}, {"code", code}, {"fbtrace_id", "A1"}}}});
}

}  // namespace

void serve_token(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kOther);
  const std::string assertion = form_value(request.body, "assertion");
  const auto payload = verify_jwt(assertion, context.keys.service_account_public_key);
  const bool right_grant = form_value(request.body, "grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer";
  if (!payload || !right_grant || fault == Fault::kUnauthorized) {
    answer(connection, 400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})");
    return;
  }
  const auto claims = parse_json(*payload);
  const auto issued = json_int(*claims, "iat").value_or(0);
  const auto expires = json_int(*claims, "exp").value_or(0);
  constexpr std::int64_t kLongest = 3600;
  if (json_string(*claims, "scope").empty() || json_string(*claims, "iss").empty() || expires - issued > kLongest) {
    answer(connection, 400, R"({"error":"invalid_grant","error_description":"Invalid JWT: claims"})");
    return;
  }
  FakeReply reply;
  reply.content_type = "application/json";
  const json token = {{"access_token", "ya29.fake-" + random_token(8)}, {"expires_in", 3599}, {"token_type", "Bearer"}};
  reply.pieces = {{Duration::zero(), dump_json(token)}};
  reply.refusal_429 = reply.refusal_503 = R"({"error":"temporarily_unavailable"})";
  reply.malformed = {{Duration::zero(), "{"}};
  reply.empty = {{Duration::zero(), "{}"}};
  play_reply(connection, reply, fault);
}

void serve_meta_whatsapp(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kOther);
  const std::string refusal = meta_error(190, "Invalid OAuth access token.");
  if (!check_key(request, connection, "authorization", "Bearer " + context.keys.api_key, refusal)) return;
  if (!check_json(context, request, connection, {"messaging_product", "to", "type"})) return;
  const json body = *parse_json(request.body);
  // A number that ends in 24 last wrote more than a day ago.
  const std::string to = json_string(body, "to");
  if (to.ends_with("24") && json_string(body, "type") == "text") {
    answer(connection, 400, meta_error(131047, "Re-engagement message"));
    return;
  }
  FakeReply reply;
  reply.content_type = "application/json";
  const json contact = {{"input", to}, {"wa_id", to}};
  const json message = {{"id", "wamid." + random_token(8)}};
  reply.pieces = {{Duration::zero(), dump_json({{"messaging_product", "whatsapp"},
                                                {"contacts", json::array({contact})},
                                                {"messages", json::array({message})}})}};
  reply.refusal_401 = refusal;
  reply.refusal_429 = meta_error(130429, "Rate limit hit");
  reply.refusal_503 = meta_error(131000, "Something went wrong");
  reply.malformed = {{Duration::zero(), "{"}};
  play_reply(connection, reply, fault);
}

void serve_twilio_whatsapp(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kOther);
  const auto header = net::find_header(request.headers, "authorization").value_or("");
  if (!header.ends_with(base64_encode("SK1:" + context.keys.api_key))) {
    answer(connection, 401, R"({"code":20003,"message":"Authenticate","status":401})");
    return;
  }
  if (!form_value(request.body, "To").starts_with("whatsapp:+"))
    context.script.note_problem("twilio: To has no whatsapp: prefix");
  FakeReply reply;
  reply.content_type = "application/json";
  reply.pieces = {{Duration::zero(), dump_json({{"sid", "SM" + to_hex(random_bytes(16))}, {"status", "queued"}})}};
  reply.refusal_401 = R"({"code":20003,"message":"Authenticate","status":401})";
  reply.refusal_429 = R"({"code":20429,"message":"Too Many Requests","status":429})";
  reply.refusal_503 = R"({"code":20503,"message":"Service unavailable","status":503})";
  play_reply(connection, reply, fault);
}

void serve_whatsapp_bridge(const FakeContext& context, const RawRequest& request, RawConnection& connection) {
  const Fault fault = context.script.take_fault(FakeStage::kOther);
  if (!check_key(request, connection, "apikey", context.keys.api_key, R"({"error":"Unauthorized"})")) return;
  if (!check_json(context, request, connection, {"number", "text"})) return;
  FakeReply reply;
  reply.content_type = "application/json";
  reply.pieces = {
      {Duration::zero(), dump_json({{"key", {{"id", "BAE5" + to_hex(random_bytes(6))}}}, {"status", "PENDING"}})}};
  reply.refusal_401 = reply.refusal_429 = reply.refusal_503 = R"({"error":"unavailable"})";
  play_reply(connection, reply, fault);
}

}  // namespace al::providers
