// The line of a VirtualCall: the caller's mouth and ear, and Twilio's playout buffer between them and the engine.
#include <algorithm>
#include <cmath>

#include "audio/g711.h"
#include "dialog/virtual_call.h"

namespace al::dialog::testing {
namespace {

constexpr Duration kFrame = audio::kFrameDuration;

}  // namespace

// The caller's mouth, and the way to us.
void VirtualCall::caller_frame() {
  audio::PcmFrame pcm{};
  for (auto& sample : pcm) {
    sample = static_cast<std::int16_t>(static_cast<std::int64_t>(random_.below(2 * line_.noise + 1)) - line_.noise);
  }
  const bool voice = !mouth_.empty() && mouth_.front().first;
  if (voice) {
    last_voice_ = std::max(last_voice_, now_);
    for (std::size_t i = 0; i < pcm.size(); ++i) {
      const double t = static_cast<double>(frame_index_ * audio::kFrameSamples + i) / audio::kSampleRateHz;
      // Syllables of 120 ms with 40 ms between them: as in real speech, a quarter of the frames is quiet, so that a
      // noise floor that tracks does not take a long talker for noise.
      const double syllables = std::fmod(t, 0.16) < 0.12 ? 1.0 : 0.01;
      const double buzz = std::sin(2 * 3.14159265 * 180 * t) + std::sin(2 * 3.14159265 * 730 * t) +
                          0.5 * std::sin(2 * 3.14159265 * 1900 * t);
      pcm[i] = static_cast<std::int16_t>(pcm[i] + 2600 * syllables * buzz);
    }
  }
  if (line_.echo > 0) {
    const audio::PcmFrame echo = audio::decode_frame(echo_frame_);
    for (std::size_t i = 0; i < pcm.size(); ++i) {
      pcm[i] = static_cast<std::int16_t>(std::clamp(pcm[i] + line_.echo * echo[i], -32000.0, 32000.0));
    }
  }
  if (!mouth_.empty()) {
    mouth_.front().second -= kFrame;
    if (mouth_.front().second <= Duration{0}) mouth_.pop_front();
  }
  in::Media media;
  media.sequence = frame_index_;
  media.media_time = MediaTime{static_cast<std::int64_t>(frame_index_ * audio::kFrameSamples)};
  media.ulaw = audio::encode_frame(audio::PcmFrameView(pcm));
  ++frame_index_;
  if (random_.unit() < line_.lose_frames) return;
  if (random_.unit() < line_.delay_frames) {
    delayed_until_ = std::max(delayed_until_, now_ + milliseconds{40 + static_cast<std::int64_t>(random_.below(360))});
  }
  schedule(std::max(now_ + line_.up, delayed_until_), std::move(media));
}

// Twilio's buffer: one frame each 20 ms, marks when everything before them is played, clear flushes all.
void VirtualCall::line_frame() {
  const auto return_mark = [this](const std::string& name) {
    if (!line_.lose_marks) schedule(now_ + line_.up, in::MarkPlayed{name});
  };
  while (!on_the_way_.empty() && on_the_way_.begin()->first <= now_) {
    Buffered item = std::move(on_the_way_.begin()->second);
    on_the_way_.erase(on_the_way_.begin());
    if (item.is_mark && item.name == "\x01") {
      for (const Buffered& flushed : buffer_) {
        if (flushed.is_mark) return_mark(flushed.name);
      }
      buffer_.clear();
    } else {
      buffer_.push_back(std::move(item));
    }
  }
  const auto return_due_marks = [&] {
    while (!buffer_.empty() && buffer_.front().is_mark) {
      return_mark(buffer_.front().name);
      buffer_.pop_front();
    }
  };
  return_due_marks();
  if (buffer_.empty()) return note_played(nullptr);
  const audio::UlawFrame frame = buffer_.front().frame;
  buffer_.pop_front();
  note_played(&frame);
  return_due_marks();
}

void VirtualCall::note_played(const audio::UlawFrame* frame) {
  echo_frame_.fill(audio::kUlawSilence);
  std::string text;
  bool sound = false;
  if (frame != nullptr) {
    echo_frame_ = *frame;
    std::uint8_t loudest = audio::kUlawSilence;
    for (const std::uint8_t code : *frame) loudest = std::min<std::uint8_t>(loudest, code | 0x80U);
    sound = loudest < 0xF0;
    for (const auto& [candidate, code] : codes_) {
      if (code == loudest) text = candidate;
    }
  }
  watch_silence(sound);
  if (frame == nullptr) return;
  if (!played_.empty() && played_.back().text == text && played_.back().sound == sound && played_.back().to == now_) {
    played_.back().to = now_ + kFrame;
  } else {
    played_.push_back({text, now_, now_ + kFrame, sound});
  }
}

// An answer is owed from the caller's last sound (of more than noise) until the agent listens again.
void VirtualCall::watch_silence(bool sound) {
  const bool caller_speaks = !mouth_.empty() && mouth_.front().first;
  if (agent_state_ == "PROCESSING" || agent_state_ == "HELD") {
    if (!owed_) owed_since_ = std::max(last_voice_, last_sound_);
    owed_ = true;
  } else if (agent_state_ != "SPEAKING") {
    owed_ = false;
  }
  if (sound) last_sound_ = now_ + kFrame;
  if (sound || caller_speaks) owed_since_ = now_ + kFrame;
  if (owed_ && now_ - owed_since_ > longest_owed_silence_) {
    longest_owed_silence_ = now_ - owed_since_;
    longest_end_ = now_;
  }
}

std::vector<std::string> VirtualCall::texts() const {
  std::vector<std::string> result;
  for (const Played& played : played_) {
    if (played.sound && (result.empty() || result.back() != played.text)) result.push_back(played.text);
  }
  return result;
}

bool VirtualCall::heard(std::string_view text) const {
  return first_heard(text).has_value();
}

std::optional<Timestamp> VirtualCall::first_heard(std::string_view text) const {
  for (const Played& played : played_) {
    if (played.sound && played.text.find(text) != std::string::npos) return played.from;
  }
  return std::nullopt;
}

}  // namespace al::dialog::testing
