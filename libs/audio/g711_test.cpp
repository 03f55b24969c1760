#include "audio/g711.h"

#include <cstdlib>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>

namespace al::audio {
namespace {

std::ifstream golden() {
  return std::ifstream(AL_SOURCE_DIR "/testdata/audio/g711_golden.txt");
}

TEST(G711, DecodesAll256CodesAsSox) {
  std::ifstream file = golden();
  for (int i = 0; i < 256; ++i) {
    int code = -1;
    int value = 0;
    ASSERT_TRUE(file >> code >> value);
    ASSERT_EQ(code, i);
    EXPECT_EQ(decode_ulaw(static_cast<std::uint8_t>(code)), value) << "code " << code;
  }
}

TEST(G711, EncodesAll65536SamplesAsSox) {
  std::ifstream file = golden();
  int skipped = 0;
  for (int i = 0; i < 512; ++i) file >> skipped;
  int next = -32768;
  int first = 0;
  int last = 0;
  int code = 0;
  while (file >> first >> last >> code) {
    ASSERT_EQ(first, next);
    for (int sample = first; sample <= last; ++sample) {
      ASSERT_EQ(encode_ulaw(static_cast<std::int16_t>(sample)), code) << "sample " << sample;
    }
    next = last + 1;
  }
  EXPECT_EQ(next, 32768);
}

TEST(G711, EveryCodeSurvivesARoundTripButNegativeZero) {
  for (int code = 0; code < 256; ++code) {
    const auto byte = static_cast<std::uint8_t>(code);
    EXPECT_EQ(encode_ulaw(decode_ulaw(byte)), code == 0x7F ? kUlawSilence : byte);
  }
}

TEST(G711, TheErrorIsWithinHalfAStepOfTheSegment) {
  for (int sample = -32000; sample <= 32000; ++sample) {
    const int back = decode_ulaw(encode_ulaw(static_cast<std::int16_t>(sample)));
    EXPECT_LE(std::abs(back - sample), std::max(6, std::abs(sample) / 30 + 6)) << "sample " << sample;
  }
}

TEST(G711, SpansOfAnyLengthAgreeWithTheSingleCoder) {
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{1}, kFrameSamples - 1, kFrameSamples, kFrameSamples + 1}) {
    std::vector<std::int16_t> pcm(length);
    for (std::size_t i = 0; i < length; ++i) pcm[i] = static_cast<std::int16_t>(i * 401 - 30'000);
    std::vector<std::uint8_t> ulaw(length);
    std::vector<std::int16_t> back(length);
    encode_ulaw(pcm, ulaw);
    decode_ulaw(ulaw, back);
    for (std::size_t i = 0; i < length; ++i) {
      EXPECT_EQ(ulaw[i], encode_ulaw(pcm[i]));
      EXPECT_EQ(back[i], decode_ulaw(ulaw[i]));
    }
  }
}

TEST(G711, SilenceIsSilence) {
  UlawFrame quiet;
  quiet.fill(kUlawSilence);
  EXPECT_EQ(decode_frame(quiet), PcmFrame{});
  EXPECT_EQ(encode_frame(PcmFrame{}), quiet);
}

}  // namespace
}  // namespace al::audio
