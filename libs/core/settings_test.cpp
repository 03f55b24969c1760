#include "core/settings.h"

#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace al {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SettingsFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "al-settings-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::filesystem::path folder_;
};

std::string problem(const Result<Settings>& result) {
  return result ? "" : result.error().detail;
}

TEST(SettingTable, IsConsistent) {
  std::set<std::string> names;
  std::set<std::string_view> groups;
  for (const SettingGroup& group : setting_groups()) groups.insert(group.name);
  for (const SettingSpec& spec : setting_table()) {
    EXPECT_TRUE(names.insert(std::string(spec.key)).second) << spec.key << " is there twice";
    EXPECT_TRUE(groups.contains(spec.group)) << spec.key << " is in no group";
    EXPECT_FALSE(spec.help.empty()) << spec.key;
    EXPECT_TRUE(spec.help.ends_with('.')) << spec.key << ": help is a sentence";
    EXPECT_EQ(spec.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos) << spec.key;
    EXPECT_EQ(spec.choices.empty(), spec.type != SettingType::kEnum && spec.type != SettingType::kUrl) << spec.key;
    EXPECT_TRUE(spec.type != SettingType::kDuration || !spec.unit.empty()) << spec.key;
    EXPECT_EQ(find_setting(spec.key), &spec);
  }
}

TEST(SettingTable, HoldsEverySettingOfTheProductDescription) {
  for (const char* name : {"PUBLIC_BASE_URL",
                           "SIGNATURE_URL",
                           "PUBLIC_HOST",
                           "STREAM_ENDED_STATUS",
                           "TWIML_PLAY_GREETING",
                           "WS_SIGNATURE",
                           "WS_MODE",
                           "DEBUG_WAV_EVERY",
                           "VAD_RMS",
                           "VAD_ENGINE",
                           "MIN_SILENCE",
                           "VAD_HANGOVER_MS",
                           "MIN_UTT_SEC",
                           "MAX_UTT_SEC",
                           "AI_GREETING",
                           "AI_GREETING_HE",
                           "BARGE_IN",
                           "BARGE_IN_VOICE_FRAMES",
                           "REPLY_REFRACTORY_MS",
                           "RESP_MIN_DELAY_MS",
                           "RESP_MAX_DELAY_MS",
                           "MAX_CALL_SEC",
                           "STT",
                           "LLM",
                           "TTS",
                           "LLM_MIN_CHARS",
                           "LLM_MAX_CHARS",
                           "LLM_TARGET_STYLE",
                           "DEDUP_WINDOW_SEC",
                           "PLAYBACK",
                           "TWILIO_ACCOUNT_SID",
                           "TWILIO_AUTH_TOKEN",
                           "GOOGLE_APPLICATION_CREDENTIALS",
                           "GOOGLE_CLOUD_SERVICE_ACCOUNT_JSON",
                           "GOOGLE_TTS_SA_JSON",
                           "OPENAI_API_KEY",
                           "OPENAI_BASE_URL",
                           "DATABASE_URL",
                           "LOG_TRANSCRIPTS"}) {
    EXPECT_NE(find_setting(name), nullptr) << name;
  }
}

TEST(Settings, DefaultsAreThoseOfTheTable) {
  const Settings settings;
  EXPECT_EQ(settings.duration("max_call_sec"), seconds{600});
  EXPECT_EQ(settings.integer("barge_in_voice_frames"), 10);
  EXPECT_TRUE(settings.boolean("barge_in"));
  EXPECT_EQ(settings.string("signature_url"), "auto");
  EXPECT_FALSE(settings.has("vad_rms"));
  EXPECT_FALSE(settings.given("barge_in"));
  EXPECT_EQ(settings.origin("barge_in"), "default");
  EXPECT_THAT(settings.list("trusted_proxies"), ElementsAre("127.0.0.1/32", "::1/128"));
}

TEST_F(SettingsFiles, FlagsOverrideEnvironmentOverridesCredentialOverridesFile) {
  SettingSources sources;
  sources.file_path = write("a.toml", "# comment\nport = 1\nmax_calls = 5\napi_key = \"file\"\nthreads = 3\n");
  sources.credentials_directory = folder_.string();
  write("api_key", "from-credential\n");
  write("max_calls", "6");
  sources.environment = {{"MAX_CALLS", "7"}, {"PATH", "/bin"}, {"AGENTD_PORT", "2"}, {"max_body_bytes", "nonsense"}};
  sources.flags = {{"port", "3"}};
  const auto settings = Settings::load(sources);
  ASSERT_TRUE(settings) << problem(settings);
  EXPECT_EQ(settings->integer("port"), 3);
  EXPECT_EQ(settings->origin("port"), "flag --port");
  EXPECT_EQ(settings->integer("max_calls"), 7);
  EXPECT_EQ(settings->origin("max_calls"), "environment MAX_CALLS");
  EXPECT_EQ(settings->string("api_key"), "from-credential");
  EXPECT_EQ(settings->origin("api_key"), "credential api_key");
  EXPECT_EQ(settings->origin("threads"), sources.file_path + ":5");
}

TEST(Settings, UnknownKeysNameTheNearestOneAndTheLine) {
  EXPECT_EQ(problem(Settings::parse("\nvad_engin = \"energy\"\n", "a.toml")),
            "a.toml:2: unknown setting 'vad_engin' (did you mean 'vad_engine'?)");
  EXPECT_EQ(problem(Settings::parse("zzzzqqq = 1\n", "a.toml")), "a.toml:1: unknown setting 'zzzzqqq'");
  SettingSources sources;
  sources.environment = {{"AGENTD_MAX_CALS", "1"}, {"MAX_CALS", "1"}};
  EXPECT_EQ(problem(Settings::load(sources)),
            "environment AGENTD_MAX_CALS: unknown setting 'MAX_CALS' (did you mean 'max_calls'?)");
}

TEST(Settings, AllProblemsAreReportedAtOnceInWords) {
  const std::string text =
      problem(Settings::parse("port = 70000\nws_mode = \"AL\"\nbarge_in = \"maybe\"\nmin_silence = \"3 "
                              "weeks\"\npublic_base_url = \"example.com\"\nmax_calls = 1.5\n",
                              "f"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5) << text;
  EXPECT_THAT(text, HasSubstr("f:1: port = '70000': must be between 0 and 65535"));
  EXPECT_THAT(text, HasSubstr("f:2: ws_mode = 'AL': must be ai or echo"));
  EXPECT_THAT(text, HasSubstr("f:3: barge_in = 'maybe': must be true or false"));
  EXPECT_THAT(text, HasSubstr("f:4: min_silence = '3 weeks': must be a duration, between 100 and 5000 ms"));
  EXPECT_THAT(text,
              HasSubstr("f:5: public_base_url = 'example.com': must be a URL that begins with https:// or http://"));
  EXPECT_THAT(text, HasSubstr("f:6: max_calls = '1.5': must be a whole number"));
}

TEST(Settings, BrokenFilesNameTheLine) {
  EXPECT_THAT(problem(Settings::parse("port = 1\nthreads = = 2\n", "b.toml")), ::testing::StartsWith("b.toml:2: "));
  EXPECT_THAT(problem(Settings::parse("port = 1\nport = 2\n", "b.toml")), ::testing::StartsWith("b.toml:2: "));
  EXPECT_THAT(problem(Settings::parse("[server]\nport = 1\n", "b.toml")), HasSubstr("there are no sections"));
}

TEST(Settings, DurationsTakeTheUnitOfTheirNameOrTheirOwn) {
  const auto with = [](const std::string& line) {
    const auto settings = Settings::parse(line, "x");
    EXPECT_TRUE(settings) << problem(settings);
    return settings ? to_ms(settings->duration("min_silence")) : -1;
  };
  EXPECT_EQ(with("min_silence = 350"), 350);
  EXPECT_EQ(with("min_silence = \"0.35s\""), 350);
  EXPECT_EQ(with("min_silence = \"420 ms\""), 420);
  EXPECT_EQ(with("min_utt_sec = 0.48"), 480);
  EXPECT_THAT(problem(Settings::parse("min_utt_sec = 480", "x")), HasSubstr("must be between 100 and 5000 ms"));
  Settings settings;
  ASSERT_TRUE(settings.set("max_call_sec", "2h"));
  EXPECT_EQ(settings.duration("max_call_sec"), std::chrono::hours{2});
  EXPECT_FALSE(settings.set("max_call_sec", "nan"));
  EXPECT_FALSE(settings.set("max_call_sec", "inf"));
  EXPECT_FALSE(settings.set("max_call_sec", "-5"));
}

TEST(Settings, AliasesSetTheSameValue) {
  const auto settings = Settings::parse("AI_GREETING_HE = \"שלום\"\n", "x");
  ASSERT_TRUE(settings) << problem(settings);
  EXPECT_EQ(settings->string("ai_greeting"), "שלום");
}

TEST(Settings, AnEmptyVariableIsNoOpinionForNumbersAndEmptyForTexts) {
  SettingSources sources;
  sources.environment = {{"PORT", ""}, {"AI_GREETING", ""}};
  const auto settings = Settings::load(sources);
  ASSERT_TRUE(settings) << problem(settings);
  EXPECT_EQ(settings->integer("port"), 8080);
  EXPECT_EQ(settings->string("ai_greeting"), "");
  EXPECT_TRUE(settings->given("ai_greeting"));
}

TEST(Settings, TheAddressesThatKubernetesAddsAreNoSettings) {
  SettingSources sources;
  sources.environment = {{"AGENTD_PORT", "tcp://10.0.0.7:8080"},
                         {"AGENTD_PORT_8080_TCP_ADDR", "10.0.0.7"},
                         {"AGENTD_SERVICE_HOST", "10.0.0.7"}};
  const auto settings = Settings::load(sources);
  ASSERT_TRUE(settings) << problem(settings);
  EXPECT_EQ(settings->integer("port"), 8080);
  EXPECT_FALSE(settings->given("port"));
}

TEST(Settings, ListsComeFromCommasOrArrays) {
  const auto settings = Settings::parse(
      "twilio_auth_token = \"a, b\"\nwhatsapp_bridge_headers = [\"Accept: a, b\", \"X: 1\"]\nhints = [\"one, two\"]",
      "x");
  ASSERT_TRUE(settings) << problem(settings);
  EXPECT_THAT(settings->list("twilio_auth_token"), ElementsAre("a", "b"));
  EXPECT_THAT(settings->list("whatsapp_bridge_headers"), ElementsAre("Accept: a, b", "X: 1"));
  EXPECT_THAT(settings->list("hints"), ElementsAre("one, two"));
}

TEST(Settings, AnEmptyArrayClearsADefaultWhereAllowed) {
  const auto settings = Settings::parse("trusted_proxies = []\n", "x");
  ASSERT_TRUE(settings) << problem(settings);
  EXPECT_TRUE(settings->list("trusted_proxies").empty());
  EXPECT_THAT(problem(Settings::parse("stt = []\n", "x")), HasSubstr("has 0 entries, must have 1 to 6"));
}

TEST(Settings, SecretsAreNeitherShownNorQuotedInErrors) {
  Settings settings;
  ASSERT_TRUE(settings.set("api_key", "hunter2"));
  EXPECT_EQ(settings.shown("api_key"), "***");
  EXPECT_EQ(settings.shown("openai_api_key"), "");
  const auto wrong = settings.set("twilio_auth_token", "a,b,c,d,e,f,g,h,hunter3");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().detail.find("hunter3"), std::string::npos);
}

TEST(Settings, PublicHostIsIgnoredWithAWarning) {
  SettingSources sources;
  sources.environment = {{"PUBLIC_HOST", "agent.example.com"}};
  const auto settings = Settings::load(sources);
  ASSERT_TRUE(settings) << problem(settings);
  ASSERT_EQ(settings->warnings().size(), 1u);
  EXPECT_EQ(settings->warnings()[0],
            "PUBLIC_HOST (environment PUBLIC_HOST) is ignored; set PUBLIC_BASE_URL=https://agent.example.com instead");
}

TEST(Settings, RangesThatContradictEachOtherAreRefused) {
  EXPECT_THAT(problem(Settings::parse("resp_min_delay_ms = 400\n", "x")),
              HasSubstr("is greater than resp_max_delay_ms"));
}

TEST(Settings, DifferencesCompareMeaningNotSpelling) {
  Settings a;
  Settings b;
  ASSERT_TRUE(a.set("min_silence", "0.4s"));
  ASSERT_TRUE(b.set("min_silence", "400"));
  EXPECT_TRUE(a.differences(b).empty());
  ASSERT_TRUE(b.set("max_calls", "7"));
  EXPECT_THAT(a.differences(b), ElementsAre("max_calls"));
}

TEST(CommandLine, TakesSettingsAndLeavesTheRest) {
  const std::vector<std::string> arguments = {
      "serve",  "--port=0", "--no-barge-in", "--vad-rms", "210",   "--log-transcripts",
      "--json", "--config", "x.toml",        "--",        "--port"};
  const auto line = split_command_line(arguments);
  ASSERT_TRUE(line);
  EXPECT_EQ(line->config_path, "x.toml");
  EXPECT_THAT(line->rest, ElementsAre("serve", "--json", "--", "--port"));
  SettingSources sources;
  sources.flags = line->flags;
  const auto settings = Settings::load(sources);
  ASSERT_TRUE(settings) << problem(settings);
  EXPECT_FALSE(settings->boolean("barge_in"));
  EXPECT_TRUE(settings->boolean("log_transcripts"));
  EXPECT_EQ(settings->integer("vad_rms"), 210);
  EXPECT_EQ(settings->integer("port"), 0);
}

TEST(CommandLine, RefusesSecretsAndMissingValues) {
  const auto secret = split_command_line(std::vector<std::string>{"--api-key", "hunter2"});
  ASSERT_FALSE(secret);
  EXPECT_THAT(secret.error().detail, HasSubstr("API_KEY"));
  EXPECT_EQ(secret.error().detail.find("hunter2"), std::string::npos);
  EXPECT_FALSE(split_command_line(std::vector<std::string>{"--port"}));
}

TEST_F(SettingsFiles, AMissingFileIsAnErrorOnlyWhenSomebodyNamedIt) {
  SettingSources sources;
  sources.file_path = (folder_ / "none.toml").string();
  EXPECT_THAT(problem(Settings::load(sources)), HasSubstr("cannot be read"));
  sources.file_optional = true;
  EXPECT_TRUE(Settings::load(sources));
}

}  // namespace
}  // namespace al
