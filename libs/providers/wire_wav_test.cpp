#include "providers/wire_wav.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "audio/g711.h"
#include "providers/audio_stream.h"
#include "providers/turn_audio.h"

namespace al::providers {
namespace {

std::string le32(std::uint32_t v) {
  return {static_cast<char>(v), static_cast<char>(v >> 8), static_cast<char>(v >> 16), static_cast<char>(v >> 24)};
}
std::string le16(std::uint32_t v) {
  return {static_cast<char>(v), static_cast<char>(v >> 8)};
}

// A header with whatever chunks stand before the audio, and any data size.
std::string header(std::uint32_t tag, std::uint32_t rate, std::uint32_t bits, std::uint32_t data_size,
                   const std::string& chunk_before_data = {}) {
  return "RIFF" + le32(36 + data_size) + "WAVEfmt " + le32(16) + le16(tag) + le16(1) + le32(rate) +
         le32(rate * bits / 8) + le16(bits / 8) + le16(bits) + chunk_before_data + "data" + le32(data_size);
}

struct Stripped {
  std::string payload;
  AudioFormat format;
  bool ok = true;
};
Stripped strip(std::string_view bytes, std::size_t piece, AudioFormat headerless = {}) {
  WavStripper stripper(headerless);
  Stripped out{.payload = {}, .format = headerless};
  const auto keep = [&](const AudioFormat& format, std::string_view payload) {
    out.format = format;
    out.payload += payload;
  };
  for (std::size_t at = 0; at < bytes.size() && out.ok; at += piece) {
    out.ok = stripper.feed(bytes.substr(at, piece), keep).has_value();
  }
  stripper.finish(keep);
  return out;
}

std::string ramp(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 7));
  return bytes;
}

TEST(WavStripper, PassesHeaderlessAudioUnchangedHoweverItIsCut) {
  const std::string audio = ramp(500) + "RIF" + ramp(20) + "RIFFabcdWAVX" + ramp(33) + "R";
  for (std::size_t piece : {1, 2, 3, 5, 7, 11, 12, 13, 44, 1000}) {
    const auto out = strip(audio, piece);
    EXPECT_EQ(out.payload, audio) << piece;
    EXPECT_EQ(out.format, AudioFormat{});
  }
}

TEST(WavStripper, StripsAHeaderWithAnExtraChunkBeforeTheAudio) {
  const std::string audio = ramp(320);
  const std::string list = "LIST" + le32(5) + "INFOx" + std::string(1, '\0');  // odd size: padded
  const std::string file = header(7, 8000, 8, 320, list) + audio;
  for (std::size_t piece : {1, 2, 3, 13, 44, 57, 58, 1000}) {
    const auto out = strip(file, piece);
    EXPECT_EQ(out.payload, audio) << piece;
    EXPECT_EQ(out.format, (AudioFormat{.encoding = AudioEncoding::kUlaw, .rate_hz = 8000}));
  }
}

TEST(WavStripper, StripsHeadersInTheMiddleAndChunksAtTheEnd) {
  const std::string tail = "LIST" + le32(4) + "abcd";
  const std::string file = header(1, 16000, 16, 100) + ramp(100) + header(1, 16000, 16, 60) + ramp(60) + tail;
  for (std::size_t piece : {1, 3, 10, 45, 1000}) {
    EXPECT_EQ(strip(file, piece).payload, ramp(100) + ramp(60)) << piece;
    EXPECT_EQ(strip(file, piece).format.rate_hz, 16000);
  }
}

TEST(WavStripper, ReadsToTheEndWhereTheSizeIsUnknown) {
  for (std::uint32_t size : {0U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    EXPECT_EQ(strip(header(1, 24000, 16, size) + ramp(777), 50).payload, ramp(777)) << size;
  }
}

TEST(WavStripper, KeepsAudioBeyondASizeThatWasTooSmall) {
  const std::string audio = std::string(100, '\x01') + std::string(200, '\xF0');
  EXPECT_EQ(strip(header(1, 8000, 16, 100) + audio, 33).payload, audio);
}

TEST(WavStripper, ReadsTheExtensibleForm) {
  const std::string fmt = "fmt " + le32(40) + le16(0xFFFE) + le16(1) + le32(48000) + le32(96000) + le16(2) + le16(16) +
                          le16(22) + le16(16) + le32(4) + le16(1) + std::string(14, 'g');
  const std::string file = "RIFF" + le32(100) + "WAVE" + fmt + "data" + le32(8) + ramp(8);
  for (std::size_t piece : {1, 7, 100}) {
    EXPECT_EQ(strip(file, piece).payload, ramp(8));
    EXPECT_EQ(strip(file, piece).format.rate_hz, 48000);
  }
}

TEST(WavStripper, RefusesWhatItCannotPlay) {
  WavStripper stripper({});
  const auto fed = stripper.feed(header(3, 8000, 32, 400), [](const AudioFormat&, std::string_view) {});
  ASSERT_FALSE(fed.has_value());
  EXPECT_EQ(fed.error().code, Errc::kUnsupported);
  EXPECT_NE(fed.error().detail.find("format 3, 32 bits"), std::string::npos);
}

TEST(WrapWav, WritesTheCanonicalHeader) {
  EXPECT_EQ(wrap_wav_pcm16("abcd", 16000), "RIFF" + le32(40) + "WAVEfmt " + le32(16) + le16(1) + le16(1) + le32(16000) +
                                               le32(32000) + le16(2) + le16(16) + "data" + le32(4) + "abcd");
}

std::vector<std::int16_t> decode(std::string_view bytes, AudioFormat format, std::size_t piece) {
  AudioStreamDecoder decoder(format);
  std::vector<std::int16_t> pcm;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    EXPECT_TRUE(decoder.feed(bytes.substr(at, piece), pcm).has_value());
  }
  EXPECT_TRUE(decoder.finish(pcm).has_value());
  EXPECT_EQ(decoder.samples(), pcm.size());
  return pcm;
}

TEST(AudioStreamDecoder, JoinsSamplesThatWereCutInTheMiddle) {
  const std::vector<std::int16_t> samples{0, 1, -1, 32767, -32768, 258, -2};
  for (std::size_t piece : {1, 2, 3, 5, 100}) {
    EXPECT_EQ(decode(to_le_bytes(samples), {}, piece), samples) << piece;
  }
}

TEST(AudioStreamDecoder, DecodesUlawWithAndWithoutAHeader) {
  const std::string codes = ramp(256);
  std::vector<std::int16_t> expected;
  for (const char code : codes) expected.push_back(audio::decode_ulaw(static_cast<std::uint8_t>(code)));
  EXPECT_EQ(decode(codes, {.encoding = AudioEncoding::kUlaw}, 7), expected);
  EXPECT_EQ(decode(header(7, 8000, 8, 256) + codes, {}, 7), expected);
}

TEST(AudioStreamDecoder, ConvertsAnyAnnouncedRateToTheLines) {
  constexpr int kRate = 24000;
  std::vector<std::int16_t> tone;
  for (int i = 0; i < kRate; ++i) {
    tone.push_back(static_cast<std::int16_t>(8000 * std::sin(2 * std::numbers::pi * 440 * i / kRate)));
  }
  for (const std::string& bytes : {wrap_wav_pcm16(to_le_bytes(tone), kRate), to_le_bytes(tone)}) {
    const auto pcm = decode(bytes, {.rate_hz = kRate}, 1001);
    EXPECT_NEAR(static_cast<double>(pcm.size()), 8000, 24);  // the converter's tail: 3 ms at most
    double energy = 0;
    int crossings = 0;
    for (std::size_t i = 1000; i < 7000; ++i) {
      energy += static_cast<double>(pcm[i]) * pcm[i];
      crossings += (pcm[i] < 0) != (pcm[i - 1] < 0) ? 1 : 0;
    }
    EXPECT_NEAR(std::sqrt(energy / 6000), 8000 / std::numbers::sqrt2, 60);
    EXPECT_NEAR(crossings, 2 * 440 * 6000 / 8000, 2);
  }
}

TEST(AudioStreamDecoder, RefusesAudioThatDoesNotEnd) {
  AudioStreamDecoder decoder({.encoding = AudioEncoding::kUlaw}, seconds{2});
  std::vector<std::int16_t> pcm;
  EXPECT_TRUE(decoder.feed(ramp(16000), pcm).has_value());
  EXPECT_FALSE(decoder.feed(ramp(1), pcm).has_value());
}

TEST(ContentType, NamesARateOrDoesNot) {
  EXPECT_EQ(content_type_rate("audio/pcm;rate=16000"), 16000);
  EXPECT_EQ(content_type_rate("audio/L16; rate=24000; channels=1"), 24000);
  EXPECT_EQ(content_type_rate("audio/pcm"), std::nullopt);
  EXPECT_EQ(content_type_rate("audio/pcm;rate=1"), std::nullopt);
}

}  // namespace
}  // namespace al::providers
