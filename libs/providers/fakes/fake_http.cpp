#include "providers/fakes/fake_http.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "core/utf8.h"
#include "providers/fakes/fake_handlers.h"

namespace al::providers {
namespace {

using Serve = void (*)(const FakeContext&, const RawRequest&, RawConnection&);

struct FakeRoute {
  std::string_view prefix;
  std::string_view suffix;
  Serve serve;
};

constexpr FakeRoute kRoutes[] = {
    {"/token", "", serve_token},
    {"/v1/text:synthesize", "", serve_google_tts},
    {"/v1/chat/completions", "", serve_openai_chat},
    {"/v1/audio/transcriptions", "", serve_openai_transcription},
    {"/v1/audio/speech", "", serve_openai_speech},
    {"/v1/messages", "", serve_anthropic},
    {"/cognitiveservices/v1", "", serve_azure_tts},
    {"/v1/text-to-speech/", "/stream", serve_elevenlabs_tts},
    {"/v1/text-to-dialogue/stream-input", "", serve_elevenlabs_ws},
    {"/v1/listen", "", serve_deepgram},
    {"/2010-04-01/Accounts/", "/Messages.json", serve_twilio_whatsapp},
    {"/message/sendText/", "", serve_whatsapp_bridge},
    {"/", "/messages", serve_meta_whatsapp},
};

}  // namespace

class FakeHttp::Impl {
 public:
  Impl(FakeScript& script, FakeKeys keys)
      : keys_(std::move(keys)),
        context_{script, keys_},
        server_([this](const RawRequest& request, RawConnection& connection) { serve(request, connection); },
                &script.open_connections) {}

  [[nodiscard]] const RawServer& server() const { return server_; }

 private:
  void serve(const RawRequest& request, RawConnection& connection) {
    if (request.method == "HEAD") {  // a client warms its connection
      connection.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    context_.script.record({request.method, request.target, request.headers, request.body});
    const std::string path = request.path();
    for (const FakeRoute& route : kRoutes) {
      if (path.starts_with(route.prefix) && path.ends_with(route.suffix))
        return route.serve(context_, request, connection);
    }
    context_.script.note_problem("no such path: " + path);
    send_response(connection, 404, {{"Content-Type", "application/json"}},
                  R"({"error":{"message":"not found","type":"invalid_request_error"}})");
  }

  const FakeKeys keys_;
  FakeContext context_;
  RawServer server_;  // last: its threads use the rest
};

FakeHttp::FakeHttp(FakeScript& script, FakeKeys keys) : impl_(std::make_unique<Impl>(script, std::move(keys))) {}
FakeHttp::~FakeHttp() = default;
std::string FakeHttp::http_origin() const {
  return impl_->server().origin("http");
}
std::string FakeHttp::ws_origin() const {
  return impl_->server().origin("ws");
}

bool check_key(const RawRequest& request, RawConnection& connection, std::string_view header,
               const std::string& expected, const std::string& refusal) {
  if (net::find_header(request.headers, header) == expected) return true;
  send_response(connection, 401, {{"Content-Type", "application/json"}}, refusal);
  return false;
}

bool check_json(const FakeContext& context, const RawRequest& request, RawConnection& connection,
                std::initializer_list<const char*> required) {
  const auto body = parse_json(request.body);
  std::string problem;
  if (!body || !body->is_object() || !is_valid_utf8(request.body)) {
    problem = "the body is not a JSON object in UTF-8";
  } else {
    for (const char* member : required) {
      if (problem.empty() && json_member(*body, member) == nullptr) problem = std::string("missing '") + member + "'";
    }
  }
  if (problem.empty()) return true;
  context.script.note_problem(request.path() + ": " + problem);
  send_response(connection, 400, {{"Content-Type", "application/json"}},
                dump_json({{"error", {{"message", problem}, {"type", "invalid_request_error"}}}}));
  return false;
}

}  // namespace al::providers
