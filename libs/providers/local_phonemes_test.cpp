#include "providers/local_phonemes.h"

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace al::providers {
namespace {

TEST(EnglishPhonemes, WordsHaveStressAndPunctuationStays) {
  EXPECT_EQ(english_phonemes("Hello, world."), "həlˈoʊ, wˈɜːld.");
}

TEST(EnglishPhonemes, NumbersMoneyAndTimesAreRead) {
  EXPECT_EQ(english_phonemes("I owe $45.50."), english_phonemes("I owe forty five dollars fifty cents."));
  EXPECT_EQ(english_phonemes("21"), english_phonemes("twenty one"));
}

TEST(EnglishPhonemes, CurrencySignsAreReadBehindTheAmount) {
  EXPECT_EQ(english_phonemes("₪500."), english_phonemes("500 shekels."));
  EXPECT_EQ(english_phonemes("about €20 a day"), english_phonemes("about 20 euros a day"));
}

TEST(EnglishPhonemes, TypographicTextIsTheSameAsPlainText) {
  EXPECT_EQ(english_phonemes("I’m here"), english_phonemes("I'm here"));
  EXPECT_EQ(english_phonemes("a café"), english_phonemes("a cafe"));
}

TEST(EnglishPhonemes, TextWithoutWordsHasNoSound) {
  EXPECT_EQ(english_phonemes(""), "");
  EXPECT_EQ(english_phonemes("   "), "");
  EXPECT_EQ(english_phonemes("שלום"), "");
}

TEST(EnglishPhonemes, SurvivesAnyBytes) {
  std::string bytes;
  for (int i = 1; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_FALSE(english_phonemes(bytes).empty());
  EXPECT_NO_FATAL_FAILURE(english_phonemes("\xE2\x82"));  // cut in the middle of a character
}

TEST(FliteVoice, SpeaksAtTelephoneRate) {
  for (const FliteVoice voice : {FliteVoice::kRms, FliteVoice::kSlt, FliteVoice::kAwb, FliteVoice::kKal}) {
    const auto pcm = flite_speak("How many rooms do you need?", voice, 1.0);
    EXPECT_GT(pcm.size(), 8000U);
    EXPECT_LT(pcm.size(), 32'000U);
    EXPECT_GT(*std::max_element(pcm.begin(), pcm.end()), 2000);
  }
}

TEST(FliteVoice, RateChangesTheLength) {
  const auto slow = flite_speak("How many rooms do you need?", FliteVoice::kRms, 0.8).size();
  const auto fast = flite_speak("How many rooms do you need?", FliteVoice::kRms, 1.4).size();
  EXPECT_GT(static_cast<double>(slow), 1.5 * static_cast<double>(fast));
}

TEST(FliteVoice, UnknownNamesAreRefusedWithTheLegalOnes) {
  const auto voice = parse_flite_voice("bob");
  ASSERT_FALSE(voice);
  EXPECT_NE(voice.error().detail.find("rms, slt, awb, kal"), std::string::npos);
}

TEST(EnglishPhonemes, ThreadsGetTheSameAnswer) {
  const std::string expected = english_phonemes("Two apartments near the park, please.");
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        if (t == 0) wrong[t] += flite_speak("Meanwhile.", FliteVoice::kRms, 1.0).empty() ? 1 : 0;
        wrong[t] += english_phonemes("Two apartments near the park, please.") == expected ? 0 : 1;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace al::providers
