// WAV and raw files, resampling, tones.
#include <cmath>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "audio/g711.h"
#include "audio/level.h"
#include "audio/resampler.h"
#include "audio/test_signals.h"
#include "audio/tone.h"
#include "audio/ulaw_wav.h"
#include "audio/wav_file.h"

namespace al::audio {
namespace {

using test::Pcm;

class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("al_audio_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

float level(std::span<const std::int16_t> pcm) {
  return dbfs_from_rms(rms(pcm));
}

TEST(WavFile, ComesBackSampleForSample) {
  const Folder folder;
  const Pcm pcm = test::noise(500, -20.0F);
  ASSERT_TRUE(write_wav(folder.file("a.wav"), pcm, kSampleRateHz));
  const auto back = read_8k(folder.file("a.wav"));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, pcm);
}

TEST(WavFile, OtherRatesBecome8kHz) {
  const Folder folder;
  for (const int rate : {11'025, 16'000, 22'050, 44'100, 48'000}) {
    std::vector<std::int16_t> pcm(static_cast<std::size_t>(rate));
    for (std::size_t i = 0; i < pcm.size(); ++i) {
      pcm[i] =
          static_cast<std::int16_t>(8000.0 * std::sin(2.0 * std::numbers::pi * 1000.0 * static_cast<double>(i) / rate));
    }
    ASSERT_TRUE(write_wav(folder.file("r.wav"), pcm, rate));
    const auto back = read_8k(folder.file("r.wav"));
    ASSERT_TRUE(back);
    EXPECT_NEAR(static_cast<double>(back->size()), 8000.0, 1.0) << rate;
    EXPECT_NEAR(level(*back), level(pcm), 0.1F) << rate;
  }
}

TEST(WavFile, ChannelsCanBeTakenOrMixed) {
  const Folder folder;
  auto writer = StereoWavWriter::create(folder.file("s.wav"), kSampleRateHz);
  ASSERT_TRUE(writer);
  const Pcm left(500, 1000);
  const Pcm right(100, 3000);
  ASSERT_TRUE(writer->write(left, right));
  ASSERT_TRUE(writer->close());
  EXPECT_FALSE(writer->write(left, right));
  EXPECT_EQ((*read_8k(folder.file("s.wav"), 0))[0], 1000);
  const auto second = read_8k(folder.file("s.wav"), 1);
  ASSERT_EQ(second->size(), 500U);
  EXPECT_EQ((*second)[99], 3000);
  EXPECT_EQ((*second)[100], 0) << "the shorter side is padded with silence";
  EXPECT_EQ((*read_8k(folder.file("s.wav")))[0], 2000);
  EXPECT_EQ(read_8k(folder.file("s.wav"), 2).error().code, Errc::kUnsupported);
}

TEST(WavFile, BadFilesAreNamed) {
  const Folder folder;
  const auto missing = read_8k(folder.file("none.wav"));
  EXPECT_EQ(missing.error().code, Errc::kNotFound);
  EXPECT_NE(missing.error().detail.find("none.wav"), std::string::npos);
  std::ofstream(folder.file("text.wav")) << "this is no sound";
  EXPECT_EQ(read_8k(folder.file("text.wav")).error().code, Errc::kMalformed);
  EXPECT_EQ(write_wav(folder.file("no/such/folder.wav"), Pcm(10, 0), kSampleRateHz).error().code, Errc::kRejected);
  ASSERT_TRUE(write_wav(folder.file("long.wav"), Pcm(3 * kSampleRateHz, 0), 100));
  EXPECT_EQ(read_recording(folder.file("long.wav"), 60).error().code, Errc::kUnsupported);
}

TEST(WavFile, ATruncatedFileGivesWhatIsThere) {
  const Folder folder;
  ASSERT_TRUE(write_wav(folder.file("t.wav"), test::noise(1000, -20.0F), kSampleRateHz));
  std::filesystem::resize_file(folder.file("t.wav"), 44 + 2 * 4000);
  const auto back = read_8k(folder.file("t.wav"));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->size(), 4000U);
}

TEST(WavFile, RawUlawIsDecoded) {
  const Folder folder;
  std::ofstream(folder.file("r.ulaw"), std::ios::binary) << std::string("\xFF\x00\x80", 3);
  const auto pcm = read_raw_ulaw(folder.file("r.ulaw"));
  ASSERT_TRUE(pcm);
  EXPECT_EQ(*pcm, (Pcm{0, -32124, 32124}));
  EXPECT_EQ(read_raw_ulaw(folder.file("none")).error().code, Errc::kNotFound);
}

TEST(Resampler, StreamingInPiecesIsTheSameAsAtOnce) {
  const Pcm from = test::noise(700, -18.0F);
  for (const auto& [in, out] :
       {std::pair{22'050, 8000}, std::pair{24'000, 8000}, std::pair{16'000, 8000}, std::pair{8000, 16'000}}) {
    auto whole = Resampler::create(in, out);
    auto pieces = Resampler::create(in, out);
    ASSERT_TRUE(whole && pieces);
    Pcm a;
    Pcm b;
    whole->process(from, a);
    whole->finish(a);
    for (std::size_t at = 0; at < from.size(); at += 37) {
      pieces->process(std::span(from).subspan(at, std::min<std::size_t>(37, from.size() - at)), b);
    }
    pieces->finish(b);
    EXPECT_EQ(a.size(), b.size());
    EXPECT_EQ(a, b);
    EXPECT_NEAR(static_cast<double>(a.size()), static_cast<double>(from.size()) * out / in, 1.0);
  }
}

TEST(Resampler, FoldsNothingBackIntoTheBand) {
  // 6 kHz at 16 kHz would fold to 2 kHz at 8 kHz.
  std::vector<std::int16_t> high(16'000);
  for (std::size_t i = 0; i < high.size(); ++i) {
    high[i] = static_cast<std::int16_t>(10'000.0 *
                                        std::sin(2.0 * std::numbers::pi * 6000.0 * static_cast<double>(i) / 16'000.0));
  }
  const auto low = resample(high, 16'000, 8000);
  ASSERT_TRUE(low);
  EXPECT_LT(level(std::span(*low).subspan(400, 7000)), -75.0F);
}

TEST(Resampler, AFreshStreamFollowsFinish) {
  auto resampler = Resampler::create(16'000, 8000);
  Pcm first;
  resampler->process(test::sine(200, 400, -10.0F), first);
  resampler->finish(first);
  Pcm second;
  resampler->process(test::sine(200, 400, -10.0F), second);
  resampler->finish(second);
  EXPECT_EQ(first, second);
}

TEST(Resampler, RefusesRatesThatMakeNoSense) {
  EXPECT_EQ(Resampler::create(0, 8000).error().code, Errc::kUnsupported);
  EXPECT_EQ(Resampler::create(8000, -1).error().code, Errc::kUnsupported);
  EXPECT_EQ(Resampler::create(384'000, 1000).error().code, Errc::kUnsupported);
  EXPECT_TRUE(Resampler::create(8000, 8000));
}

TEST(Tone, TheBeepIs440HzAtItsLevelWithoutClicks) {
  const Pcm beep = make_beep();
  ASSERT_EQ(beep.size(), test::samples(200));
  EXPECT_EQ(beep.front(), 0);
  EXPECT_LT(std::abs(beep.back()), 50);
  const auto middle = std::span(beep).subspan(test::samples(20), test::samples(160));
  EXPECT_NEAR(level(middle), -20.0F, 0.3F);
  int crossings = 0;
  for (std::size_t i = 1; i < middle.size(); ++i) crossings += (middle[i - 1] < 0) != (middle[i] < 0) ? 1 : 0;
  EXPECT_NEAR(crossings, 2 * 440 * 160 / 1000, 2);
}

TEST(Tone, OddLengthsAndLevelsAreTame) {
  EXPECT_TRUE(make_tone(440.0, std::chrono::milliseconds{0}).empty());
  EXPECT_TRUE(make_silence(std::chrono::milliseconds{-5}).empty());
  EXPECT_EQ(make_tone(440.0, std::chrono::milliseconds{1}).size(), 8U);
  const Pcm loud = make_tone(-1.0, std::chrono::milliseconds{50}, 20.0F);
  EXPECT_LE(*std::max_element(loud.begin(), loud.end()), 32767);
}

TEST(UlawWav, IsReadBackAsTheSameSound) {
  const Folder folder;
  const std::string path = folder.file("clip.wav");
  for (const WavChunk& extra : {WavChunk{}, WavChunk{"note", "odd"}}) {
    for (const std::size_t size : {1U, 159U, 160U, 8001U}) {
      std::vector<std::uint8_t> ulaw(size);
      for (std::size_t i = 0; i < size; ++i) ulaw[i] = static_cast<std::uint8_t>(i * 7);
      const std::string file = ulaw_wav(ulaw, extra);
      EXPECT_EQ(file.size() % 2, 0U);
      EXPECT_TRUE(file.starts_with(ulaw_wav_header(size, extra)));
      std::ofstream(path, std::ios::binary) << file;
      const auto pcm = read_8k(path);
      ASSERT_TRUE(pcm) << to_string(pcm.error());
      std::vector<std::int16_t> expected(size);
      decode_ulaw(ulaw, expected);
      EXPECT_EQ(*pcm, expected) << size << extra.id;
    }
  }
}

}  // namespace
}  // namespace al::audio
