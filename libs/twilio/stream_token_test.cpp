#include "twilio/stream_token.h"

#include <gtest/gtest.h>

namespace al::twilio {
namespace {

constexpr std::string_view kKey = "a secret of this node and its brothers";
const WallTime kNow{seconds{1'800'000'000}};

std::string mint(StreamTokenKind kind = StreamTokenKind::kCall, std::uint8_t nonce = 1) {
  StreamTokenRequest request;
  request.account_sid = "AC1";
  request.call_sid = "CA1";
  request.kind = kind;
  request.now = kNow;
  request.nonce.fill(nonce);
  return mint_stream_token(kKey, request);
}

Errc error_of(const Result<StreamTokenClaims>& result) {
  return result ? Errc::kInternal : result.error().code;
}

TEST(StreamToken, IsAcceptedForItsCallUntilItExpires) {
  const std::string token = mint();
  EXPECT_LT(token.size(), 120U) << "name and value of a <Parameter> stay under 500 characters";
  const auto claims = check_stream_token(kKey, token, "AC1", "CA1", kNow + seconds{59});
  ASSERT_TRUE(claims.has_value());
  EXPECT_EQ(claims->kind, StreamTokenKind::kCall);
  EXPECT_EQ(error_of(check_stream_token(kKey, token, "AC1", "CA1", kNow + seconds{60})), Errc::kTimeout);
  EXPECT_TRUE(check_stream_token(kKey, token, "AC1", "CA1", kNow + seconds{61}, seconds{5}).has_value());
}

TEST(StreamToken, IsWorthNothingElsewhere) {
  const std::string token = mint();
  EXPECT_EQ(error_of(check_stream_token(kKey, token, "AC1", "CA2", kNow)), Errc::kRejected);
  EXPECT_EQ(error_of(check_stream_token(kKey, token, "AC2", "CA1", kNow)), Errc::kRejected);
  EXPECT_EQ(error_of(check_stream_token("another key", token, "AC1", "CA1", kNow)), Errc::kRejected);
  // Account and call cannot be shifted against each other.
  EXPECT_EQ(error_of(check_stream_token(kKey, token, "AC1C", "A1", kNow)), Errc::kRejected);
  EXPECT_EQ(error_of(check_stream_token(kKey, "", "AC1", "CA1", kNow)), Errc::kMalformed);
}

TEST(StreamToken, EveryChangedCharacterIsNoticed) {
  const std::string token = mint();
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const char c : {'A', '0', '.', 'z', '-'}) {
      std::string changed = token;
      if (changed[i] == c) continue;
      changed[i] = c;
      EXPECT_FALSE(check_stream_token(kKey, changed, "AC1", "CA1", kNow).has_value()) << changed;
    }
    EXPECT_FALSE(check_stream_token(kKey, token.substr(0, i), "AC1", "CA1", kNow).has_value());
  }
}

TEST(StreamToken, OfThePreviewIsMarked) {
  const auto claims = check_stream_token(kKey, mint(StreamTokenKind::kPreview), "AC1", "CA1", kNow);
  ASSERT_TRUE(claims.has_value());
  EXPECT_EQ(claims->kind, StreamTokenKind::kPreview);
}

TEST(NonceLedger, LetsEachTokenInOnce) {
  NonceLedger ledger;
  const auto claims = check_stream_token(kKey, mint(), "AC1", "CA1", kNow);
  EXPECT_TRUE(ledger.use(*claims, kNow));
  EXPECT_FALSE(ledger.use(*claims, kNow));
}

TEST(NonceLedger, StaysWithinItsBoundAndForgetsOnlyTheExpired) {
  NonceLedger ledger(3);
  for (std::uint8_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(ledger.use(*check_stream_token(kKey, mint(StreamTokenKind::kCall, i), "AC1", "CA1", kNow), kNow));
  }
  const auto fourth = check_stream_token(kKey, mint(StreamTokenKind::kCall, 9), "AC1", "CA1", kNow);
  EXPECT_FALSE(ledger.use(*fourth, kNow));
  EXPECT_TRUE(ledger.use(*fourth, kNow + seconds{200}));
  EXPECT_EQ(ledger.size(), 1U);
}

}  // namespace
}  // namespace al::twilio
