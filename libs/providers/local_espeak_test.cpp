#include "providers/local_espeak.h"

#include <thread>

#include <gtest/gtest.h>

namespace al::providers {
namespace {

TEST(SimplifyNiqqud, KeepsDageshOnlyWhereItIsHeard) {
  EXPECT_EQ(simplify_niqqud("תּוֹדָה"), "תוֹדָה");
  EXPECT_EQ(simplify_niqqud("בַּיִת"), "\u05D1\u05BC\u05B7\u05D9\u05B4\u05EA");  // bet, dagesh, vowel: in this order
  EXPECT_EQ(simplify_niqqud("\u05D1\u05B7\u05BC"), "\u05D1\u05BC\u05B7");     // as NFC has it
  EXPECT_EQ(simplify_niqqud("סוּס"), "סוּס");                                   // shuruq is a vowel
}

TEST(SimplifyNiqqud, ShinLosesItsDotAndSinBecomesSamekh) {
  EXPECT_EQ(simplify_niqqud("שָׁלוֹם"), "\u05E9\u05B8\u05DC\u05D5\u05B9\u05DD");
  EXPECT_EQ(simplify_niqqud("שִׂים"), "\u05E1\u05B4\u05D9\u05DD");
}

TEST(SimplifyNiqqud, HolamStandsOnAVav) {
  EXPECT_EQ(simplify_niqqud("חֹדֶשׁ"), "\u05D7\u05D5\u05B9\u05D3\u05B6\u05E9");
  EXPECT_EQ(simplify_niqqud("\u05DC\u05B9\u05D5\u05DD"), "\u05DC\u05D5\u05B9\u05DD");  // written before the vav
}

TEST(SimplifyNiqqud, PresentationFormsAreTakenApart) {
  EXPECT_EQ(simplify_niqqud("\uFB31\u05B7"), "\u05D1\u05BC\u05B7");
  EXPECT_EQ(simplify_niqqud("\uFB2B"), "\u05E1");
  EXPECT_EQ(simplify_niqqud("\uFB4B"), "\u05D5\u05B9");
}

TEST(SimplifyNiqqud, OtherTextPassesUnchanged) {
  for (const char* text : {"", "Hello, world!", "שלום עולם", "דירה 4 חדרים, 2.5 מיליון ₪"}) {
    EXPECT_EQ(simplify_niqqud(text), text);
  }
}

TEST(IsPointedHebrew, CountsWordsWithMarks) {
  EXPECT_TRUE(is_pointed_hebrew("שָׁלוֹם לְכֻלָּם"));
  EXPECT_FALSE(is_pointed_hebrew("שלום לכולם"));
  EXPECT_FALSE(is_pointed_hebrew("Hello"));
  EXPECT_FALSE(is_pointed_hebrew(""));
}

TEST(Espeak, AMissingProgramIsSaidPlainly) {
  const auto spoken = espeak_speak("hello", {.program = "no-such-voice-program"});
  ASSERT_FALSE(spoken);
  EXPECT_EQ(spoken.error().code, Errc::kNotFound);
  EXPECT_FALSE(espeak_is_installed("no-such-voice-program"));
}

TEST(Espeak, SpeaksHebrewAtTelephoneRate) {
  if (!espeak_is_installed()) GTEST_SKIP() << "espeak-ng is not installed";
  const auto spoken = espeak_speak(simplify_niqqud("שָׁלוֹם, אֲנִי מָיָה"), {.language = "he"});
  ASSERT_TRUE(spoken) << to_string(spoken.error());
  EXPECT_GT(spoken->size(), 6000U);
  EXPECT_LT(spoken->size(), 40'000U);
}

TEST(Espeak, AnUnknownLanguageIsRefused) {
  if (!espeak_is_installed()) GTEST_SKIP() << "espeak-ng is not installed";
  const auto spoken = espeak_speak("hello", {.language = "xx"});
  ASSERT_FALSE(spoken);
  EXPECT_EQ(spoken.error().code, Errc::kUnsupported);
}

// A stand-in that never ends: what a hanging program looks like.
constexpr const char* kHanging = AL_SOURCE_DIR "/libs/providers/fakes/hanging_voice";

TEST(Espeak, AHangingProgramIsKilledAtItsTimeout) {
  const auto spoken = espeak_speak("hello", {.program = kHanging, .timeout = milliseconds{60}});
  ASSERT_FALSE(spoken);
  EXPECT_EQ(spoken.error().code, Errc::kTimeout);
}

TEST(Espeak, CancellingKillsTheProgram) {
  std::atomic<bool> cancelled{true};
  const auto spoken = espeak_speak("hello", {.program = kHanging}, &cancelled);
  ASSERT_FALSE(spoken);
  EXPECT_EQ(spoken.error().code, Errc::kClosed);
}

}  // namespace
}  // namespace al::providers
