// One request on its way through libcurl: the easy handle, what has arrived, and the rules of cancelling. For
// http_client.cpp only.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include <curl/curl.h>

#include "core/log.h"
#include "net/http_client.h"

namespace al::net {

struct HttpTransfer::Job {
  enum class Stop { kNone, kSink, kTooBig, kFirstByte, kProgress, kPrivateAddress };

  Job(ClientRequest request_in, std::shared_ptr<HttpSink> sink_in)
      : request(std::move(request_in)), sink(std::move(sink_in)) {}
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // Fills the easy handle. Errors: kMalformed (URL, method or a header that would break out of its line).
  Result<void> prepare(const HttpClientOptions& options);
  // Runs `call` with the sink unless the job was cancelled; a canceller on another thread waits meanwhile.
  template <typename Call>
  bool with_sink(Call call) {
    const std::lock_guard lock(sink_mutex);
    if (cancelled.load()) return false;
    in_sink.store(std::this_thread::get_id());
    try {
      call(*sink);
    } catch (const std::exception& error) {  // libcurl must not be unwound through
      log::error("HTTP_SINK_EXCEPTION", {{"what", error.what()}});
      stop = Stop::kSink;
    }
    in_sink.store(std::thread::id{});
    return !cancelled.load() && stop != Stop::kSink;
  }
  void cancel();

  [[nodiscard]] Error error_of(CURLcode code) const;
  [[nodiscard]] HttpTimings timings() const;
  // Which of our own limits has passed at `now`; kNone = none.
  [[nodiscard]] Stop overdue(Timestamp now) const;

  std::size_t take_header(std::string_view line);
  std::size_t take_body(std::string_view piece);

  ClientRequest request;
  std::string origin;  // scheme://host:port, for errors
  std::shared_ptr<HttpSink> sink;
  std::mutex sink_mutex;
  std::atomic<std::thread::id> in_sink{};
  std::atomic<bool> cancelled{false};

  // From here on the client's thread only.
  CURL* easy = nullptr;
  curl_slist* header_list = nullptr;
  Timestamp started{};
  Timestamp last_arrival{};
  bool headers_done = false;
  int status = 0;
  HttpHeaders headers;
  std::size_t body_bytes = 0;
  Stop stop = Stop::kNone;
  bool added = false;
};

}  // namespace al::net
