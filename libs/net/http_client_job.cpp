#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_client_job_impl.h"

namespace al::net {
namespace {

using Job = HttpTransfer::Job;

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* job) {
  return static_cast<Job*>(job)->take_header({data, size * count});
}
std::size_t on_body(char* data, std::size_t size, std::size_t count, void* job) {
  return static_cast<Job*>(job)->take_body({data, size * count});
}

bool is_public(const in_addr& address) {
  const std::uint32_t ip = ntohl(address.s_addr);
  const auto in = [ip](std::uint32_t network, int bits) { return (ip >> (32 - bits)) == (network >> (32 - bits)); };
  // RFC 6890: this host, private, shared, loopback, link-local, protocol assignments, documentation, benchmarks,
  // multicast and reserved.
  return !(in(0x00000000, 8) || in(0x0A000000, 8) || in(0x64400000, 10) || in(0x7F000000, 8) || in(0xA9FE0000, 16) ||
           in(0xAC100000, 12) || in(0xC0000000, 24) || in(0xC0000200, 24) || in(0xC0A80000, 16) || in(0xC6120000, 15) ||
           in(0xC6336400, 24) || in(0xCB007100, 24) || in(0xE0000000, 4) || in(0xF0000000, 4));
}

bool is_public(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address) || IN6_IS_ADDR_V4COMPAT(&address)) {
    in_addr v4{};
    std::memcpy(&v4, &address.s6_addr[12], sizeof v4);
    return is_public(v4);
  }
  // Only 2000::/3 is global unicast; of it 2001::/23 (protocol assignments), 2001:db8::/32 (documentation) and
  // 2002::/16 (6to4, may hold a private IPv4 address) are left out.
  const std::uint8_t* const b = address.s6_addr;
  if ((b[0] & 0xE0) != 0x20) return false;
  const bool assignments = b[0] == 0x20 && b[1] == 0x01 && b[2] < 0x02;
  const bool documentation = b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0D && b[3] == 0xB8;
  const bool sixtofour = b[0] == 0x20 && b[1] == 0x02;
  return !assignments && !documentation && !sixtofour;
}

// The check is on the address that is connected to, after name look-up: a name cannot point somewhere else meanwhile.
curl_socket_t open_public_socket(void* job, curlsocktype, curl_sockaddr* address) {
  bool allowed = false;
  if (address->family == AF_INET) {
    allowed = is_public(reinterpret_cast<const sockaddr_in*>(&address->addr)->sin_addr);
  } else if (address->family == AF_INET6) {
    allowed = is_public(reinterpret_cast<const sockaddr_in6*>(&address->addr)->sin6_addr);
  }
  if (!allowed) {
    static_cast<Job*>(job)->stop = Job::Stop::kPrivateAddress;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

bool breaks_line(std::string_view text) {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos;
}

Duration microseconds_of(CURL* easy, CURLINFO what) {
  curl_off_t value = 0;
  curl_easy_getinfo(easy, what, &value);
  return Duration{value};
}

}  // namespace

Job::~Job() {
  if (easy != nullptr) curl_easy_cleanup(easy);
  curl_slist_free_all(header_list);
}

Result<void> Job::prepare(const HttpClientOptions& options) {
  const std::optional<Url> url = parse_url(request.url);
  if (!url || (url->scheme != "http" && url->scheme != "https"))
    return fail(Errc::kMalformed, "not an http or https address");
  origin = url->scheme + "://" + url->authority();
  if (request.method.empty() || request.method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
    return fail(Errc::kMalformed, origin + ": not an HTTP method");
  for (const HttpHeader& header : request.headers) {
    if (header.name.empty() || breaks_line(header.name) || breaks_line(header.value))
      return fail(Errc::kMalformed, origin + ": header " + std::to_string(&header - request.headers.data()) +
                                        " has no name or holds a line break");
    const std::string line = header.name + (header.value.empty() ? ";" : ": " + header.value);
    header_list = curl_slist_append(header_list, line.c_str());
  }
  // What libcurl would add by itself and nobody asked for.
  header_list = curl_slist_append(header_list, "Expect:");
  if (!find_header(request.headers, "Content-Type")) header_list = curl_slist_append(header_list, "Content-Type:");

  easy = curl_easy_init();
  if (easy == nullptr) return fail(Errc::kInternal, "libcurl: no handle");
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(std::chrono::ceil<seconds>(options.keep_alive).count()));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.extra_ca_file.empty()) {
    set(CURLOPT_CAINFO, options.extra_ca_file.c_str());
    set(CURLOPT_CAPATH, "/etc/ssl/certs");  // CAINFO alone would replace the system's authorities
  }
  if (is_loopback(url->host)) set(CURLOPT_PROXY, "");
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_HTTPHEADER, header_list);
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  // 0 would mean libcurl's own default of 300 s.
  const auto connect = request.timeouts.connect.count() > 0 ? request.timeouts.connect : milliseconds{3'600'000};
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeouts.total.count()));
  if (request.public_addresses_only) {
    set(CURLOPT_OPENSOCKETFUNCTION, open_public_socket);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
    set(CURLOPT_FRESH_CONNECT, 1L);  // no connection that was opened without the check
  }
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET" || !request.body.empty()) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  return {};
}

void Job::cancel() {
  if (in_sink.load() == std::this_thread::get_id()) {
    cancelled.store(true);  // from inside its own sink call: that call is the last one
    return;
  }
  const std::lock_guard lock(sink_mutex);  // waits for a call that is running
  cancelled.store(true);
}

std::size_t Job::take_header(std::string_view line) {
  const std::size_t taken = line.size();
  last_arrival = monotonic_now();
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (headers_done) return taken;  // a trailer
  if (line.starts_with("HTTP/")) {
    headers.clear();
    status = 0;
    const std::size_t blank = line.find(' ');
    if (blank != std::string_view::npos) std::from_chars(line.data() + blank + 1, line.data() + line.size(), status);
    return taken;
  }
  if (line.empty()) {
    if (status < 200) return taken;  // 100 Continue and the like
    headers_done = true;
    return with_sink([&](HttpSink& to) { to.on_headers(status, headers); }) ? taken : 0;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return taken;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
  return taken;
}

std::size_t Job::take_body(std::string_view piece) {
  last_arrival = monotonic_now();
  body_bytes += piece.size();
  if (body_bytes > request.max_body) {
    stop = Stop::kTooBig;
    return 0;
  }
  bool more = true;
  const bool wanted = with_sink([&](HttpSink& to) { more = to.on_body(piece); });
  if (!more) stop = Stop::kSink;
  return wanted && more ? piece.size() : 0;
}

Job::Stop Job::overdue(Timestamp now) const {
  const HttpTimeouts& limits = request.timeouts;
  if (status == 0) {
    const bool late = limits.first_byte.count() > 0 && now - started > limits.first_byte;
    return late ? Stop::kFirstByte : Stop::kNone;
  }
  const bool late = limits.progress.count() > 0 && now - last_arrival > limits.progress;
  return late ? Stop::kProgress : Stop::kNone;
}

HttpTimings Job::timings() const {
  HttpTimings times;
  times.name_lookup = microseconds_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
  times.connected = microseconds_of(easy, CURLINFO_CONNECT_TIME_T);
  times.tls_done = microseconds_of(easy, CURLINFO_APPCONNECT_TIME_T);
  times.first_byte = microseconds_of(easy, CURLINFO_STARTTRANSFER_TIME_T);
  times.total = microseconds_of(easy, CURLINFO_TOTAL_TIME_T);
  long connects = 0;
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
  times.reused_connection = connects == 0;
  return times;
}

Error Job::error_of(CURLcode code) const {
  const auto ms = [](milliseconds limit) { return std::to_string(limit.count()) + " ms"; };
  switch (stop) {
    case Stop::kSink:
      return {Errc::kClosed, origin + ": stopped by the receiver"};
    case Stop::kTooBig:
      return {Errc::kMalformed, origin + ": more than " + std::to_string(request.max_body) + " bytes"};
    case Stop::kFirstByte:
      return {Errc::kTimeout, origin + ": no answer within " + ms(request.timeouts.first_byte)};
    case Stop::kProgress:
      return {Errc::kTimeout, origin + ": nothing more came for " + ms(request.timeouts.progress)};
    case Stop::kPrivateAddress:
      return {Errc::kRejected, origin + ": is not a public address"};
    case Stop::kNone:
      break;
  }
  const std::string text = origin + ": " + curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: {
      const bool connecting = microseconds_of(easy, CURLINFO_PRETRANSFER_TIME_T).count() == 0;
      if (connecting) return {Errc::kTimeout, origin + ": no connection within " + ms(request.timeouts.connect)};
      return {Errc::kTimeout, origin + ": not finished within " + ms(request.timeouts.total)};
    }
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return {Errc::kRejected, text};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return {Errc::kMalformed, text};
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      return {Errc::kInternal, text};
    default:
      return {Errc::kClosed, text};
  }
}

}  // namespace al::net
