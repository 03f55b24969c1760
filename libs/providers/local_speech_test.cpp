// The embedded engines themselves: loaded once, then text -> voice -> telephone line -> recogniser -> text.
#include "providers/local_speech.h"

#include <cmath>
#include <cstdio>
#include <fstream>
#include <numbers>
#include <thread>

#include <gtest/gtest.h>

#include "audio/g711.h"
#include "core/text.h"
#include "providers/local_moonshine.h"
#include "providers/local_piper.h"
#include "providers/testing_sinks.h"
#include "providers/testing_words.h"

namespace al::providers {
namespace {

using dialog::SttOptions;
using testing::SttRecorder;
using testing::TtsRecorder;
using Pcm = std::vector<std::int16_t>;

LocalSpeech& engines() {
  static const auto loaded = [] {
    LocalSpeechOptions options;
    options.agent_voice = kCallerSpeaker;
    options.voice_variation = 0;
    return LocalSpeech::load(options);
  }();
  if (!loaded) ADD_FAILURE() << to_string(loaded.error());
  return **loaded;
}

SttOptions in_language(std::string language) {
  SttOptions options;
  options.language = std::move(language);
  return options;
}

dialog::TtsRequest request(std::string text, std::string speaker) {
  dialog::TtsRequest asked;
  asked.speech = {1};
  asked.turn = {1};
  asked.text = std::move(text);
  asked.voice = {.language = "en-US", .name = std::move(speaker), .rate = 1.0};
  return asked;
}

// What the text sounds like at the other end of a telephone line: 8 kHz, through µ-law and back.
Pcm on_the_phone(const std::string& text, const std::string& speaker = std::string(kCallerSpeaker)) {
  const auto tts = engines().piper();
  const auto sink = std::make_shared<TtsRecorder>();
  const auto session = tts->start(request(text, speaker), sink);
  EXPECT_TRUE(sink->wait());
  EXPECT_FALSE(sink->error()) << to_string(*sink->error());
  Pcm pcm = sink->audio();
  for (auto& sample : pcm) sample = audio::decode_ulaw(audio::encode_ulaw(sample));
  return pcm;
}

void feed(dialog::SttSession& session, TurnId turn, std::span<const std::int16_t> pcm) {
  for (; !pcm.empty(); pcm = pcm.subspan(std::min<std::size_t>(160, pcm.size()))) {
    session.feed(turn, pcm.first(std::min<std::size_t>(160, pcm.size())));
  }
}

Pcm silence(std::size_t ms) {
  return Pcm(ms * 8, 0);
}

Pcm joined(std::initializer_list<Pcm> parts) {
  Pcm whole;
  for (const auto& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

void wait_for_quiet(const WorkerPool& pool) {
  while (pool.stats().waiting + pool.stats().running > 0) std::this_thread::yield();
}

struct Heard {
  std::string text;
  float confidence = 0;
};

Heard hear(const Pcm& pcm) {
  const auto stt = engines().moonshine();
  const auto sink = std::make_shared<SttRecorder>();
  const auto session = stt->open(in_language("en-US"), sink);
  session->start_turn({1});
  feed(*session, {1}, pcm);
  session->finish_turn({1});
  EXPECT_TRUE(sink->wait());
  const auto ends = sink->ends();
  EXPECT_EQ(ends.size(), 1U);
  EXPECT_FALSE(ends.at(0).error) << to_string(*ends.at(0).error);
  return {ends.at(0).text, ends.at(0).confidence};
}

TEST(LocalSpeech, HearsOverTheTelephoneWhatTheVoiceSaid) {
  const struct {
    const char* said;
    std::vector<std::string> words;
  } lines[] = {
      {"I am looking for a house with four rooms near the sea.", {"house", "4 rooms", "sea"}},
      {"We would like to move in the summer.", {"move", "summer"}},
      {"We have two children and a small dog.", {"2 children", "small dog"}},
  };
  for (const auto& line : lines) {
    const Heard heard = hear(joined({silence(200), on_the_phone(line.said), silence(400)}));
    for (const auto& word : line.words)
      EXPECT_TRUE(testing::contains_any(heard.text, word)) << word << ": " << heard.text;
    EXPECT_GT(heard.confidence, 0.6F) << heard.text;
  }
}

// The five lines of the demonstration, spoken by the caller's voice.
TEST(LocalSpeech, HearsTheCallerOfTheDemonstration) {
  std::ifstream file(AL_SOURCE_DIR "/testdata/demo/caller_lines.txt");
  std::size_t errors = 0;
  std::size_t words = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    const Heard heard = hear(joined({silence(200), on_the_phone(line), silence(400)}));
    errors += testing::word_errors(line, heard.text);
    const std::string plain = testing::digits_together(line);
    words += split(plain, ' ').size();
    if (testing::word_errors(line, heard.text) > 0)
      std::printf("said:  %s\nheard: %s\n", line.c_str(), heard.text.c_str());
  }
  ASSERT_GT(words, 30U);
  EXPECT_LE(10 * errors, words) << errors << " of " << words << " words";
}

TEST(LocalSpeech, LongSilenceAroundTheWordsIsNoHindrance) {
  const Pcm pcm = joined({silence(1500), on_the_phone("I would like to sell my house."), silence(1500)});
  EXPECT_TRUE(testing::contains_any(hear(pcm).text, "sell my house"));
}

TEST(LocalSpeech, SilenceAndTonesAreNoWords) {
  EXPECT_EQ(hear(silence(2000)).text, "");
  EXPECT_EQ(hear({}).text, "");
  Pcm tone(16'000);
  for (std::size_t i = 0; i < tone.size(); ++i) {
    tone[i] = static_cast<std::int16_t>(8000 * std::sin(2 * std::numbers::pi * 440 * static_cast<double>(i) / 8000));
  }
  EXPECT_EQ(hear(tone).text, "");
}

TEST(LocalSpeech, ALongUtteranceIsHeardToItsEnd) {
  const Pcm one = on_the_phone("The kitchen was renovated last year and the roof is new.");
  Pcm pcm = silence(200);
  while (pcm.size() < 26U * 8000U) pcm = joined({pcm, one, silence(350)});
  pcm = joined({pcm, on_the_phone("There is also a garden behind the house."), silence(400)});
  const std::string text = hear(pcm).text;
  EXPECT_TRUE(testing::contains_any(text, "kitchen")) << text;
  EXPECT_TRUE(testing::contains_any(text, "garden behind the house")) << text;
}

TEST(LocalSpeech, PartialsComeWhileTheCallerTalks) {
  const auto stt = engines().moonshine();
  const auto sink = std::make_shared<SttRecorder>();
  const auto session = stt->open(in_language("en-US"), sink);
  session->start_turn({1});
  const Pcm pcm = on_the_phone("I am looking for a big house with a garden near the sea.");
  feed(*session, {1}, std::span(pcm).first(pcm.size() / 2));
  ASSERT_TRUE(sink->wait_for_partials(1));
  feed(*session, {1}, std::span(pcm).subspan(pcm.size() / 2));
  session->finish_turn({1});
  ASSERT_TRUE(sink->wait());
  EXPECT_TRUE(testing::contains_any(sink->ends()[0].text, "garden")) << sink->ends()[0].text;
}

TEST(LocalSpeech, TheFinalIsReadyWhenTheCallerHasPaused) {
  const auto stt = engines().moonshine();
  const auto sink = std::make_shared<SttRecorder>();
  const auto session = stt->open(in_language("en-US"), sink);
  session->start_turn({1});
  feed(*session, {1}, joined({silence(200), on_the_phone("Please call me tomorrow.")}));
  // In real time the words take seconds; here they come at once, so the decode of their beginning may still run.
  wait_for_quiet(engines().stt_pool());
  const std::size_t so_far = sink->partials().size();
  feed(*session, {1}, silence(300));
  // The pause alone starts a decode: its text comes as a partial, and then as the final without another decode.
  ASSERT_TRUE(sink->wait_for_partials(so_far + 1));
  const auto before = engines().stt_pool().stats().done;
  feed(*session, {1}, silence(200));
  session->finish_turn({1});
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->ends()[0].text, sink->partials().back());
  EXPECT_LE(engines().stt_pool().stats().done, before + 2);  // the decode that was ending, and the notice
}

TEST(LocalSpeech, ACancelledTurnSaysNothingMore) {
  const auto stt = engines().moonshine();
  const auto sink = std::make_shared<SttRecorder>();
  const auto session = stt->open(in_language("en-US"), sink);
  const Pcm pcm = joined({on_the_phone("This is about the apartment."), silence(400)});
  session->start_turn({1});
  feed(*session, {1}, pcm);
  session->finish_turn({1});
  session->cancel_turn({1});
  session->start_turn({2});
  feed(*session, {2}, pcm);
  session->finish_turn({2});
  ASSERT_TRUE(sink->wait());
  for (const auto& end : sink->ends()) EXPECT_TRUE(end.turn == TurnId{2}) << end.turn.value;
}

TEST(LocalSpeech, ADestroyedSessionIsSilent) {
  const auto stt = engines().moonshine();
  const Pcm pcm = on_the_phone("Hello there.");
  for (int i = 0; i < 6; ++i) {
    const auto sink = std::make_shared<SttRecorder>();
    auto session = stt->open(in_language("en-US"), sink);
    session->start_turn({1});
    feed(*session, {1}, pcm);
    session->finish_turn({1});
    if (i % 2 == 1) std::this_thread::yield();
    session.reset();
    sink->forbid();
  }
}

TEST(LocalSpeech, HebrewTurnsFailInWordsThatSayWhatToSet) {
  const auto stt = engines().moonshine();
  const auto sink = std::make_shared<SttRecorder>();
  const auto session = stt->open(in_language("he-IL"), sink);
  session->start_turn({1});
  feed(*session, {1}, silence(500));
  session->finish_turn({1});
  ASSERT_TRUE(sink->wait());
  ASSERT_TRUE(sink->ends()[0].error);
  EXPECT_EQ(sink->ends()[0].error->code, Errc::kUnsupported);
  EXPECT_NE(sink->ends()[0].error->detail.find("STT=google"), std::string::npos);
}

TEST(LocalSpeech, ManyCallsShareOneModel) {
  const auto stt = engines().moonshine();
  const Pcm pcm = joined({silence(200), on_the_phone("I want to rent a flat."), silence(400)});
  const std::string alone = hear(pcm).text;
  std::vector<std::shared_ptr<SttRecorder>> sinks;
  std::vector<std::unique_ptr<dialog::SttSession>> sessions;
  for (int i = 0; i < 6; ++i) {
    sinks.push_back(std::make_shared<SttRecorder>());
    sessions.push_back(stt->open(in_language("en-US"), sinks.back()));
    sessions.back()->start_turn({1});
    feed(*sessions.back(), {1}, pcm);
    sessions.back()->finish_turn({1});
  }
  for (const auto& sink : sinks) {
    ASSERT_TRUE(sink->wait());
    EXPECT_EQ(sink->ends()[0].text, alone);
  }
}

TEST(LocalSpeech, TheSummaryNamesWhatHebrewNeeds) {
  const std::string all = join(engines().summary("he-IL"), "\n");
  EXPECT_NE(all.find("Hebrew recognition needs a provider: set STT=google"), std::string::npos) << all;
  EXPECT_NE(all.find("English"), std::string::npos);
  EXPECT_EQ(join(engines().summary("en-US"), "\n").find("needs a provider"), std::string::npos);
}

TEST(Moonshine, MissingAndDamagedFilesAreNamed) {
  const auto missing = Moonshine::load("/nowhere");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::kNotFound);
  EXPECT_NE(missing.error().detail.find("/nowhere/vocab.txt"), std::string::npos);
  const auto piper = Piper::load("/nowhere");
  ASSERT_FALSE(piper);
  EXPECT_EQ(piper.error().code, Errc::kNotFound);
}

TEST(LocalSpeech, AGivenFolderWithoutModelsIsAnError) {
  LocalSpeechOptions options;
  options.folder = "/nowhere";
  const auto loaded = LocalSpeech::load(options);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find("scripts/fetch-speech"), std::string::npos);
}

TEST(Piper, RefusesSpeakersThatDoNotExist) {
  const auto tts = engines().piper();
  const auto sink = std::make_shared<TtsRecorder>();
  const auto session = tts->start(request("Hello", "904"), sink);
  ASSERT_TRUE(sink->wait());
  ASSERT_TRUE(sink->error());
  EXPECT_NE(sink->error()->detail.find("0 to 903"), std::string::npos) << sink->error()->detail;
}

}  // namespace
}  // namespace al::providers
