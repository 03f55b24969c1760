#include "core/secret.h"

#include <set>

#include <gtest/gtest.h>

#include "core/random.h"

namespace al {
namespace {

// FIPS 180-2 and RFC 2202 / RFC 4231 vectors.
TEST(Secret, DigestsMatchPublishedVectors) {
  EXPECT_EQ(to_hex(as_bytes(sha1("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(as_bytes(sha256("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(as_bytes(sha256(""))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(as_bytes(hmac_sha1("Jefe", "what do ya want for nothing?"))),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(to_hex(as_bytes(hmac_sha256("Jefe", "what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      to_hex(as_bytes(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"))),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Secret, AnEmptyKeyIsAKeyAndNotTheOneBefore) {
  const auto before = hmac_sha256("something", "data");
  EXPECT_NE(hmac_sha256("", "data"), before);
  EXPECT_EQ(to_hex(as_bytes(hmac_sha1("", ""))), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

// RFC 4648 section 10.
TEST(Secret, Base64MatchesTheRfc) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64_encode(plain), encoded);
    EXPECT_EQ(base64_decode(encoded), plain);
  }
  EXPECT_EQ(base64url_encode("\xFB\xFF"), "-_8");
  EXPECT_EQ(base64url_decode("-_8"), "\xFB\xFF");
  EXPECT_EQ(base64url_decode("-_8="), "\xFB\xFF");
}

TEST(Secret, Base64RefusesWhatIsNotCanonical) {
  for (const char* bad : {"Zg=", "Zg", "Z", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "=AAA", "A===", "-_8="}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
}

TEST(Secret, EncodingsRoundTripForAllLengths) {
  Random random(1);
  for (std::size_t length = 0; length < 200; ++length) {
    std::string data;
    for (std::size_t i = 0; i < length; ++i) data += static_cast<char>(random.below(256));
    EXPECT_EQ(base64_decode(base64_encode(data)), data);
    EXPECT_EQ(base64url_decode(base64url_encode(data)), data);
    EXPECT_EQ(from_hex(to_hex(data)), data);
  }
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("zz"));
}

TEST(Secret, TokensAreLongUrlSafeAndDifferent) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = random_token();
    EXPECT_EQ(token.size(), 22u);
    EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
    seen.insert(token);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(Secret, EqualityLooksAtEveryByte) {
  EXPECT_TRUE(constant_time_equal("", ""));
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abcd"));
  std::string a = random_bytes(32);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::string b = a;
    b[i] = static_cast<char>(b[i] ^ 1);
    EXPECT_FALSE(constant_time_equal(a, b));
  }
}

}  // namespace
}  // namespace al
