#include <gtest/gtest.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/random.h"
#include "core/time.h"

namespace al {
namespace {

TEST(Ids, TwilioSidsAreTwoLettersAnd32HexDigits) {
  EXPECT_TRUE(is_twilio_sid("CA0123456789abcdef0123456789ABCDEF", "CA"));
  EXPECT_FALSE(is_twilio_sid("CA0123456789abcdef0123456789ABCDE", "CA"));
  EXPECT_FALSE(is_twilio_sid("CA0123456789abcdef0123456789ABCDEG", "CA"));
  EXPECT_FALSE(is_twilio_sid("MZ0123456789abcdef0123456789ABCDEF", "CA"));
  EXPECT_FALSE(is_twilio_sid("", "CA"));
}

TEST(Time, MediaTimeCountsSamples) {
  EXPECT_EQ(MediaTime::from_ms(20).samples, 160);
  EXPECT_EQ(MediaTime{161}.ms(), 20);
  EXPECT_EQ(MediaTime{1}.duration(), microseconds{125});
}

TEST(Time, IsoTextHasMillisecondsAndZone) {
  EXPECT_EQ(to_iso8601(WallTime{milliseconds{1}}), "1970-01-01T00:00:00.001Z");
}

TEST(Error, TextNamesCodeAndDetail) {
  EXPECT_EQ(to_string(Error{Errc::kTimeout, "stt"}), "timeout: stt");
}

TEST(Random, SameSeedSameSequence) {
  Random a(7);
  Random b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a(), b());
  EXPECT_LT(a.unit(), 1.0);
}

}  // namespace
}  // namespace al
