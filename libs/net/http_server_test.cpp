#include "net/http_server.h"

#include <gtest/gtest.h>

#include "core/log.h"
#include "net/net_test_support.h"

namespace al::net {
namespace {

using test::EchoHandler;
using test::RawClient;
using test::TestServer;
using test::Waiter;

ListenSpec demo_listener() {
  ListenSpec spec;
  spec.routes.push_back({.methods = {"GET"}, .pattern = "/hello", .handler = at_once([](const HttpRequest&) {
                                                                    return HttpResponse::text(200, "hello");
                                                                  })});
  spec.routes.push_back(
      {.methods = {"POST"},
       .pattern = "/form",
       .handler = at_once([](const HttpRequest& request) { return HttpResponse::text(200, request.body); }),
       .content_types = {"application/x-www-form-urlencoded"},
       .needs_body = true,
       .max_body = 1'000});
  spec.routes.push_back({.methods = {"GET"},
                         .pattern = "/calls/{sid}",
                         .handler = at_once([](const HttpRequest& request) {
                           return HttpResponse::text(200,
                                                     request.parameters.at("sid") + "|" + std::string(request.query()));
                         })});
  spec.routes.push_back({.methods = {"GET"}, .pattern = "/static/*", .handler = at_once([](const HttpRequest& request) {
                                                                       return HttpResponse::text(
                                                                           200, request.parameters.at("*"));
                                                                     })});
  spec.routes.push_back({.methods = {"POST"}, .pattern = "/nothing", .handler = at_once([](const HttpRequest&) {
                                                                       return HttpResponse::empty(204);
                                                                     })});
  spec.routes.push_back(
      {.methods = {"GET"}, .pattern = "/throws", .handler = [](const HttpRequestPtr&, const Responder&) {
         throw std::runtime_error("broken");
       }});
  spec.routes.push_back(
      {.methods = {"GET"}, .pattern = "/forgets", .handler = [](const HttpRequestPtr&, const Responder&) {}});
  WsRoute socket;
  socket.pattern = "/ws";
  socket.accept = [](const HttpRequest&) {
    WsDecision decision;
    decision.refuse = HttpResponse::text(503, "full");
    return decision;
  };
  spec.websockets.push_back(std::move(socket));
  return spec;
}

class HttpServerTest : public ::testing::Test {
 protected:
  RawClient::Response ask(std::string_view text, bool head = false) {
    RawClient client(server_.port());
    return client.request(text, head);
  }
  TestServer server_{demo_listener()};
};

TEST_F(HttpServerTest, AnswersGetAndHeadWithTheSameHeader) {
  const auto get = ask("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.body, "hello");
  EXPECT_TRUE(get.has("Content-Type: text/plain; charset=utf-8"));
  EXPECT_NE(get.header.find("\r\nDate: "), std::string::npos);
  const auto head = ask("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.has("Content-Length: 5"));
  EXPECT_EQ(head.body, "");
}

TEST_F(HttpServerTest, AnswersSeveralRequestsOfOneConnectionInOrder) {
  RawClient client(server_.port());
  client.send(
      "GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /calls/a%2Fb?x=1&y= HTTP/1.1\r\nHost: h\r\n\r\n"
      "GET /nope HTTP/1.1\r\nHost: h\r\n\r\nPOST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_EQ(client.read_response().body, "a%2Fb|x=1&y=") << "nothing is decoded";
  EXPECT_EQ(client.read_response().status, 404);
  const auto nothing = client.read_response();
  EXPECT_EQ(nothing.status, 204);
  EXPECT_EQ(nothing.header.find("Content-Length"), std::string::npos);
}

TEST_F(HttpServerTest, MatchesExactBeforeParameterBeforeRest) {
  EXPECT_EQ(ask("GET /static/a/b.wav HTTP/1.1\r\nHost: h\r\n\r\n").body, "a/b.wav");
  EXPECT_EQ(ask("GET /static/ HTTP/1.1\r\nHost: h\r\n\r\n").status, 404);
  EXPECT_EQ(ask("GET /calls/ HTTP/1.1\r\nHost: h\r\n\r\n").status, 404);
  EXPECT_EQ(ask("GET /calls/a/b HTTP/1.1\r\nHost: h\r\n\r\n").status, 404);
  EXPECT_EQ(ask("GET http://h/hello HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
}

TEST_F(HttpServerTest, NamesTheMethodsThatItTakes) {
  const auto answer = ask("DELETE /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(answer.status, 405);
  EXPECT_TRUE(answer.has("Allow: GET, HEAD"));
}

struct Refusal {
  const char* name;
  std::string request;
  int status;
};
void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.name;
}

class HttpRefusals : public ::testing::TestWithParam<Refusal> {};

TEST_P(HttpRefusals, GetTheRightStatusAndTheConnectionEnds) {
  TestServer server(demo_listener());
  RawClient client(server.port());
  client.send(GetParam().request);
  EXPECT_EQ(client.read_response().status, GetParam().status);
}

const std::string kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  text.replace(text.find(from), from.size(), to);
  return text + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    All, HttpRefusals,
    ::testing::Values(
        Refusal{"not_http", "hello\r\n\r\n", 400}, Refusal{"no_host", "GET /hello HTTP/1.1\r\n\r\n", 400},
        Refusal{"two_hosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        Refusal{"bad_header", "GET /hello HTTP/1.1\r\nHost h\r\n\r\n", 400},
        Refusal{"space_in_name", "GET /hello HTTP/1.1\r\nHost : h\r\n\r\n", 400},
        Refusal{"http_2_0", "GET /hello HTTP/2.0\r\nHost: h\r\n\r\n", 505},
        Refusal{"bad_length", "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400},
        Refusal{"negative_length", "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
        Refusal{"two_lengths", "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                400},
        Refusal{"length_and_chunked",
                "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400},
        Refusal{"bad_chunk",
                "POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
                400},
        Refusal{"no_length", "POST /form HTTP/1.1\r\nHost: h\r\n\r\n", 411},
        Refusal{"too_long", "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", 413},
        Refusal{"huge_length", "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999\r\n\r\n", 413},
        Refusal{"chunks_too_long",
                "POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                "Transfer-Encoding: chunked\r\n\r\n500\r\n" +
                    std::string(0x500, 'a') + "\r\n0\r\n\r\n",
                413},
        Refusal{"wrong_type", "POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n\r\na",
                415},
        Refusal{"no_type", "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na", 415},
        Refusal{"long_header", "GET /hello HTTP/1.1\r\nHost: h\r\nX: " + std::string(17'000, 'a') + "\r\n\r\n", 431},
        Refusal{"long_target", "GET /" + std::string(17'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
        Refusal{"handler_throws", "GET /throws HTTP/1.1\r\nHost: h\r\n\r\n", 500},
        Refusal{"handler_forgets", "GET /forgets HTTP/1.1\r\nHost: h\r\n\r\n", 500},
        Refusal{"socket_without_upgrade", "GET /ws HTTP/1.1\r\nHost: h\r\n\r\n", 426},
        Refusal{"socket_refused", kUpgrade + "\r\n", 503},
        Refusal{"socket_with_slash", replaced(kUpgrade, "/ws ", "/ws/ "), 503},
        Refusal{"socket_by_post", replaced(kUpgrade, "GET", "POST"), 405},
        Refusal{"socket_version_8", replaced(kUpgrade, "Version: 13", "Version: 8"), 426},
        Refusal{"socket_short_key", replaced(kUpgrade, "dGhlIHNhbXBsZSBub25jZQ==", "dGhl"), 400},
        Refusal{"socket_odd_key", replaced(kUpgrade, "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j!Q=="), 400},
        Refusal{"socket_http_1_0", replaced(kUpgrade, "HTTP/1.1", "HTTP/1.0"), 400},
        Refusal{"socket_from_a_page", kUpgrade + "Origin: https://evil.example\r\n\r\n", 403},
        Refusal{"socket_with_body", kUpgrade + "Content-Length: 1\r\n\r\na", 400}),
    [](const auto& param) { return std::string(param.param.name); });

TEST_F(HttpServerTest, TakesAFormWithLengthOrInChunks) {
  EXPECT_EQ(ask("POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
                "Content-Length: 3\r\n\r\na=b")
                .body,
            "a=b");
  EXPECT_EQ(ask("POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                "Transfer-Encoding: chunked\r\n\r\n2\r\na=\r\n1\r\nb\r\n0\r\n\r\n")
                .body,
            "a=b");
}

TEST_F(HttpServerTest, SaysContinueBeforeTheBody) {
  RawClient client(server_.port());
  client.send(
      "POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 100);
  EXPECT_EQ(client.request("a=b").body, "a=b");
}

TEST_F(HttpServerTest, ClosesWhereTheClientAsksForIt) {
  RawClient client(server_.port());
  const auto answer = client.request("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.has("Connection: close"));
  EXPECT_TRUE(client.ended());
  RawClient old(server_.port());
  EXPECT_EQ(old.request("GET /hello HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(old.ended());
}

TEST_F(HttpServerTest, HeaderValuesCannotBreakTheirLine) {
  ListenSpec spec;
  spec.routes.push_back(
      {.methods = {"GET"}, .pattern = "/", .handler = at_once([](const HttpRequest&) {
                                             HttpResponse response = HttpResponse::empty(204);
                                             response.headers.push_back({"X-Name", "a\r\nSet-Cookie: b"});
                                             return response;
                                           })});
  TestServer server(std::move(spec));
  RawClient client(server.port());
  const auto answer = client.request("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(answer.has("X-Name: a  Set-Cookie: b"));
}

TEST(HttpServerLimits, SlowHeadersAndBodiesGet408) {
  ServerLimits limits;
  limits.header_timeout = milliseconds{40};
  limits.body_timeout = milliseconds{40};
  TestServer server(demo_listener(), limits);
  RawClient header(server.port());
  EXPECT_EQ(header.request("GET /hello HTTP/1.1\r\nHost:").status, 408);
  RawClient body(server.port());
  EXPECT_EQ(body.request("POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                         "Content-Length: 10\r\n\r\nabc")
                .status,
            408);
  RawClient silent(server.port());
  EXPECT_TRUE(silent.ended());
  EXPECT_GE(server.server().stats().timeouts, 3U);
}

TEST(HttpServerLimits, IdleConnectionsEnd) {
  ServerLimits limits;
  limits.idle_timeout = milliseconds{40};
  TestServer server(demo_listener(), limits);
  RawClient client(server.port());
  EXPECT_EQ(client.request("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
  EXPECT_TRUE(client.ended());
}

TEST(HttpServerLimits, AFloodOfSilentConnectionsDoesNotKeepOthersOut) {
  ServerLimits limits;
  limits.max_unauthenticated = 8;
  TestServer server(demo_listener(), limits);
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<RawClient>(server.port()));
    if (i % 10 == 0) {
      RawClient honest(server.port());
      EXPECT_EQ(honest.request("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
    }
  }
  RawClient honest(server.port());
  EXPECT_EQ(honest.request("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
  EXPECT_LE(server.server().stats().unauthenticated, 9U);
  EXPECT_GE(server.server().stats().evicted, 80U);
}

TEST(HttpServerLimits, TheRequestsOfOneConnectionAreCounted) {
  ServerLimits limits;
  limits.requests_per_connection = 2;
  TestServer server(demo_listener(), limits);
  RawClient client(server.port());
  EXPECT_FALSE(client.request("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").has("Connection: close"));
  EXPECT_TRUE(client.request("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").has("Connection: close"));
  EXPECT_TRUE(client.ended());
}

TEST(HttpServerDeadline, AnswersForAHandlerThatTakesTooLong) {
  std::vector<Responder> kept;
  Waiter waiter;
  ListenSpec spec;
  spec.routes.push_back({.methods = {"GET"},
                         .pattern = "/slow",
                         .handler = [&](const HttpRequestPtr&,
                                        const Responder& respond) { waiter.change([&] { kept.push_back(respond); }); },
                         .deadline = milliseconds{30},
                         .on_deadline = [](const HttpRequest&) { return HttpResponse::text(200, "degraded"); }});
  TestServer server(std::move(spec));
  RawClient client(server.port());
  EXPECT_EQ(client.request("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n").body, "degraded");
  kept[0](HttpResponse::text(200, "too late"));
  client.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(waiter.wait([&] { return kept.size() == 2; }));
  kept[1](HttpResponse::text(200, "in time"));
  kept[1](HttpResponse::text(200, "twice"));
  EXPECT_EQ(client.read_response().body, "in time");
}

TEST(HttpServerRoutes, TheSameRouteTwiceIsAnError) {
  LoopThread thread("test");
  HttpServer server({&thread.loop()});
  ListenSpec spec = demo_listener();
  spec.routes.push_back(spec.routes.front());
  const Result<void> result = server.listen(std::move(spec));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kConflict);
  EXPECT_NE(result.error().detail.find("/hello"), std::string::npos);
}

TEST(HttpServerRoutes, AnAddressThatIsTakenIsNamed) {
  TestServer first(demo_listener());
  LoopThread thread("test");
  HttpServer second({&thread.loop()});
  ListenSpec spec = demo_listener();
  spec.port = first.port();
  const Result<void> result = second.listen(std::move(spec));
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().detail.find(std::to_string(first.port())), std::string::npos);
}

TEST(HttpServerStop, LetsARequestFinishAndRefusesNewConnections) {
  Waiter waiter;
  std::optional<Responder> kept;
  ListenSpec spec = demo_listener();
  spec.routes.push_back(
      {.methods = {"GET"}, .pattern = "/wait", .handler = [&](const HttpRequestPtr&, const Responder& respond) {
         waiter.change([&] { kept = respond; });
       }});
  TestServer server(std::move(spec), {}, 2);
  RawClient idle(server.port());
  EXPECT_EQ(idle.request("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
  RawClient client(server.port());
  client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(waiter.wait([&] { return kept.has_value(); }));
  server.server().stop_accepting();
  EXPECT_TRUE(idle.ended());
  (*kept)(HttpResponse::text(200, "done"));
  const auto answer = client.read_response();
  EXPECT_EQ(answer.body, "done");
  EXPECT_TRUE(answer.has("Connection: close"));
}

}  // namespace
}  // namespace al::net
