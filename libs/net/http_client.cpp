#include "net/http_client.h"

#include <algorithm>
#include <future>
#include <unordered_map>

#include <pthread.h>

#include "net/http_client_job_impl.h"

namespace al::net {
namespace {

using JobPtr = std::shared_ptr<HttpTransfer::Job>;

constexpr milliseconds kOverdueCheck{20};  // how exact our own limits are
constexpr int kIdleWaitMs = 10'000;
constexpr seconds kWarmLimit{5};

// Collects the body for those who want it whole.
class CollectingSink final : public HttpSink {
 public:
  explicit CollectingSink(std::function<void(Result<ClientResponse>)> done) : done_(std::move(done)) {}
  bool on_body(std::string_view piece) override {
    body_.append(piece);
    return true;
  }
  void on_done(Result<ClientResponse> result) override {
    if (result) result->body = std::move(body_);
    done_(std::move(result));
  }

 private:
  std::string body_;
  std::function<void(Result<ClientResponse>)> done_;
};

}  // namespace

void HttpSink::on_headers(int, const HttpHeaders&) {}

class HttpClient::Impl {
 public:
  explicit Impl(HttpClientOptions options);
  ~Impl();

  HttpTransfer start(ClientRequest request, std::shared_ptr<HttpSink> sink);
  [[nodiscard]] HttpClientStats stats() const;

 private:
  void run();
  void begin(const JobPtr& job);
  void collect_finished();
  void stop_overdue();
  void end(const JobPtr& job, CURLcode code);
  void remove(const JobPtr& job);
  static void report(const JobPtr& job, Result<ClientResponse> result);

  const HttpClientOptions options_;
  CURLM* multi_ = nullptr;
  std::mutex mutex_;
  std::vector<JobPtr> incoming_;                            // guarded
  bool stopping_ = false;                                   // guarded
  std::unordered_map<HttpTransfer::Job*, JobPtr> running_;  // client's thread only
  Timestamp next_check_{};
  std::atomic<std::uint64_t> waiting_or_running_{0};
  std::atomic<std::uint64_t> started_{0};
  std::atomic<std::uint64_t> succeeded_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> cancelled_{0};
  std::atomic<std::uint64_t> reused_{0};
  std::thread thread_;
};

HttpClient::Impl::Impl(HttpClientOptions options) : options_(std::move(options)) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_ = curl_multi_init();
  if (global != CURLE_OK || multi_ == nullptr) throw std::runtime_error("libcurl cannot be initialised");
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options_.max_connections));
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options_.max_connections_per_host));
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.max_connections));
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "http-client");
}

HttpClient::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  curl_multi_wakeup(multi_);
  thread_.join();
  curl_multi_cleanup(multi_);
}

HttpTransfer HttpClient::Impl::start(ClientRequest request, std::shared_ptr<HttpSink> sink) {
  auto job = std::make_shared<HttpTransfer::Job>(std::move(request), std::move(sink));
  started_.fetch_add(1, std::memory_order_relaxed);
  waiting_or_running_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    incoming_.push_back(job);
  }
  curl_multi_wakeup(multi_);
  return HttpTransfer(std::move(job));
}

void HttpClient::Impl::run() {
  while (true) {
    std::vector<JobPtr> incoming;
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      incoming.swap(incoming_);
      stopping = stopping_;
    }
    for (const JobPtr& job : incoming) begin(job);
    if (stopping) break;
    int open = 0;
    curl_multi_perform(multi_, &open);
    collect_finished();
    stop_overdue();
    const auto wait = running_.empty() ? kIdleWaitMs : static_cast<int>(kOverdueCheck.count());
    curl_multi_poll(multi_, nullptr, 0, wait, nullptr);
  }
  while (!running_.empty()) {
    const JobPtr job = running_.begin()->second;
    remove(job);
    report(job, fail(Errc::kClosed, job->origin + ": the client was shut down"));
  }
}

void HttpClient::Impl::begin(const JobPtr& job) {
  if (job->cancelled.load()) {
    cancelled_.fetch_add(1, std::memory_order_relaxed);
    waiting_or_running_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  Result<void> ready = running_.size() < options_.max_transfers
                           ? job->prepare(options_)
                           : fail(Errc::kRateLimited, "too many requests are under way");
  job->started = job->last_arrival = monotonic_now();
  running_.emplace(job.get(), job);
  if (ready && curl_multi_add_handle(multi_, job->easy) != CURLM_OK)
    ready = fail(Errc::kInternal, "libcurl refuses the request");
  job->added = ready.has_value();
  if (ready) return;
  failed_.fetch_add(1, std::memory_order_relaxed);
  remove(job);
  report(job, fail(ready.error()));
}

void HttpClient::Impl::collect_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message dies with remove()
    void* pointer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
    const auto found = running_.find(static_cast<HttpTransfer::Job*>(pointer));
    if (found != running_.end()) end(JobPtr(found->second), code);
  }
}

void HttpClient::Impl::stop_overdue() {
  const Timestamp now = monotonic_now();
  if (now < next_check_) return;
  next_check_ = now + kOverdueCheck;
  std::vector<JobPtr> over;
  for (const auto& [key, job] : running_) {
    if (job->cancelled.load() || job->overdue(now) != HttpTransfer::Job::Stop::kNone) over.push_back(job);
  }
  for (const JobPtr& job : over) {
    job->stop = job->overdue(now);
    end(job, CURLE_OPERATION_TIMEDOUT);
  }
}

void HttpClient::Impl::end(const JobPtr& job, CURLcode code) {
  const bool done = code == CURLE_OK && !job->cancelled.load();
  if (job->cancelled.load()) {
    cancelled_.fetch_add(1, std::memory_order_relaxed);
    return remove(job);
  }
  if (!done) {
    const Error error = job->error_of(code);
    failed_.fetch_add(1, std::memory_order_relaxed);
    remove(job);
    return report(job, fail(error));
  }
  ClientResponse response;
  response.status = job->status;
  response.headers = std::move(job->headers);
  long version = CURL_HTTP_VERSION_1_1;
  curl_easy_getinfo(job->easy, CURLINFO_HTTP_VERSION, &version);
  response.http_major = version == CURL_HTTP_VERSION_2_0 ? 2 : version == CURL_HTTP_VERSION_3 ? 3 : 1;
  response.timings = job->timings();
  succeeded_.fetch_add(1, std::memory_order_relaxed);
  if (response.timings.reused_connection) reused_.fetch_add(1, std::memory_order_relaxed);
  remove(job);
  report(job, std::move(response));
}

void HttpClient::Impl::remove(const JobPtr& job) {
  if (job->added) curl_multi_remove_handle(multi_, job->easy);
  job->added = false;
  running_.erase(job.get());
  waiting_or_running_.fetch_sub(1, std::memory_order_relaxed);
}

void HttpClient::Impl::report(const JobPtr& job, Result<ClientResponse> result) {
  job->with_sink([&](HttpSink& sink) { sink.on_done(std::move(result)); });
}

HttpClientStats HttpClient::Impl::stats() const {
  HttpClientStats stats;
  stats.started = started_.load();
  stats.succeeded = succeeded_.load();
  stats.failed = failed_.load();
  stats.cancelled = cancelled_.load();
  stats.reused_connections = reused_.load();
  stats.running = waiting_or_running_.load();
  return stats;
}

HttpTransfer::~HttpTransfer() {
  cancel();
}
HttpTransfer::HttpTransfer(HttpTransfer&&) noexcept = default;
HttpTransfer& HttpTransfer::operator=(HttpTransfer&& other) noexcept {
  if (this != &other) {
    cancel();
    job_ = std::move(other.job_);
  }
  return *this;
}
void HttpTransfer::cancel() {
  if (job_) job_->cancel();
  job_.reset();
}

HttpClient::HttpClient(HttpClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;

HttpTransfer HttpClient::start(ClientRequest request, std::shared_ptr<HttpSink> sink) {
  return impl_->start(std::move(request), std::move(sink));
}

HttpTransfer HttpClient::start(ClientRequest request, std::function<void(Result<ClientResponse>)> done) {
  return impl_->start(std::move(request), std::make_shared<CollectingSink>(std::move(done)));
}

void HttpClient::start_detached(ClientRequest request, std::function<void(Result<ClientResponse>)> done) {
  start(std::move(request), std::move(done)).release();
}

Result<ClientResponse> HttpClient::fetch(ClientRequest request) {
  std::promise<Result<ClientResponse>> promise;
  std::future<Result<ClientResponse>> future = promise.get_future();
  const HttpTransfer transfer =
      start(std::move(request), [&promise](Result<ClientResponse> result) { promise.set_value(std::move(result)); });
  return future.get();
}

void HttpClient::warm(std::string_view url) {
  const std::optional<Url> parsed = parse_url(url);
  if (!parsed) return;
  ClientRequest request;
  request.method = "HEAD";
  request.url = parsed->scheme + "://" + parsed->authority() + "/";
  request.timeouts.total = kWarmLimit;
  start_detached(std::move(request), [](const Result<ClientResponse>&) {});
}

HttpClientStats HttpClient::stats() const {
  return impl_->stats();
}

}  // namespace al::net
