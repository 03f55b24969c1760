#include "providers/factory.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/text.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "providers/local_speech.h"
#include "providers/testing_providers.h"

namespace al::providers {
namespace {

class FactoryTest : public ::testing::Test {
 protected:
  ~FactoryTest() override { std::filesystem::remove_all(folder); }
  // Settings as "key", "value" pairs over the defaults. The persona is Hebrew: no embedded engine needs loading.
  Result<ProviderSet> make(const std::vector<std::pair<std::string, std::string>>& values) {
    Settings settings;
    for (const auto& [key, value] : values) {
      const auto set = settings.set(key, value);
      EXPECT_TRUE(set) << to_string(set.error());
    }
    EXPECT_TRUE(settings.set("state_dir", folder));
    return make_providers(settings, *dialog::Persona::built_in("he-real-estate"), {http, loop.loop(), *scheduler, &log},
                          {.warm_phrases = false});
  }

  const std::string folder =
      (std::filesystem::temp_directory_path() / ("al-factory-" + std::to_string(::getpid()))).string();
  testing::EventLog log;
  net::HttpClient http;
  net::LoopThread loop{"test"};
  std::unique_ptr<Scheduler> scheduler = make_timer_thread();
};

TEST_F(FactoryTest, WithoutAnyKeyItSaysWhatIsMissingAndStillAnswers) {
  const auto set = make({});
  ASSERT_TRUE(set) << to_string(set.error());
  EXPECT_EQ(set->llm->name(), "scripted");
  EXPECT_EQ(set->stt->name(), "none");
  const std::string warnings = join(set->warnings, "\n");
#if AL_GRPC
  EXPECT_NE(warnings.find("GOOGLE_APPLICATION_CREDENTIALS"), std::string::npos) << warnings;
#endif
  for (const char* name : {"DEEPGRAM_API_KEY", "WHISPER_BASE_URL", "OPENAI_API_KEY"}) {
    EXPECT_NE(warnings.find(name), std::string::npos) << name << " is not named in: " << warnings;
  }
  EXPECT_NE(join(set->report, "\n").find("Hebrew recognition needs a provider"), std::string::npos);
}

#if !AL_GRPC
TEST_F(FactoryTest, WithoutGrpcTheGoogleRecogniserIsRefusedInWords) {
  const auto set = make({{"stt", "google"}});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Errc::kMalformed);
  EXPECT_EQ(set.error().detail,
            "STT=google: this program was built without Google's streaming recogniser (AL_GRPC=OFF)");
}
#endif

TEST_F(FactoryTest, WhatAProviderDoesIsNotAskedFor) {
  const auto set = make({{"deepgram_api_key", "k"}, {"azure_speech_key", "k"}, {"azure_region", "westeurope"}});
  ASSERT_TRUE(set) << to_string(set.error());
  const std::string report = join(set->report, "\n");
  EXPECT_NE(report.find("Recognition (he-IL): deepgram"), std::string::npos) << report;
  EXPECT_EQ(report.find("needs a provider"), std::string::npos) << report;
  EXPECT_EQ(report.find("without a provider"), std::string::npos) << report;
}

TEST_F(FactoryTest, AnUnknownNameIsRefusedWithTheLegalOnes) {
  for (const auto& [key, legal] :
       {std::pair{"stt", "deepgram"}, std::pair{"llm", "scripted"}, std::pair{"tts", "piper"}}) {
    const auto set = make({{key, "goggle"}});
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, Errc::kMalformed);
    EXPECT_NE(set.error().detail.find("goggle"), std::string::npos);
    EXPECT_NE(set.error().detail.find(legal), std::string::npos) << set.error().detail;
  }
}

TEST_F(FactoryTest, AProviderAskedForByNameWithoutItsKeyIsAnError) {
  const std::vector<std::array<std::string, 3>> cases{{"stt", "deepgram", "DEEPGRAM_API_KEY"},
                                                      {"stt", "whisper", "WHISPER_BASE_URL"},
                                                      {"llm", "openai", "OPENAI_API_KEY"},
                                                      {"llm", "anthropic", "ANTHROPIC_API_KEY"},
                                                      {"tts", "google", "GOOGLE_APPLICATION_CREDENTIALS"},
                                                      {"tts", "azure", "AZURE_SPEECH_KEY"},
                                                      {"tts", "elevenlabs", "ELEVENLABS_API_KEY"},
                                                      {"tts", "openai", "OPENAI_TTS_MODEL"}};
  for (const auto& [key, name, needed] : cases) {
    const auto set = make({{key, name}});
    ASSERT_FALSE(set) << name;
    EXPECT_NE(set.error().detail.find(needed), std::string::npos) << set.error().detail;
  }
}

TEST_F(FactoryTest, AutoTakesThoseWithKeysInOrder) {
  const auto set = make({{"deepgram_api_key", "k1"},
                         {"openai_api_key", "k2"},
                         {"llm_model", "some-model"},
                         {"anthropic_api_key", "k3"},
                         {"anthropic_model", "other-model"},
                         {"azure_speech_key", "k4"},
                         {"azure_region", "westeurope"}});
  ASSERT_TRUE(set) << to_string(set.error());
  EXPECT_EQ(set->stt->name(), "deepgram,whisper");
  EXPECT_EQ(set->llm->name(), "openai,anthropic,scripted");
  EXPECT_TRUE(set->tts->name().starts_with("azure")) << set->tts->name();
}

TEST_F(FactoryTest, AKeyWithoutAModelIsExplained) {
  const auto set = make({{"openai_api_key", "k"}});
  ASSERT_TRUE(set);
  EXPECT_EQ(set->llm->name(), "scripted");
  EXPECT_NE(join(set->report, "\n").find("LLM_MODEL is not set"), std::string::npos);
}

TEST_F(FactoryTest, NamesAreTakenInTheOrderGiven) {
  const auto set = make({{"llm", "scripted,openai"}, {"openai_api_key", "k"}, {"llm_model", "m"}});
  ASSERT_TRUE(set);
  EXPECT_EQ(set->llm->name(), "scripted,openai");
}

TEST_F(FactoryTest, ReportsHoldNoKey) {
  const auto set =
      make({{"openai_api_key", "sk-very-secret"}, {"llm_model", "m"}, {"deepgram_api_key", "very-secret"}});
  ASSERT_TRUE(set);
  EXPECT_EQ((join(set->report, "\n") + join(set->warnings, "\n")).find("very-secret"), std::string::npos);
}

TEST_F(FactoryTest, TheCacheCanBeSwitchedOff) {
  EXPECT_EQ(make({{"tts_cache_mb", "0"}})->cache, nullptr);
  EXPECT_NE(make({})->cache, nullptr);
}

}  // namespace
}  // namespace al::providers
