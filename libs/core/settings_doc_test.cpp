#include "core/settings_doc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.h"

namespace al {
namespace {

TEST(SettingsDoc, TheSampleFileParsesToTheDefaultsWhenUncommented) {
  std::string uncommented;
  std::size_t keys = 0;
  const std::string sample = settings_sample_file();
  for (const std::string_view line : split(sample, '\n')) {
    if (line.starts_with('#') && !line.starts_with("# ")) {
      uncommented += std::string(line.substr(1)) + "\n";
      ++keys;
    }
  }
  EXPECT_EQ(keys, setting_table().size());
  const auto parsed = Settings::parse(uncommented, "sample");
  ASSERT_TRUE(parsed) << parsed.error().detail;
  EXPECT_TRUE(parsed->differences(Settings()).empty());
  EXPECT_TRUE(Settings::parse(settings_sample_file(), "sample"));
}

TEST(SettingsDoc, EveryFormNamesEverySetting) {
  const std::string help = settings_help();
  const std::string markdown = settings_markdown();
  const std::string man = settings_man_page("0.1.0", "2026-11-20");
  for (const SettingSpec& spec : setting_table()) {
    EXPECT_NE(help.find(spec.secret ? environment_name(spec.key) : flag_name(spec.key)), std::string::npos) << spec.key;
    EXPECT_NE(markdown.find("| `" + environment_name(spec.key) + "` |"), std::string::npos) << spec.key;
    EXPECT_NE(man.find(".B " + std::string(spec.key) + "\n"), std::string::npos) << spec.key;
  }
}

TEST(SettingsDoc, HelpKeepsToItsWidth) {
  const std::string help = settings_help("turns", 72);
  for (const std::string_view line : split(help, '\n')) {
    if (line.starts_with("      ")) {
      EXPECT_LE(line.size(), 74u) << line;
    }
  }
  EXPECT_EQ(settings_help("turns").find("--public-base-url"), std::string::npos);
}

TEST(SettingsDoc, AWrittenFileReadsBackTheSame) {
  Settings settings;
  ASSERT_TRUE(settings.set("min_silence", "0.4s"));
  ASSERT_TRUE(settings.set("ai_greeting", "שלום, \"אבי\"\\ כאן"));
  ASSERT_TRUE(settings.set("stt", "google,whisper"));
  ASSERT_TRUE(settings.set("vad_engine", "energy"));
  ASSERT_TRUE(settings.set("api_key", "hunter2"));
  const std::string file = settings_file(settings);
  EXPECT_EQ(file.find("hunter2"), std::string::npos);
  const auto parsed = Settings::parse(file, "written");
  ASSERT_TRUE(parsed) << parsed.error().detail << file;
  EXPECT_THAT(parsed->differences(settings), ::testing::ElementsAre("api_key"));
}

}  // namespace
}  // namespace al
