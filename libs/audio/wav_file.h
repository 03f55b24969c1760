// Sound files through libsndfile: reads whatever it reads (WAV, AIFF, FLAC, Ogg, … at any rate, width and channel
// count), writes 16-bit WAV, reads and writes headerless µ-law. Blocking file I/O: never on a media strand.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace al::audio {

struct Recording {
  int rate_hz = 0;
  int channels = 0;
  std::vector<std::int16_t> samples;  // interleaved; size() / channels frames
};

// At most `max_seconds` are accepted (kUnsupported beyond), so that a wrong file cannot eat the machine.
Result<Recording> read_recording(const std::string& path, int max_seconds = 4 * 3600);

// One channel of a file at the line's 8 kHz. `channel` -1 mixes all; a channel the file does not have is kUnsupported.
Result<std::vector<std::int16_t>> read_8k(const std::string& path, int channel = -1);
// How many channels a file has.
Result<int> channels_of(const std::string& path);
// Headerless µ-law, 8 kHz, decoded. Any byte string is valid.
Result<std::vector<std::int16_t>> read_raw_ulaw(const std::string& path);

// 16-bit WAV; `samples` interleaved.
Result<void> write_wav(const std::string& path, std::span<const std::int16_t> samples, int rate_hz, int channels = 1);

// A two-channel 16-bit WAV that grows while a call runs: left = the caller, right = the agent.
class StereoWavWriter {
 public:
  static Result<StereoWavWriter> create(const std::string& path, int rate_hz);
  ~StereoWavWriter();  // closes; errors of that are lost, so call close() where they matter
  StereoWavWriter(StereoWavWriter&&) noexcept;
  StereoWavWriter& operator=(StereoWavWriter&&) noexcept;

  // The shorter side is padded with silence.
  Result<void> write(std::span<const std::int16_t> left, std::span<const std::int16_t> right);
  Result<void> close();

 private:
  struct State;
  explicit StereoWavWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace al::audio
