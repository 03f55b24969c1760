// HTTP requests to others: providers, Twilio's REST API, bridges. One thread with one libcurl multi handle serves all
// of them: HTTP/2 where the peer has it, kept-alive and reused connections, one DNS cache, TCP_NODELAY. Certificates
// are always verified. Redirects are not followed. No header, body or query is ever logged: errors name scheme and host
// only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"
#include "net/http_types.h"

namespace al::net {

// 0 = no limit. Every limit that passes ends the request with Errc::kTimeout and a detail that names the limit.
struct HttpTimeouts {
  milliseconds connect{3'000};      // name look-up, TCP and TLS
  milliseconds first_byte{10'000};  // from the start to the first byte of the response's header
  milliseconds progress{5'000};     // longest gap between two arrivals of body bytes
  milliseconds total{30'000};
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http or https
  HttpHeaders headers;
  std::string body;
  HttpTimeouts timeouts;
  std::size_t max_body = std::size_t{8} << 20;  // bytes of the response; more fails with kMalformed
  bool public_addresses_only = false;  // refuse loopback, private and link-local addresses (URLs given by strangers)
};

struct HttpTimings {  // since the start of the request
  Duration name_lookup{};
  Duration connected{};
  Duration tls_done{};
  Duration first_byte{};
  Duration total{};
  bool reused_connection = false;
};

struct ClientResponse {
  int status = 0;  // any status that arrived is a success of the transport: look at it
  HttpHeaders headers;
  std::string body;  // empty where on_body took it
  int http_major = 1;
  HttpTimings timings;
};

// Receives one response. Called on the client's thread, one call at a time, never from inside start(). Must not block:
// parse and post. A sink may destroy its own HttpTransfer from inside a call.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  virtual void on_headers(int status, const HttpHeaders& headers);  // final status only; default: nothing
  // A piece of the body as it arrives. Return false to stop the transfer (on_done then says kClosed).
  virtual bool on_body(std::string_view piece) = 0;
  virtual void on_done(Result<ClientResponse> result) = 0;  // exactly once, unless the transfer is destroyed first
};

// A request under way. Destroying it cancels; after the destructor has returned, the sink is not called again (the
// destructor waits for a sink call that is running, unless it is called from inside that very call).
class HttpTransfer {
 public:
  HttpTransfer() = default;
  ~HttpTransfer();
  HttpTransfer(HttpTransfer&&) noexcept;
  HttpTransfer& operator=(HttpTransfer&&) noexcept;
  [[nodiscard]] explicit operator bool() const { return job_ != nullptr; }
  void release() { job_.reset(); }  // lets it run to its end without an owner

  struct Job;
  explicit HttpTransfer(std::shared_ptr<Job> job) : job_(std::move(job)) {}

 private:
  void cancel();
  std::shared_ptr<Job> job_;
};

struct HttpClientOptions {
  std::string extra_ca_file;  // PEM file, trusted in addition to the system's authorities
  std::string user_agent = "AgentLocator";
  std::size_t max_connections = 256;          // open at once, all hosts
  std::size_t max_connections_per_host = 32;  // HTTP/2 multiplexes on top of these
  std::size_t max_transfers = 4'096;          // running or waiting; more are refused with kRateLimited
  milliseconds keep_alive{90'000};            // idle connections are kept this long
};

struct HttpClientStats {
  std::uint64_t started = 0;
  std::uint64_t succeeded = 0;  // a status arrived, whatever it is
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t reused_connections = 0;
  std::uint64_t running = 0;
};

// Thread-safe. Destroying it cancels what runs (sinks get kClosed) and joins the thread.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Streaming. A request that cannot be made (bad URL, too many) is reported through the sink like any other failure.
  [[nodiscard]] HttpTransfer start(ClientRequest request, std::shared_ptr<HttpSink> sink);
  // Whole body at once; `done` runs on the client's thread, exactly once unless the transfer is destroyed first.
  [[nodiscard]] HttpTransfer start(ClientRequest request, std::function<void(Result<ClientResponse>)> done);
  // As above, for requests nobody waits for: lives until it ends or the client is destroyed.
  void start_detached(ClientRequest request, std::function<void(Result<ClientResponse>)> done);
  // Blocks the calling thread: for command-line tools and tests. Never call it on a Loop's or the client's thread.
  [[nodiscard]] Result<ClientResponse> fetch(ClientRequest request);

  // Opens (and keeps) a connection to the origin of `url`, so that the next request finds it warm: HEAD, answer
  // ignored.
  void warm(std::string_view url);

  [[nodiscard]] HttpClientStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace al::net
