// One request to a provider with everything around it: bearer token, retries before the first byte, refusals turned
// into errors, bounds. The streaming adapters and the token exchange are built on it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "net/http_client.h"
#include "providers/http_provider.h"

namespace al::providers {

class TokenSource;

// Called from the HTTP client's or the scheduler's thread, one call at a time, never from inside start().
class HttpExchangeSink {
 public:
  virtual ~HttpExchangeSink() = default;
  virtual void on_start(const net::HttpHeaders& headers) = 0;  // a 2xx answer began
  virtual bool on_piece(std::string_view bytes) = 0;  // of its body; false = enough: nothing follows, not even on_end
  virtual void on_end() = 0;                          // its body is complete. on_end or on_failed is the last call
  virtual void on_failed(Error error) = 0;
};

struct HttpExchangeRequest {
  std::string provider;  // for error details
  net::ClientRequest http;
  RetryPolicy retry;
  std::shared_ptr<TokenSource> tokens;  // null = none; else sent as "Authorization: Bearer …"
  // Asked once when the request was refused as wrong (400): another body to send at once, or nullopt. Null = never.
  std::function<std::optional<std::string>(std::string_view refusal, const std::string& sent)> rewrite = {};
};

// Destroying it cancels; after the destructor has returned no sink call begins, and none is running unless it is the
// one that destroys it.
class HttpExchange {
 public:
  HttpExchange();
  ~HttpExchange();
  HttpExchange(HttpExchange&&) noexcept;
  HttpExchange& operator=(HttpExchange&&) noexcept;
  [[nodiscard]] static HttpExchange start(ProviderContext context, HttpExchangeRequest request,
                                          std::shared_ptr<HttpExchangeSink> sink);

 private:
  class Run;
  std::shared_ptr<Run> run_;
};

}  // namespace al::providers
