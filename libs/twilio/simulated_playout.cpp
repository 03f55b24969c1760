#include "twilio/simulated_playout.h"

#include <algorithm>

namespace al::twilio {
namespace {

constexpr std::uint8_t kSilence = 0xFF;  // +0 in µ-law
// Played bytes are thrown away once they are this many, so that the buffer does not grow with the call.
constexpr std::size_t kCompactAt = 64 * 1024;

}  // namespace

bool PlayoutBuffer::add_audio(std::span<const std::uint8_t> ulaw) {
  if (ulaw.empty()) return true;
  if (speech_open_ && dry_frames_ > 0) {
    ++underruns_;
    gap_frames_ += dry_frames_;
  }
  dry_frames_ = 0;
  speech_open_ = true;
  const std::size_t room = max_bytes_ - std::min(max_bytes_, buffered_bytes());
  const std::size_t taken = std::min(room, ulaw.size());
  audio_.insert(audio_.end(), ulaw.begin(), ulaw.begin() + static_cast<std::ptrdiff_t>(taken));
  added_ += taken;
  return taken == ulaw.size();
}

std::vector<std::string> PlayoutBuffer::add_mark(std::string_view name) {
  speech_open_ = false;
  dry_frames_ = 0;
  if (buffered_bytes() == 0 && marks_.empty()) return {std::string(name)};
  marks_.push_back({std::string(name), added_});
  return {};
}

std::vector<std::string> PlayoutBuffer::clear() {
  std::vector<std::string> names;
  for (PendingMark& mark : marks_) names.push_back(std::move(mark.name));
  marks_.clear();
  audio_.clear();
  audio_at_ = 0;
  added_ = played_;
  speech_open_ = false;
  dry_frames_ = 0;
  return names;
}

PlayoutBuffer::Played PlayoutBuffer::play_frame() {
  Played out;
  out.ulaw.fill(kSilence);
  out.audio_bytes = std::min(kFrameBytes, buffered_bytes());
  const auto from = audio_.begin() + static_cast<std::ptrdiff_t>(audio_at_);
  std::copy_n(from, out.audio_bytes, out.ulaw.begin());
  audio_at_ += out.audio_bytes;
  played_ += out.audio_bytes;
  if (out.audio_bytes < kFrameBytes && speech_open_) ++dry_frames_;
  if (audio_at_ == audio_.size()) {
    audio_.clear();
    audio_at_ = 0;
  } else if (audio_at_ >= kCompactAt) {
    audio_.erase(audio_.begin(), audio_.begin() + static_cast<std::ptrdiff_t>(audio_at_));
    audio_at_ = 0;
  }
  while (!marks_.empty() && marks_.front().after_bytes <= played_) {
    out.marks.push_back(std::move(marks_.front().name));
    marks_.pop_front();
  }
  return out;
}

}  // namespace al::twilio
