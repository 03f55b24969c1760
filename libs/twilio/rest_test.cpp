#include "twilio/rest.h"

#include <gtest/gtest.h>

#include "twilio/fake_rest.h"
#include "twilio/simulated_rig.h"

namespace al::twilio {
namespace {

RestAccount account() {
  RestAccount out;
  out.account_sid = "AC1";
  out.user = "AC1";
  out.secret = "secret";
  return out;
}

std::string header(const RestRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return {};
}

// Sends a request to the fake, as libs/net would.
RestOutcome send(FakeRest& fake, const RestRequest& request) {
  const std::string host = "https://api.twilio.com";
  EXPECT_TRUE(request.url.starts_with(host));
  const auto answer =
      fake.handle(request.method, request.url.substr(host.size()), header(request, "Authorization"), request.body);
  return read_rest_answer(answer.status, answer.body, answer.retry_after);
}

TEST(Rest, RequestsAreFormPostsWithBasicCredentials) {
  const RestRequest request = redirect_call(account(), "CA1", "https://h/webhook/handle_recording?x=1&y=2");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://api.twilio.com/2010-04-01/Accounts/AC1/Calls/CA1.json");
  EXPECT_EQ(header(request, "Authorization"), "Basic QUMxOnNlY3JldA==");
  EXPECT_EQ(request.body, "Url=https%3A%2F%2Fh%2Fwebhook%2Fhandle_recording%3Fx%3D1%26y%3D2&Method=POST");
}

TEST(Rest, RegionsHaveTheirEdgeInTheName) {
  RestAccount ireland = account();
  ireland.region = "ie1";
  EXPECT_EQ(rest_host(ireland), "https://api.dublin.ie1.twilio.com");
  RestAccount edge = account();
  edge.edge = "frankfurt";
  EXPECT_EQ(rest_host(edge), "https://api.frankfurt.us1.twilio.com");
  RestAccount test = account();
  test.base_url = "http://127.0.0.1:1";
  EXPECT_EQ(rest_host(test), "http://127.0.0.1:1");
}

TEST(Rest, AnEndedCallIsAsGoodAsHungUp) {
  FakeRest fake("AC1", "AC1", "secret");
  fake.put_call("CA1", CallStatus::kInProgress);
  EXPECT_EQ(send(fake, complete_call(account(), "CA1")).verdict, RestVerdict::kOk);
  const RestOutcome again = send(fake, complete_call(account(), "CA1"));
  EXPECT_EQ(again.verdict, RestVerdict::kAlreadyOver);
  EXPECT_EQ(again.code, 21220);
  const RestOutcome unknown = send(fake, complete_call(account(), "CA2"));
  EXPECT_EQ(unknown.verdict, RestVerdict::kAlreadyOver);
  EXPECT_EQ(unknown.code, 20404);
  EXPECT_EQ(fake.take_updates().size(), 1U);
}

TEST(Rest, BusyAndBrokenServersAreAskedAgainOthersAreNot) {
  FakeRest fake("AC1", "AC1", "secret");
  fake.put_call("CA1", CallStatus::kInProgress);
  fake.fail_next(1, 429, "2");
  const RestOutcome busy = send(fake, complete_call(account(), "CA1"));
  EXPECT_EQ(busy.verdict, RestVerdict::kRetry);
  EXPECT_EQ(busy.code, 20429);
  EXPECT_EQ(busy.retry_after, seconds{2});
  fake.fail_next(1, 503);
  EXPECT_EQ(send(fake, complete_call(account(), "CA1")).verdict, RestVerdict::kRetry);
  RestAccount wrong = account();
  wrong.secret = "guess";
  EXPECT_EQ(send(fake, complete_call(wrong, "CA1")).verdict, RestVerdict::kRefused);
  EXPECT_EQ(read_rest_answer(502, "<html>bad gateway</html>", "").verdict, RestVerdict::kRetry);
  EXPECT_EQ(read_rest_answer(400, "{\"code\":21205}", "").verdict, RestVerdict::kRefused);
}

TEST(Rest, BackOffGrowsIsJitteredAndEnds) {
  Random random(3);
  for (int attempt = 1; attempt <= kMaxRestTries; ++attempt) {
    const auto wait = rest_backoff(attempt, std::nullopt, random);
    ASSERT_TRUE(wait.has_value());
    EXPECT_GE(*wait, milliseconds{50} * (1 << (attempt - 1)));
    EXPECT_LE(*wait, std::min<Duration>(milliseconds{100} * (1 << (attempt - 1)), seconds{3}));
  }
  EXPECT_EQ(rest_backoff(kMaxRestTries + 1, std::nullopt, random), std::nullopt);
  EXPECT_EQ(rest_backoff(1, seconds{2}, random), seconds{2});
  EXPECT_EQ(rest_backoff(1, seconds{3600}, random), seconds{30});
}

TEST(Rest, AnUpdateIsDoneToTheAttachedCall) {
  FakeRest fake("AC1", "AC1", "secret");
  test::Rig rig;
  fake.attach(rig.call);
  const std::string sid = rig.call.options().call_sid.str();
  rig.dial();
  rig.run(milliseconds{100});
  const auto send_now = [&](const RestRequest& request) {
    const auto answer = fake.handle(request.method, request.url.substr(request.url.find("/2010")),
                                    request.headers[0].second, request.body, rig.now);
    rig.drain();
    return read_rest_answer(answer.status, answer.body, answer.retry_after);
  };
  EXPECT_EQ(send_now(fetch_call(account(), sid)).status, "in-progress");
  EXPECT_EQ(send_now(redirect_call(account(), sid, "https://h.example/webhook/stream_ended")).verdict,
            RestVerdict::kOk);
  ASSERT_TRUE(rig.ended) << "the page behind the URL says <Hangup/>";
  EXPECT_EQ(send_now(complete_call(account(), sid)).verdict, RestVerdict::kAlreadyOver);
  EXPECT_EQ(send_now(fetch_call(account(), sid)).status, "completed");
  fake.detach(sid);
  EXPECT_EQ(send_now(complete_call(account(), sid)).code, 21220);
  EXPECT_EQ(fake.take_updates().size(), 1U);
}

TEST(Rest, MessagesUseATemplateOrFreeText) {
  FakeRest fake("AC1", "AC1", "secret");
  OutgoingMessage message;
  message.to = "whatsapp:+972500000000";
  message.from = "MG1";
  message.body = "שלום";
  message.media_urls = {"https://a", "https://b"};
  EXPECT_EQ(send(fake, send_message(account(), message)).verdict, RestVerdict::kOk);
  message.content_sid = "HX1";
  message.content_variables = "{\"1\":\"x\"}";
  EXPECT_EQ(send(fake, send_message(account(), message)).status, "queued");
  const auto sent = fake.take_messages();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].get("Body"), "שלום");
  EXPECT_EQ(sent[0].get("MessagingServiceSid"), "MG1");
  EXPECT_EQ(sent[0].size(), 5U);
  EXPECT_EQ(sent[1].find("Body"), std::nullopt);
  EXPECT_EQ(sent[1].get("ContentSid"), "HX1");
}

}  // namespace
}  // namespace al::twilio
