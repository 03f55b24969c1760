// /api/*: what happened, for the operator's own programs. JSON, or CSV for exports. Closed without API_KEY; limited per
// address; open to the web origins of CORS_ORIGINS only. A mistake is answered with {"error":"…","field":"…"}.
//
//   GET    /api/calls, /api/leads, /api/whatsapp/messages
//          ?phone=+9725…&call=CA…&since_ms=…&before_ms=…&direction=in|out (messages)&limit=1…10000&format=json|csv
//          Newest first. Where there is more, "next" (header X-Next-Cursor) is the `cursor` of the next page.
//   GET    /api/calls/{sid}           with turns, slots and leads
//   POST   /api/whatsapp/send         {"to":"+9725…","text":"…","key":"…"}; the same key is the same message
//   DELETE /api/callers/{number}      everything that is known of a person
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agentd/caller_eraser.h"
#include "agentd/message_service.h"
#include "agentd/rate_limiter.h"
#include "agentd/web_gate.h"
#include "core/settings.h"
#include "net/http_server.h"
#include "store/async_store.h"

namespace al::agentd {

class ApiRoutes {
 public:
  ApiRoutes(const Settings& settings, const WebGate& gate, store::AsyncStore& store, MessageService& messages,
            CallerEraser& eraser);
  [[nodiscard]] std::vector<net::Route> routes();

 private:
  using Reply = std::function<void(net::HttpResponse)>;
  using Handler = void (ApiRoutes::*)(const net::HttpRequest& request, Reply respond);
  [[nodiscard]] net::Route route(std::vector<std::string> methods, std::string pattern, Handler handler);
  // What must be answered instead of the handler: 401, 403, 429, a preflight. Without the headers for other origins.
  [[nodiscard]] std::optional<net::HttpResponse> refusal(const net::HttpRequest& request);
  [[nodiscard]] net::HttpHeaders cors_headers(const net::HttpRequest& request) const;

  void calls(const net::HttpRequest& request, Reply respond);
  void call(const net::HttpRequest& request, Reply respond);
  void leads(const net::HttpRequest& request, Reply respond);
  void messages(const net::HttpRequest& request, Reply respond);
  void send_message(const net::HttpRequest& request, Reply respond);
  void erase(const net::HttpRequest& request, Reply respond);
  template <typename Rows>
  void list(const net::HttpRequest& request, Reply respond, const char* name,
            Result<Rows> (store::Records::*read)(const store::RecordFilter&), std::string (*to_csv)(const Rows&));
  void answer_from_store(std::function<Result<net::HttpResponse>(store::Store&)> read, Reply respond);

  const std::string key_;
  const std::vector<std::string> origins_;
  const WebGate& gate_;
  store::AsyncStore& store_;
  MessageService& messages_;
  CallerEraser& eraser_;
  RateLimiter limiter_;
};

}  // namespace al::agentd
