// Strips RIFF/WAVE headers out of a byte stream of audio, wherever they stand: at the start, before each sentence of a
// concatenated answer, or not at all. Pure; used from one thread. Sources: Microsoft RIFF MCI specification 1.0,
// ITU-T G.711 tags in RFC 2361. Synthesisers disagree on whether "raw" means headerless, so the bytes decide.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace al::providers {

enum class AudioEncoding { kPcm16Le, kUlaw };

struct AudioFormat {
  AudioEncoding encoding = AudioEncoding::kPcm16Le;
  int rate_hz = 8000;
  int channels = 1;  // interleaved
  friend bool operator==(const AudioFormat&, const AudioFormat&) = default;
};

class WavStripper {
 public:
  // `payload` dies with the call and may be cut at an odd byte.
  using OnPayload = std::function<void(const AudioFormat& format, std::string_view payload)>;

  // `headerless`: the format to assume until a header says otherwise.
  explicit WavStripper(AudioFormat headerless) : format_(headerless) {}

  // kUnsupported for a header that announces another sample type, more than 2 channels or a rate outside 4-192 kHz.
  // A data size of 0 or ≥ 2^31-1 means "until the end", as streaming servers write it. Chunks other than fmt and data
  // are skipped; audio beyond a data size that was too small is kept.
  Result<void> feed(std::string_view bytes, const OnPayload& on_payload);
  // The stream ended: hands over the few bytes held back in case they began a header.
  void finish(const OnPayload& on_payload);

 private:
  enum class State { kPayload, kForm, kChunkHeader, kFormat, kSkip };

  std::size_t take_payload(std::string_view bytes, const OnPayload& on_payload);
  bool collect(std::string_view& bytes, std::size_t size);
  Result<void> open_chunk(const OnPayload& on_payload);
  Result<void> read_format();

  AudioFormat format_;
  State state_ = State::kPayload;
  std::string held_;         // the part of a header read so far
  std::uint64_t left_ = 0;   // bytes of the chunk still to come
  bool bounded_ = false;     // left_ limits the payload
  bool padded_ = false;      // a pad byte follows the data chunk
  bool after_data_ = false;  // a data chunk was read to its end: what follows is chunks, or audio beyond a wrong size
};

// A complete RIFF/WAVE file of 16-bit mono PCM: a 44-byte header, then the samples, little-endian.
[[nodiscard]] std::string wrap_wav_pcm16(std::string_view pcm16le, int rate_hz);

}  // namespace al::providers
