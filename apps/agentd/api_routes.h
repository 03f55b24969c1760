// /api/*: what happened, for the operator's own programs. JSON, or CSV for exports. Closed without API_KEY; limited per
// address; open to the web origins of CORS_ORIGINS only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agentd/message_service.h"
#include "agentd/rate_limiter.h"
#include "agentd/web_gate.h"
#include "core/settings.h"
#include "net/http_server.h"
#include "store/async_store.h"

namespace al::agentd {

class ApiRoutes {
 public:
  ApiRoutes(const Settings& settings, const WebGate& gate, store::AsyncStore& store, MessageService& messages);
  [[nodiscard]] std::vector<net::Route> routes();

 private:
  using Handler = void (ApiRoutes::*)(const net::HttpRequest& request, net::Responder respond);
  [[nodiscard]] net::Route route(std::vector<std::string> methods, std::string pattern, Handler handler);
  // What must be answered instead of the handler: 401, 403, 429, a preflight.
  [[nodiscard]] std::optional<net::HttpResponse> refusal(const net::HttpRequest& request);
  [[nodiscard]] net::HttpHeaders cors_headers(const net::HttpRequest& request) const;

  void calls(const net::HttpRequest& request, net::Responder respond);
  void call(const net::HttpRequest& request, net::Responder respond);
  void leads(const net::HttpRequest& request, net::Responder respond);
  void messages(const net::HttpRequest& request, net::Responder respond);
  void send_message(const net::HttpRequest& request, net::Responder respond);
  void answer_from_store(std::function<Result<net::HttpResponse>(store::Store&)> read, net::Responder respond);

  const std::string key_;
  const std::vector<std::string> origins_;
  const WebGate& gate_;
  store::AsyncStore& store_;
  MessageService& messages_;
  RateLimiter limiter_;
};

}  // namespace al::agentd
