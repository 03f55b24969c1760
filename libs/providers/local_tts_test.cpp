#include "providers/local_tts.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "audio/tone.h"
#include "audio/wav_file.h"
#include "providers/testing_sinks.h"

namespace al::providers {
namespace {

using dialog::TtsRequest;
using testing::TtsRecorder;

TtsRequest request(std::string text, std::string language = "en-US", std::string voice = {}) {
  TtsRequest asked;
  asked.speech = {7};
  asked.turn = {3};
  asked.text = std::move(text);
  asked.voice.language = std::move(language);
  asked.voice.name = std::move(voice);
  return asked;
}

TEST(FliteTts, SpeaksSentenceBySentenceInOrder) {
  WorkerPool pool(2, 16, "test");
  const auto tts = make_flite_tts(pool);
  const auto sink = std::make_shared<TtsRecorder>();
  const auto session = tts->start(request("Great! How many rooms do you need?"), sink);
  ASSERT_TRUE(sink->wait());
  EXPECT_EQ(sink->pieces(), 2U);
  EXPECT_GT(sink->audio().size(), 8000U);
  EXPECT_EQ(sink->ends(), 1);
  EXPECT_FALSE(sink->error());
}

TEST(FliteTts, OtherLanguagesAndVoicesAreRefusedInWords) {
  WorkerPool pool(1, 16, "test");
  const auto tts = make_flite_tts(pool);
  for (const auto& [asked, word] : {std::pair{request("שלום", "he-IL"), "English only"},
                                    std::pair{request("Hello", "en-US", "bob"), "rms, slt, awb, kal"}}) {
    const auto sink = std::make_shared<TtsRecorder>();
    const auto session = tts->start(asked, sink);
    ASSERT_TRUE(sink->wait());
    ASSERT_TRUE(sink->error());
    EXPECT_EQ(sink->error()->code, Errc::kUnsupported);
    EXPECT_NE(sink->error()->detail.find(word), std::string::npos) << sink->error()->detail;
  }
}

TEST(FliteTts, NothingToSayIsDoneWithoutAudio) {
  WorkerPool pool(1, 16, "test");
  const auto sink = std::make_shared<TtsRecorder>();
  const auto session = make_flite_tts(pool)->start(request("  "), sink);
  ASSERT_TRUE(sink->wait());
  EXPECT_FALSE(sink->error());
  EXPECT_TRUE(sink->audio().empty());
}

TEST(FliteTts, ADestroyedSessionIsSilent) {
  WorkerPool pool(2, 256, "test");
  const auto tts = make_flite_tts(pool);
  for (int i = 0; i < 40; ++i) {
    const auto sink = std::make_shared<TtsRecorder>();
    auto session = tts->start(request("One. Two. Three. Four. Five."), sink);
    if (i % 2 == 0) sink->wait_for_pieces(1);
    session.reset();
    const auto heard = sink->pieces();
    sink->forbid();  // any further call fails the test
    EXPECT_LE(heard, 5U);
  }
}

TEST(FliteTts, AFullPoolIsAFailureThatTheSinkHears) {
  WorkerPool pool(1, 1, "test");
  const auto tts = make_flite_tts(pool);
  std::vector<std::shared_ptr<TtsRecorder>> sinks;
  std::vector<std::unique_ptr<dialog::TtsSession>> sessions;
  for (int i = 0; i < 8; ++i) {
    sinks.push_back(std::make_shared<TtsRecorder>());
    sessions.push_back(tts->start(request("How many rooms do you need, and in which part of the town?"), sinks.back()));
  }
  int refused = 0;
  for (const auto& sink : sinks) {
    ASSERT_TRUE(sink->wait());
    if (sink->error() && sink->error()->code == Errc::kRateLimited) ++refused;
  }
  EXPECT_GE(refused, 1);
  EXPECT_LT(refused, 8);
}

TEST(ClipTts, PlaysTheClipOfATextAndBeepsWithoutOne) {
  const auto folder = std::filesystem::temp_directory_path() / ("al-clips-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const std::vector<std::int16_t> clip(1600, 1234);
  ASSERT_TRUE(audio::write_wav((folder / "one-moment.wav").string(), clip, 8000));
  WorkerPool pool(1, 16, "test");
  const auto tts = make_clip_tts(folder.string(), pool);
  const auto known = std::make_shared<TtsRecorder>();
  const auto first = tts->start(request("One moment…"), known);
  const auto unknown = std::make_shared<TtsRecorder>();
  const auto second = tts->start(request("Something else"), unknown);
  ASSERT_TRUE(known->wait() && unknown->wait());
  EXPECT_EQ(known->audio(), clip);
  EXPECT_EQ(unknown->audio(), audio::make_beep());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace al::providers
