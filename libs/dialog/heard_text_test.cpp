#include "dialog/heard_text.h"

#include <gtest/gtest.h>

namespace al::dialog {
namespace {

TEST(HeardText, CountsAWordOnlyWhenItWasPlayedToItsEnd) {
  EXPECT_EQ(heard_words("one two three", milliseconds{0}, seconds{1}), "");
  EXPECT_EQ(heard_words("one two three", milliseconds{100}, seconds{1}), "");
  EXPECT_EQ(heard_words("one two three", milliseconds{300}, seconds{1}), "one");
  EXPECT_EQ(heard_words("one two three", milliseconds{600}, seconds{1}), "one two");
  EXPECT_EQ(heard_words("one two three", milliseconds{999}, seconds{1}), "one two");
  EXPECT_EQ(heard_words("one two three", seconds{1}, seconds{1}), "one two three");
  EXPECT_EQ(heard_words("", milliseconds{500}, seconds{1}), "");
  EXPECT_EQ(heard_words("one", milliseconds{500}, seconds{0}), "");
}

TEST(HeardText, CountsHebrewLettersNotBytes) {
  EXPECT_EQ(heard_words("שלום לכולם כאן", milliseconds{720}, seconds{1}), "שלום לכולם");
}

TEST(HeardText, HeardTextGrowsWithTimeAndIsAlwaysAPrefix) {
  const std::string text = "מצאתי three flats in תל אביב for you";
  std::size_t last = 0;
  for (int ms = 0; ms <= 1000; ms += 7) {
    const std::string heard = heard_words(text, milliseconds{ms}, seconds{1});
    EXPECT_GE(heard.size(), last);
    EXPECT_EQ(text.substr(0, heard.size()), heard);
    last = heard.size();
  }
}

TEST(HeardText, OurEchoIsARunOfThreeOfOurWords) {
  const std::string ours = "Very well. How many rooms do you need, and where?";
  EXPECT_TRUE(is_our_echo("how many rooms", ours));
  EXPECT_TRUE(is_our_echo("How many rooms do you need", ours));
  EXPECT_FALSE(is_our_echo("four rooms", ours));
  EXPECT_FALSE(is_our_echo("rooms", ours));             // may be an answer
  EXPECT_FALSE(is_our_echo("many rooms how", ours));    // not in our order
  EXPECT_FALSE(is_our_echo("any rooms do you", ours));  // words, not letters
  EXPECT_FALSE(is_our_echo("", ours));
}

}  // namespace
}  // namespace al::dialog
