// What every request from Twilio passes before a handler sees it: the URL it was signed for, its form, its signature.
// A failed signature is 403 without detail to the client, 429 once one address has failed too often (API_RATE_PER_MIN);
// the log says why. Signed requests are never limited. Thread-safe after construction.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "agentd/address_list.h"
#include "agentd/rate_limiter.h"
#include "core/error.h"
#include "core/settings.h"
#include "net/http_server.h"
#include "twilio/form.h"
#include "twilio/signature.h"

namespace al::agentd {

struct Webhook {
  net::HttpRequestPtr http;
  twilio::FormParams form;  // of the body; of the query for GET
  std::string base;         // "https://host[:port][/prefix]": where our own URLs begin, no trailing slash
  bool is_signed = false;
};
using WebhookHandler = std::function<void(const Webhook& hook, net::Responder respond)>;

class WebGate {
 public:
  struct Counters {
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> refused{0};    // signed routes: answered 403
    std::atomic<std::uint64_t> unsigned_{0};  // status routes: harmless answer, nothing done
    std::atomic<std::uint64_t> malformed{0};
  };

  static Result<std::unique_ptr<WebGate>> make(const Settings& settings);

  // A handler behind the signature: 403 or 429 without a valid one, 400 for a body that is no form.
  [[nodiscard]] net::HttpHandler require_signature(WebhookHandler handler) const;
  // A status route: it always gets `answer` at once; `handler` runs only for a validly signed request.
  [[nodiscard]] net::HttpHandler status_route(std::function<net::HttpResponse()> answer,
                                              std::function<void(const Webhook&)> handler) const;
  // Like status_route, but a signed request is answered by `handler`; everything else gets the harmless `answer`.
  [[nodiscard]] net::HttpHandler signed_or(std::function<net::HttpResponse()> answer, WebhookHandler handler) const;
  // No signature at all (the preview); limited.
  [[nodiscard]] net::HttpHandler open(WebhookHandler handler) const;

  // The verdict on a WebSocket upgrade. `checked` is false where no signature was offered and none is required.
  struct UpgradeVerdict {
    bool ok = false;
    bool checked = false;
    std::string detail;  // for the log
  };
  [[nodiscard]] UpgradeVerdict check_upgrade(const net::HttpRequest& request) const;

  // The client as far as it is known: X-Forwarded-For of a trusted proxy, else the peer.
  [[nodiscard]] std::string client_address(const net::HttpRequest& request) const;
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] bool has_tokens() const { return !tokens_.empty(); }
  // Our own address for documents made outside a request; empty where PUBLIC_BASE_URL is not set.
  [[nodiscard]] const std::string& public_base_url() const { return public_base_url_; }

 private:
  explicit WebGate(int unsigned_per_min) : strangers_(unsigned_per_min) {}
  // What somebody without a valid signature gets.
  [[nodiscard]] net::HttpResponse refuse(const net::HttpRequest& request, int status) const;
  [[nodiscard]] net::HttpResponse too_many() const;
  [[nodiscard]] Result<Webhook> read(const net::HttpRequestPtr& request) const;
  [[nodiscard]] bool verify(const net::HttpRequest& request, Webhook& hook) const;
  [[nodiscard]] Result<std::string> url_of(const net::HttpRequest& request, twilio::RequestKind kind) const;

  std::string public_base_url_;
  AddressList trusted_;
  std::vector<std::string> tokens_;
  twilio::SignatureOptions options_;
  enum class UpgradeRule { kWhenPresent, kRequire, kOff } upgrade_rule_ = UpgradeRule::kWhenPresent;
  mutable Counters counters_;
  mutable RateLimiter strangers_;
};

}  // namespace al::agentd
