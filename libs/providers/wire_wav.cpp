#include "providers/wire_wav.h"

#include <algorithm>

namespace al::providers {
namespace {

constexpr std::size_t kFormBytes = 12;        // "RIFF" size "WAVE"
constexpr std::size_t kChunkHeaderBytes = 8;  // id size
constexpr std::size_t kFormatBytes = 16;      // the common part of a fmt chunk
constexpr std::size_t kFormatMaxBytes = 40;   // WAVE_FORMAT_EXTENSIBLE
constexpr std::uint32_t kUnboundedFrom = 0x7FFFFFFF;
constexpr std::uint64_t kMaxSkippedChunk = 1 << 20;

std::uint32_t read_le(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

void append_le(std::string& out, std::uint32_t value, int count) {
  for (int i = 0; i < count; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

// True if `bytes` could be the first bytes of "RIFF????WAVE".
bool may_begin_form(std::string_view bytes) {
  constexpr std::string_view kRiff = "RIFF";
  constexpr std::string_view kWave = "WAVE";
  for (std::size_t i = 0; i < bytes.size() && i < kFormBytes; ++i) {
    if (i < 4 && bytes[i] != kRiff[i]) return false;
    if (i >= 8 && bytes[i] != kWave[i - 8]) return false;
  }
  return true;
}

// Where a header begins in `bytes`, or may begin at its end; the size of `bytes` if nowhere.
std::size_t find_form(std::string_view bytes) {
  std::size_t at = bytes.find('R');
  while (at != std::string_view::npos && !may_begin_form(bytes.substr(at))) at = bytes.find('R', at + 1);
  return std::min(at, bytes.size());
}

bool known_chunk(std::string_view id) {
  return std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c <= 'z'; });
}

}  // namespace

Result<void> WavStripper::feed(std::string_view bytes, const OnPayload& on_payload) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::kPayload:
        bytes.remove_prefix(take_payload(bytes, on_payload));
        break;
      case State::kForm: {
        const bool whole = collect(bytes, kFormBytes);
        if (!may_begin_form(held_)) {  // it was audio: look for a header again one byte on
          const std::string held = std::move(held_);
          held_.clear();
          state_ = State::kPayload;
          on_payload(format_, std::string_view(held).substr(0, 1));
          if (bounded_) --left_;
          if (auto fed = feed(std::string_view(held).substr(1), on_payload); !fed) return fed;
        } else if (whole) {
          held_.clear();
          bounded_ = after_data_ = false;
          state_ = State::kChunkHeader;
        }
        break;
      }
      case State::kChunkHeader:
        if (!collect(bytes, kChunkHeaderBytes)) break;
        if (auto opened = open_chunk(on_payload); !opened) return opened;
        break;
      case State::kFormat:
        if (!collect(bytes, std::min<std::size_t>(left_, kFormatMaxBytes))) break;
        if (auto read = read_format(); !read) return read;
        break;
      case State::kSkip: {
        const std::size_t count = std::min<std::uint64_t>(left_, bytes.size());
        bytes.remove_prefix(count);
        left_ -= count;
        if (left_ == 0) state_ = State::kChunkHeader;
        break;
      }
    }
  }
  return {};
}

void WavStripper::finish(const OnPayload& on_payload) {
  const bool audio = state_ == State::kForm || (state_ == State::kChunkHeader && after_data_ && !known_chunk(held_));
  std::string_view rest = held_;
  if (bounded_) rest = rest.substr(0, left_);
  if (audio && !rest.empty()) on_payload(format_, rest);
  held_.clear();
  state_ = State::kPayload;
}

// Hands over audio up to the next possible header; the number of bytes consumed.
std::size_t WavStripper::take_payload(std::string_view bytes, const OnPayload& on_payload) {
  if (bounded_) bytes = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
  const std::size_t count = find_form(bytes);
  if (count > 0) on_payload(format_, bytes.substr(0, count));
  if (bounded_) left_ -= count;
  if (count < bytes.size()) {
    state_ = State::kForm;
  } else if (bounded_ && left_ == 0) {
    bounded_ = false;
    after_data_ = true;
    left_ = padded_ ? 1 : 0;
    state_ = padded_ ? State::kSkip : State::kChunkHeader;
  }
  return count;
}

// Moves bytes into held_ until it has `size`; true when it does.
bool WavStripper::collect(std::string_view& bytes, std::size_t size) {
  const std::size_t count = std::min(size - held_.size(), bytes.size());
  held_.append(bytes.substr(0, count));
  bytes.remove_prefix(count);
  return held_.size() == size;
}

Result<void> WavStripper::open_chunk(const OnPayload& on_payload) {
  const std::string header = std::move(held_);
  held_.clear();
  const std::string_view id = std::string_view(header).substr(0, 4);
  const std::uint32_t size = read_le(header, 4, 4);
  if (id == "RIFF") {
    held_ = header;
    state_ = State::kForm;
  } else if (id == "data") {
    bounded_ = size != 0 && size < kUnboundedFrom;
    padded_ = (size & 1) != 0;
    left_ = size;
    state_ = State::kPayload;
  } else if (id == "fmt ") {
    if (size < kFormatBytes)
      return fail(Errc::kMalformed, "audio header: the fmt chunk has " + std::to_string(size) + " bytes");
    left_ = size;
    state_ = State::kFormat;
  } else if (after_data_ && (!known_chunk(id) || size > kMaxSkippedChunk)) {
    state_ = State::kPayload;  // not a chunk: the data size was too small
    after_data_ = false;
    return feed(header, on_payload);
  } else if (size > kMaxSkippedChunk) {
    return fail(Errc::kMalformed, "audio header: a chunk of " + std::to_string(size) + " bytes before the audio");
  } else {
    left_ = size + (size & 1);  // chunks are padded to even sizes
    state_ = left_ == 0 ? State::kChunkHeader : State::kSkip;
  }
  return {};
}

Result<void> WavStripper::read_format() {
  constexpr std::uint32_t kPcmTag = 1;
  constexpr std::uint32_t kUlawTag = 7;
  constexpr std::uint32_t kExtensibleTag = 0xFFFE;
  constexpr std::size_t kSubFormatAt = 24;
  std::uint32_t tag = read_le(held_, 0, 2);
  if (tag == kExtensibleTag && held_.size() >= kSubFormatAt + 2) tag = read_le(held_, kSubFormatAt, 2);
  const std::uint32_t channels = read_le(held_, 2, 2);
  const std::uint32_t rate = read_le(held_, 4, 4);
  const std::uint32_t bits = read_le(held_, 14, 2);
  const std::uint32_t want_bits = tag == kPcmTag ? 16 : 8;
  const bool known = tag == kPcmTag || tag == kUlawTag;
  if (!known || bits != want_bits || channels < 1 || channels > 2 || rate < 4000 || rate > 192000) {
    return fail(Errc::kUnsupported, "audio header: format " + std::to_string(tag) + ", " + std::to_string(bits) +
                                        " bits, " + std::to_string(channels) + " channels, " + std::to_string(rate) +
                                        " Hz (wanted 16-bit PCM or µ-law, 1 or 2 channels)");
  }
  const auto encoding = tag == kPcmTag ? AudioEncoding::kPcm16Le : AudioEncoding::kUlaw;
  format_ = {.encoding = encoding, .rate_hz = static_cast<int>(rate), .channels = static_cast<int>(channels)};
  left_ = left_ + (left_ & 1) - held_.size();
  held_.clear();
  state_ = left_ == 0 ? State::kChunkHeader : State::kSkip;
  return {};
}

std::string wrap_wav_pcm16(std::string_view pcm16le, int rate_hz) {
  const auto size = static_cast<std::uint32_t>(pcm16le.size());
  const auto rate = static_cast<std::uint32_t>(rate_hz);
  std::string wav;
  wav.reserve(44 + pcm16le.size());
  wav.append("RIFF");
  append_le(wav, 36 + size, 4);
  wav.append("WAVEfmt ");
  append_le(wav, kFormatBytes, 4);
  append_le(wav, 1, 2);  // PCM
  append_le(wav, 1, 2);  // channels
  append_le(wav, rate, 4);
  append_le(wav, rate * 2, 4);  // bytes a second
  append_le(wav, 2, 2);         // bytes a sample
  append_le(wav, 16, 2);        // bits a sample
  wav.append("data");
  append_le(wav, size, 4);
  return wav.append(pcm16le);
}

}  // namespace al::providers
