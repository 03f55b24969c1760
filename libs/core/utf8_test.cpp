#include "core/utf8.h"

#include <gtest/gtest.h>

#include "core/text.h"

namespace al {
namespace {

TEST(Utf8, EveryScalarValueSurvivesEncodingAndDecoding) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    ASSERT_TRUE(is_valid_utf8(text)) << std::hex << static_cast<unsigned>(c);
    std::string_view rest = text;
    ASSERT_EQ(take_codepoint(rest), c);
    ASSERT_TRUE(rest.empty());
  }
}

TEST(Utf8, RefusesOverlongSurrogatesAndTooLarge) {
  for (const char* bad : {"\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xFF", "\xD7", "\xE2\x82"}) {
    EXPECT_FALSE(is_valid_utf8(bad));
    EXPECT_TRUE(is_valid_utf8(repair_utf8(bad)));
  }
}

TEST(Utf8, CutsNeverSplitACodePoint) {
  const std::string hebrew = "שלום";  // two bytes each
  EXPECT_EQ(truncate_utf8(hebrew, 5), "של");
  EXPECT_EQ(truncate_utf8(hebrew, 0), "");
  EXPECT_EQ(truncate_utf8(hebrew, 100), hebrew);
  EXPECT_EQ(truncate_codepoints(hebrew, 3), "שלו");
  EXPECT_EQ(count_codepoints(hebrew), 4u);
  EXPECT_EQ(count_codepoints("a\xFF\xFEz"), 4u);
}

TEST(Utf8, RepairReplacesEachBadByteOnly) {
  EXPECT_EQ(repair_utf8("a\xFFש"), "a\xEF\xBF\xBDש");
}

TEST(Text, SplitKeepsEmptyPartsButAnEmptyTextHasNone) {
  EXPECT_TRUE(split("", ',').empty());
  EXPECT_EQ(split("a,,b,", ',').size(), 4u);
  EXPECT_EQ(split("a", ',').size(), 1u);
}

TEST(Text, TrimAndReplaceAll) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(replace_all("a-b-", "-", "--"), "a--b--");
  EXPECT_TRUE(equal_ignore_case("Host", "hOST"));
  EXPECT_FALSE(equal_ignore_case("Host", "Hos"));
}

}  // namespace
}  // namespace al
