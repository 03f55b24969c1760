#include "net/http_client.h"

#include <gtest/gtest.h>

#include "net/net_test_support.h"

namespace al::net {
namespace {

using test::TestCertificate;
using test::TestServer;
using test::Waiter;

// A server with the answers that providers give and the faults that they have.
class HttpClientTest : public ::testing::Test {
 protected:
  static ListenSpec listener(std::vector<Responder>& kept, Waiter& waiter) {
    ListenSpec spec;
    spec.routes.push_back(
        {.methods = {"GET", "POST", "DELETE", "PUT"},
         .pattern = "/echo",
         .handler = at_once([](const HttpRequest& request) {
           HttpResponse response = HttpResponse::text(201, request.method + " " + request.body);
           response.headers.push_back({"X-Type", std::string(request.header("Content-Type").value_or("-"))});
           response.headers.push_back({"X-Secret", std::string(request.header("Authorization").value_or("-"))});
           return response;
         })});
    spec.routes.push_back({.methods = {"GET"}, .pattern = "/big", .handler = at_once([](const HttpRequest&) {
                                                                    return HttpResponse::text(
                                                                        200, std::string(3'000'000, 'b'));
                                                                  })});
    spec.routes.push_back({.methods = {"GET"}, .pattern = "/busy", .handler = at_once([](const HttpRequest&) {
                                                                     return HttpResponse::text(503, "busy");
                                                                   })});
    spec.routes.push_back(
        {.methods = {"GET"},
         .pattern = "/never",
         .handler = [&](const HttpRequestPtr&,
                        const Responder& respond) { waiter.change([&] { kept.push_back(respond); }); },
         .deadline = seconds{60}});
    return spec;
  }
  std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + std::string(path);
  }
  ClientRequest get(std::string_view path) const {
    ClientRequest request;
    request.url = url(path);
    return request;
  }

  std::vector<Responder> kept_;
  Waiter waiter_;
  TestServer server_{listener(kept_, waiter_)};
  HttpClient client_;
};

TEST_F(HttpClientTest, SendsMethodBodyAndHeadersAsGiven) {
  for (const std::string method : {"POST", "PUT", "DELETE"}) {
    ClientRequest request = get("/echo");
    request.method = method;
    request.body = "a=b";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Authorization", "Bearer x"}};
    const auto response = client_.fetch(request);
    ASSERT_TRUE(response) << to_string(response.error());
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(response->body, method + " a=b");
    EXPECT_EQ(find_header(response->headers, "x-type"), "application/x-www-form-urlencoded");
    EXPECT_EQ(find_header(response->headers, "X-SECRET"), "Bearer x");
  }
}

TEST_F(HttpClientTest, AddsNoContentTypeOfItsOwn) {
  ClientRequest request = get("/echo");
  request.method = "POST";
  request.body = "x";
  const auto response = client_.fetch(request);
  ASSERT_TRUE(response);
  EXPECT_EQ(find_header(response->headers, "X-Type"), "-");
}

TEST_F(HttpClientTest, KeepsConnectionsAndAWarmOneIsUsed) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client_.fetch(get("/echo")));
  EXPECT_EQ(client_.stats().reused_connections, 4U);
  EXPECT_EQ(server_.server().stats().accepted, 1U);
}

TEST_F(HttpClientTest, AnyStatusIsASuccessOfTheTransport) {
  const auto response = client_.fetch(get("/busy"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 503);
}

class PieceSink final : public HttpSink {
 public:
  explicit PieceSink(Waiter& waiter, std::size_t stop_after = ~std::size_t{0})
      : waiter_(waiter), stop_after_(stop_after) {}
  void on_headers(int status, const HttpHeaders&) override { headers_status = status; }
  bool on_body(std::string_view piece) override {
    ++pieces;
    bytes += piece.size();
    return bytes < stop_after_;
  }
  void on_done(Result<ClientResponse> result) override {
    waiter_.change([&] {
      outcome = std::move(result);
      done = true;
    });
  }
  int headers_status = 0;
  std::size_t pieces = 0;
  std::size_t bytes = 0;
  bool done = false;
  Result<ClientResponse> outcome = fail(Errc::kInternal, "not yet");

 private:
  Waiter& waiter_;
  std::size_t stop_after_;
};

TEST_F(HttpClientTest, StreamsABodyInPieces) {
  auto sink = std::make_shared<PieceSink>(waiter_);
  const HttpTransfer transfer = client_.start(get("/big"), sink);
  ASSERT_TRUE(waiter_.wait([&] { return sink->done; }));
  EXPECT_EQ(sink->headers_status, 200);
  EXPECT_EQ(sink->bytes, 3'000'000U);
  EXPECT_GT(sink->pieces, 1U);
  ASSERT_TRUE(sink->outcome);
  EXPECT_TRUE(sink->outcome->body.empty());
}

TEST_F(HttpClientTest, AReceiverMayStopABody) {
  auto sink = std::make_shared<PieceSink>(waiter_, 1);
  const HttpTransfer transfer = client_.start(get("/big"), sink);
  ASSERT_TRUE(waiter_.wait([&] { return sink->done; }));
  EXPECT_EQ(sink->pieces, 1U);
  ASSERT_FALSE(sink->outcome);
  EXPECT_EQ(sink->outcome.error().code, Errc::kClosed);
}

TEST_F(HttpClientTest, ABodyBeyondItsBoundIsAnError) {
  ClientRequest request = get("/big");
  request.max_body = 100'000;
  const auto response = client_.fetch(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Errc::kMalformed);
  EXPECT_NE(response.error().detail.find("100000"), std::string::npos);
}

TEST_F(HttpClientTest, EachLimitIsNamedWhenItPasses) {
  ClientRequest silent = get("/never?token=secret");
  silent.timeouts.first_byte = milliseconds{40};
  const auto no_answer = client_.fetch(silent);
  ASSERT_FALSE(no_answer);
  EXPECT_EQ(no_answer.error().code, Errc::kTimeout);
  EXPECT_NE(no_answer.error().detail.find("no answer within 40 ms"), std::string::npos) << no_answer.error().detail;
  EXPECT_EQ(no_answer.error().detail.find("secret"), std::string::npos);

  ClientRequest late = get("/never");
  late.timeouts.total = milliseconds{40};
  const auto not_finished = client_.fetch(late);
  ASSERT_FALSE(not_finished);
  EXPECT_NE(not_finished.error().detail.find("not finished within 40 ms"), std::string::npos);
}

TEST_F(HttpClientTest, ADestroyedTransferIsSilentAndCounted) {
  bool called = false;
  {
    const HttpTransfer transfer = client_.start(get("/never"), [&](const Result<ClientResponse>&) { called = true; });
    ASSERT_TRUE(waiter_.wait([&] { return kept_.size() == 1; }));
  }
  kept_[0](HttpResponse::text(200, "too late"));
  ASSERT_TRUE(client_.fetch(get("/echo")));
  EXPECT_FALSE(called);
}

TEST_F(HttpClientTest, ASinkMayDestroyItsOwnTransfer) {
  HttpTransfer transfer;
  bool done = false;
  Waiter started;
  bool assigned = false;
  transfer = client_.start(get("/echo"), [&](const Result<ClientResponse>&) {
    ASSERT_TRUE(started.wait([&] { return assigned; }));
    transfer = HttpTransfer{};
    waiter_.change([&] { done = true; });
  });
  started.change([&] { assigned = true; });
  EXPECT_TRUE(waiter_.wait([&] { return done; }));
}

TEST_F(HttpClientTest, WhatCannotBeSentIsReportedLikeAnyFailure) {
  ClientRequest bad_url = get("/echo");
  bad_url.url = "ftp://example.com/";
  EXPECT_EQ(client_.fetch(bad_url).error().code, Errc::kMalformed);
  ClientRequest bad_header = get("/echo");
  bad_header.headers = {{"X", "a\r\nY: b"}};
  EXPECT_EQ(client_.fetch(bad_header).error().code, Errc::kMalformed);
  ClientRequest bad_method = get("/echo");
  bad_method.method = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(client_.fetch(bad_method).error().code, Errc::kMalformed);
}

TEST_F(HttpClientTest, NobodyThereIsClosed) {
  std::uint16_t port = 0;
  {
    TestServer gone(ListenSpec{});
    port = gone.port();
  }
  ClientRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/?key=secret";
  const auto response = client_.fetch(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Errc::kClosed);
  EXPECT_EQ(response.error().detail.find("secret"), std::string::npos);
}

TEST_F(HttpClientTest, PrivateAddressesAreRefusedWhereAsked) {
  ClientRequest request = get("/echo");
  request.public_addresses_only = true;
  const auto loopback = client_.fetch(request);
  ASSERT_FALSE(loopback);
  EXPECT_EQ(loopback.error().code, Errc::kRejected) << loopback.error().detail;
  for (const std::string host : {"10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
                                 "[::1]", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:10.0.0.1]", "[2001:db8::1]"}) {
    request.url = "http://" + host + "/";
    request.timeouts.connect = milliseconds{500};
    const auto response = client_.fetch(request);
    ASSERT_FALSE(response) << host;
    EXPECT_EQ(response.error().code, Errc::kRejected) << host << " " << response.error().detail;
  }
}

TEST_F(HttpClientTest, ShuttingDownEndsWhatIsRunning) {
  Errc code = Errc::kInternal;
  {
    HttpClient client;
    client.start_detached(get("/never"), [&](const Result<ClientResponse>& result) { code = result.error().code; });
    ASSERT_TRUE(waiter_.wait([&] { return kept_.size() == 1; }));
  }
  EXPECT_EQ(code, Errc::kClosed);
}

TEST_F(HttpClientTest, ManyRequestsAtOnceAllEnd) {
  int done = 0;
  int good = 0;
  std::vector<HttpTransfer> transfers;
  for (int i = 0; i < 200; ++i) {
    ClientRequest request = get("/echo");
    request.method = "POST";
    request.body = std::to_string(i);
    transfers.push_back(client_.start(std::move(request), [&, i](const Result<ClientResponse>& result) {
      waiter_.change([&] {
        ++done;
        if (result && result->body == "POST " + std::to_string(i)) ++good;
      });
    }));
  }
  ASSERT_TRUE(waiter_.wait([&] { return done == 200; }));
  EXPECT_EQ(good, 200);
}

TEST(HttpClientTls, VerifiesCertificatesAlways) {
  const TestCertificate certificate;
  ListenSpec spec;
  spec.tls = TlsFiles{certificate.certificate(), certificate.key()};
  spec.routes.push_back({.methods = {"GET"}, .pattern = "/", .handler = at_once([](const HttpRequest& request) {
                                                               return HttpResponse::text(
                                                                   200, request.tls ? "secure" : "plain");
                                                             })});
  TestServer server(std::move(spec));
  ClientRequest request;
  request.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/";

  HttpClient stranger;
  const auto refused = stranger.fetch(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kRejected) << refused.error().detail;

  HttpClientOptions options;
  options.extra_ca_file = certificate.certificate();
  HttpClient friendly(options);
  const auto answered = friendly.fetch(request);
  ASSERT_TRUE(answered) << to_string(answered.error());
  EXPECT_EQ(answered->body, "secure");
  EXPECT_GT(answered->timings.tls_done.count(), 0);
}

TEST(Url, IsTakenApartWithoutGuessing) {
  const auto url = parse_url("HTTPS://Example.com:8443/a%20b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "Example.com");
  EXPECT_EQ(url->port, "8443");
  EXPECT_EQ(url->target, "/a%20b?c=d");
  EXPECT_EQ(url->authority(), "Example.com:8443");
  EXPECT_EQ(parse_url("wss://h?x")->target, "/?x");
  EXPECT_EQ(parse_url("ws://[::1]:80/")->authority(), "[::1]");
  EXPECT_EQ(parse_url("http://[::1]")->port, "80");
  for (const char* bad : {"", "example.com", "ftp://h/", "http://", "http://h:0/", "http://h:65536/", "http://h:x/",
                          "http://user@h/", "http://h /", "http://[::1", "http://a:b:c/", "http://h\r\n/"}) {
    EXPECT_FALSE(parse_url(bad)) << bad;
  }
}

}  // namespace
}  // namespace al::net
