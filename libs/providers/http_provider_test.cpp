#include "providers/http_provider.h"

#include <gtest/gtest.h>

namespace al::providers {
namespace {

const WallTime kNow = WallTime(seconds(1'790'000'000));  // Mon, 21 Sep 2026 14:13:20 GMT
const RetryPolicy kPatient{.budget = seconds{60}};

std::optional<Duration> delay(int status, const net::HttpHeaders& headers, int retry = 1, double unit = 0) {
  return retry_delay(kPatient, retry, status, headers, unit, kNow, {});
}

TEST(RetryDelay, FollowsTheServersWishBeforeItsOwnRule) {
  EXPECT_EQ(delay(429, {{"Retry-After-Ms", "250"}, {"Retry-After", "7"}}), milliseconds(250));
  EXPECT_EQ(delay(429, {{"retry-after", "1.5"}}), milliseconds(1500));
  EXPECT_EQ(delay(503, {{"retry-after", "Mon, 21 Sep 2026 14:13:23 GMT"}}), seconds(3));
  EXPECT_EQ(delay(503, {{"retry-after", "Mon, 21 Sep 2026 14:00:00 GMT"}}), seconds(0));
  EXPECT_EQ(delay(503, {{"retry-after", "soon"}}), milliseconds(500));
}

TEST(RetryDelay, GrowsAndIsShortenedByUpToAQuarter) {
  const RetryPolicy policy{.max_retries = 10, .budget = seconds{600}};
  const auto nth = [&](int retry, double unit) { return retry_delay(policy, retry, 500, {}, unit, kNow, {}); };
  EXPECT_EQ(nth(1, 0), milliseconds(500));
  EXPECT_EQ(nth(2, 0), seconds(1));
  EXPECT_EQ(nth(5, 0), seconds(8));
  EXPECT_EQ(nth(10, 0), seconds(8));
  EXPECT_NEAR(static_cast<double>(nth(1, 0.999)->count()), 375'000, 500);
}

TEST(RetryDelay, TriesAgainOnlyWhatMayPass) {
  for (int status : {0, 408, 409, 429, 500, 502, 503, 529}) EXPECT_TRUE(delay(status, {}).has_value()) << status;
  for (int status : {200, 301, 400, 401, 403, 404, 413, 422}) EXPECT_FALSE(delay(status, {}).has_value()) << status;
  EXPECT_FALSE(delay(503, {{"x-should-retry", "false"}}).has_value());
  EXPECT_TRUE(delay(400, {{"x-should-retry", "true"}}).has_value());
}

TEST(RetryDelay, GivesUpWhereTheWaitIsLongerThanACallerWaits) {
  const RetryPolicy voice{.budget = milliseconds{800}};
  EXPECT_EQ(retry_delay(voice, 1, 429, {{"retry-after-ms", "700"}}, 0, kNow, {}), milliseconds(700));
  EXPECT_FALSE(retry_delay(voice, 1, 429, {{"retry-after", "1"}}, 0, kNow, {}).has_value());
  EXPECT_FALSE(retry_delay(voice, 2, 500, {}, 0, kNow, milliseconds(500)).has_value());
  EXPECT_FALSE(retry_delay(voice, 3, 429, {{"retry-after-ms", "1"}}, 0, kNow, {}).has_value());
}

TEST(HttpRefusal, NamesTheProvidersOwnReason) {
  const auto detail = [](int status, std::string_view body) { return http_refusal("p", status, body).detail; };
  EXPECT_EQ(
      detail(401,
             R"({"error":{"message":"Incorrect API key","type":"invalid_request_error","code":"invalid_api_key"}})"),
      "p: HTTP 401, invalid_request_error/invalid_api_key: Incorrect API key");
  EXPECT_EQ(detail(529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"),
            "p: HTTP 529, overloaded_error: Overloaded");
  EXPECT_EQ(detail(403, R"({"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}})"),
            "p: HTTP 403, PERMISSION_DENIED/403: no");
  EXPECT_EQ(detail(401, R"({"detail":{"status":"invalid_api_key","message":"bad"}})"),
            "p: HTTP 401, invalid_api_key: bad");
  EXPECT_EQ(detail(400, R"({"error":"invalid_grant","error_description":"Bad JWT"})"),
            "p: HTTP 400, invalid_grant: Bad JWT");
  EXPECT_EQ(detail(502, "<html><body>Bad Gateway</body></html>"),
            "p: HTTP 502, a page instead of an answer: is the base URL right?");
  EXPECT_EQ(detail(500, " \n"), "p: HTTP 500, no explanation");
}

// The status was 200 long before: naming one would send the reader to the wrong place.
TEST(HttpRefusal, AnErrorInsideAnAnswerNamesNoStatus) {
  const auto inside = [](std::string_view body) { return error_in_answer(body); };
  const Error broken = inside(R"({"error":{"message":"The server had an error","type":"server_error"}})");
  EXPECT_EQ(broken.detail, "an error in the answer, server_error: The server had an error");
  EXPECT_EQ(broken.code, Errc::kClosed);
  EXPECT_EQ(inside(R"({"message":"slow down","type":"rate_limit_exceeded"})").code, Errc::kRateLimited);
  EXPECT_EQ(inside(R"({"error":{"type":"authentication_error","message":"invalid x-api-key"}})").code, Errc::kRejected);
  EXPECT_EQ(refusal_text(R"({"oops":1})"), R"({"oops":1})");
}

TEST(HttpRefusal, SortsStatusesByWhatACallerCanDo) {
  const auto code = [](int status) { return http_refusal("p", status, "").code; };
  EXPECT_EQ(code(400), Errc::kRejected);
  EXPECT_EQ(code(401), Errc::kRejected);
  EXPECT_EQ(code(404), Errc::kNotFound);
  EXPECT_EQ(code(408), Errc::kTimeout);
  EXPECT_EQ(code(429), Errc::kRateLimited);
  EXPECT_EQ(code(500), Errc::kClosed);
  EXPECT_EQ(http_refusal("p", 429, "", {{"retry-after", "2"}}, kNow).retry_after, seconds(2));
}

TEST(HttpRefusal, NeverRepeatsAKey) {
  const std::string body =
      R"({"error":{"message":"Incorrect API key provided: sk-proj-abcd1234. Bearer ya29.a0AfB_byC and 0123456789abcdef0123456789abcdef"}})";
  const std::string detail = http_refusal("p", 401, body).detail;
  EXPECT_EQ(detail.find("abcd1234"), std::string::npos);
  EXPECT_EQ(detail.find("a0AfB"), std::string::npos);
  EXPECT_EQ(detail.find("0123456789abcdef"), std::string::npos);
  EXPECT_NE(detail.find("Incorrect API key provided: ***"), std::string::npos);
}

TEST(PrintableExcerpt, IsOneLineOfValidTextWithinItsBound) {
  EXPECT_EQ(printable_excerpt("a\nb\x01"), "a b ");
  EXPECT_EQ(printable_excerpt("\xFFx"), "\xEF\xBF\xBDx");
  EXPECT_LE(printable_excerpt(std::string(5000, 'x')).size(), 300U);
  EXPECT_EQ(printable_excerpt("אבג", 5), "אב");
}

TEST(QuotaIsExhausted, TellsALimitFromAnEmptyAccount) {
  EXPECT_TRUE(quota_is_exhausted(R"({"error":{"code":"insufficient_quota"}})"));
  EXPECT_FALSE(quota_is_exhausted(R"({"error":{"code":"rate_limit_exceeded"}})"));
}

}  // namespace
}  // namespace al::providers
