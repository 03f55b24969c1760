#include "core/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace al {
namespace {

TEST(Json, DumpsInvalidUtf8WithoutThrowing) {
  const nlohmann::json value{{"name", "a\xFFz"}};
  EXPECT_EQ(dump_json(value), "{\"name\":\"a\xEF\xBF\xBDz\"}");
}

TEST(Json, RefusesDeepNestingBeforeBuildingIt) {
  const std::string deep(1'000'000, '[');
  const auto parsed = parse_json(deep);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().detail.find("nested"), std::string::npos);
  // Brackets inside strings do not count.
  EXPECT_TRUE(parse_json("{\"a\":\"" + std::string(1000, '[') + "\\\"[\"}"));
}

TEST(Json, ErrorsNameTheByte) {
  const auto parsed = parse_json("{\"a\":1,}");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Errc::kMalformed);
  EXPECT_NE(parsed.error().detail.find("byte 8"), std::string::npos) << parsed.error().detail;
  EXPECT_FALSE(parse_json("[1,2,3]", 6));
}

TEST(Json, MembersOfTheWrongTypeAreAbsent) {
  const auto parsed = parse_json(R"({"s":"x","i":7,"d":1.5,"b":true,"n":null})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(json_string(*parsed, "s"), "x");
  EXPECT_EQ(json_string(*parsed, "i", "none"), "none");
  EXPECT_EQ(json_int(*parsed, "i"), 7);
  EXPECT_FALSE(json_int(*parsed, "d"));
  EXPECT_EQ(json_number(*parsed, "d"), 1.5);
  EXPECT_EQ(json_bool(*parsed, "b"), true);
  EXPECT_EQ(json_member(*parsed, "absent"), nullptr);
  EXPECT_EQ(json_string(nlohmann::json::array(), "s", "-"), "-");
}

TEST(Json, WrittenStringsParseBackUnchanged) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all += static_cast<char>(c);
  all += "שלום \xE2\x80\xA8 😀";
  std::string text;
  append_json_string(text, all);
  const auto parsed = parse_json(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->get<std::string>(), all);
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace al
