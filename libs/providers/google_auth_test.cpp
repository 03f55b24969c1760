#include "providers/google_auth.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/secret.h"
#include "providers/fakes/test_keys.h"

namespace al::providers {
namespace {

const WallTime kNow = WallTime(seconds(1'790'000'000));

std::string without(std::string_view text, const char* member) {
  auto document = *parse_json(text);
  document.erase(member);
  return dump_json(document);
}

TEST(ServiceAccount, IsReadFromAValueOrAFile) {
  const auto account = make_test_service_account();
  const auto by_value = load_service_account("\n " + account.json);
  ASSERT_TRUE(by_value.has_value());
  EXPECT_EQ(by_value->client_email, "agent@test-project.iam.gserviceaccount.com");
  EXPECT_EQ(by_value->token_uri, "https://oauth2.googleapis.com/token");
  const std::string path = testing::TempDir() + "al_service_account.json";
  std::ofstream(path) << account.json;
  EXPECT_TRUE(load_service_account(path).has_value());
  std::remove(path.c_str());
  EXPECT_EQ(load_service_account(path).error().code, Errc::kNotFound);
  EXPECT_EQ(load_service_account(" ").error().code, Errc::kNotFound);
}

TEST(ServiceAccount, ErrorsNameTheMemberAndNeverQuoteTheKey) {
  const auto account = make_test_service_account();
  for (const char* member : {"type", "client_email", "private_key", "private_key_id"}) {
    const auto parsed = parse_service_account(without(account.json, member));
    ASSERT_FALSE(parsed.has_value()) << member;
    EXPECT_NE(parsed.error().detail.find(member), std::string::npos);
  }
  // Cut in the middle of the private key, as a shell does that ends the value at a blank.
  const auto cut = parse_service_account(account.json.substr(0, account.json.size() / 2));
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().detail, "service account: the key is not JSON (it must be the whole key file, unchanged)");
  auto broken = *parse_json(account.json);
  broken["private_key"] = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
  EXPECT_EQ(parse_service_account(dump_json(broken)).error().detail,
            "service account: private_key is not a PEM private key");
}

TEST(ServiceAccount, NeedsNoClientIdAsLibgrpcDoes) {
  const auto parsed = parse_service_account(without(make_test_service_account().json, "client_id"));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().detail;
  EXPECT_TRUE(sign_jwt(*parsed, {.audience = "https://speech.googleapis.com/", .scope = {}, .issued_at = kNow}));
}

TEST(Jwt, HasTheHeaderAndClaimsOfASelfSignedToken) {
  const auto account = make_test_service_account();
  const auto key = *parse_service_account(account.json);
  const auto token = sign_jwt(key, {.audience = "https://speech.googleapis.com/", .scope = {}, .issued_at = kNow});
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(*base64url_decode(token->substr(0, token->find('.'))), R"({"alg":"RS256","kid":"0f1e2d3c","typ":"JWT"})");
  const auto payload = verify_jwt(*token, account.public_key_pem);
  ASSERT_TRUE(payload.has_value());
  EXPECT_EQ(*payload, R"({"aud":"https://speech.googleapis.com/","exp":1790003600,"iat":1790000000,)"
                      R"("iss":"agent@test-project.iam.gserviceaccount.com",)"
                      R"("sub":"agent@test-project.iam.gserviceaccount.com"})");
}

TEST(Jwt, IsRefusedWhenAnythingInItChanged) {
  const auto account = make_test_service_account();
  const auto key = *parse_service_account(account.json);
  const std::string token = *sign_jwt(key, {.audience = "a", .scope = {}, .issued_at = kNow});
  std::string forged = token;
  forged[token.find('.') + 5] ^= 1;
  EXPECT_FALSE(verify_jwt(forged, account.public_key_pem).has_value());
  EXPECT_FALSE(verify_jwt(token.substr(0, token.rfind('.')), account.public_key_pem).has_value());
  EXPECT_FALSE(verify_jwt("", account.public_key_pem).has_value());
  EXPECT_FALSE(verify_jwt(token, "no key").has_value());
  EXPECT_TRUE(verify_jwt(token + "==", account.public_key_pem).has_value());  // libgrpc pads
}

TEST(SelfSignedTokens, AreKeptUntilFiveMinutesBeforeTheirEnd) {
  const auto account = make_test_service_account();
  WallTime now = kNow;
  const auto source = make_self_signed_token_source(*parse_service_account(account.json),
                                                    "https://speech.googleapis.com/", [&now] { return now; });
  const auto token = [&source] {
    std::string result;
    source->request([&result](Result<std::string> t) { result = t.value_or(""); });
    return result;
  };
  const std::string first = token();
  ASSERT_FALSE(first.empty());
  now = kNow + seconds(3600 - 301);
  EXPECT_EQ(token(), first);
  now = kNow + seconds(3600 - 300);
  const std::string second = token();
  EXPECT_NE(second, first);
  now = kNow - seconds(10);  // the clock was set back
  EXPECT_NE(token(), second);
}

}  // namespace
}  // namespace al::providers
