#include "agentd/redirect_playback.h"

#include <algorithm>

#include "dialog/playout.h"

namespace al::agentd {
namespace {

// Longer than the longest answer (PlayoutOptions::max_speech).
constexpr std::size_t kMaxFrames = 6'000;
constexpr Duration kMarkPatience = seconds{3};
constexpr std::uint8_t kPlusZero = 0xFF;
constexpr std::uint8_t kMinusZero = 0x7F;

bool is_silent(const audio::UlawFrame& frame) {
  return std::all_of(frame.begin(), frame.end(),
                     [](std::uint8_t code) { return code == kPlusZero || code == kMinusZero; });
}

}  // namespace

std::shared_ptr<RedirectPlayback> RedirectPlayback::make(net::Loop& loop, MediaOut& line, Hooks hooks) {
  return std::shared_ptr<RedirectPlayback>(new RedirectPlayback(loop, line, std::move(hooks)));
}

RedirectPlayback::RedirectPlayback(net::Loop& loop, MediaOut& line, Hooks hooks)
    : loop_(loop), line_(line), hooks_(std::move(hooks)), timer_(loop, [this](Timestamp now) { speak(now); }) {}

void RedirectPlayback::forget() {
  timer_.cancel();
  frames_.clear();
  marks_.clear();
  frames_said_ = marks_said_ = 0;
  awaited_.clear();
}

void RedirectPlayback::begin() {
  if (state_ == State::kCollecting) forget();
}

void RedirectPlayback::send_media(const audio::UlawFrame& ulaw) {
  if (state_ == State::kGone || frames_.size() >= kMaxFrames) return;
  const Timestamp now = monotonic_now();
  const Duration sent = audio::kFrameDuration * static_cast<std::int64_t>(frames_.size());
  if (frames_.empty() || now > base_ + sent) base_ = now - sent;
  frames_.push_back(ulaw);
}

void RedirectPlayback::send_mark(const std::string& name) {
  if (state_ == State::kGone) return;
  marks_.push_back({frames_.size(), name});
  if (state_ != State::kCollecting || !dialog::Playout::is_last(name)) return;
  state_ = State::kComplete;
  loop_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->complete();
  });
}

// The engine takes back what, by its own reckoning, was not heard yet; it will send that again or let it go.
void RedirectPlayback::clear() {
  if (state_ == State::kSpeaking) {
    line_.clear();
    forget();
    state_ = State::kCollecting;
    hooks_.spoken();
    return;
  }
  if (state_ != State::kCollecting && state_ != State::kComplete) return;
  state_ = State::kCollecting;
  marks_.clear();
  const auto played = std::max<std::int64_t>(0, (monotonic_now() - base_) / audio::kFrameDuration);
  frames_.resize(std::min(frames_.size(), static_cast<std::size_t>(played)));
}

void RedirectPlayback::complete() {
  if (state_ != State::kComplete) return;  // the caller was quicker
  state_ = State::kLeaving;
  std::vector<std::string> names;
  for (const Mark& mark : marks_) names.push_back(mark.name);
  std::size_t sound = frames_.size();
  while (sound > 0 && is_silent(frames_[sound - 1])) --sound;
  std::vector<std::uint8_t> ulaw;
  ulaw.reserve(sound * audio::kFrameSamples);
  for (std::size_t i = 0; i < sound; ++i) ulaw.insert(ulaw.end(), frames_[i].begin(), frames_[i].end());
  hooks_.played(names);
  hooks_.hand_over(std::move(ulaw));
}

void RedirectPlayback::taken() {
  if (state_ != State::kLeaving) return;
  forget();
  state_ = State::kGone;
}

void RedirectPlayback::refused() {
  if (state_ != State::kLeaving) return;
  state_ = State::kSpeaking;
  next_frame_ = monotonic_now();
  speak(next_frame_);
}

// Twenty milliseconds of sound every twenty milliseconds; then the marks, whose return says that the caller heard it.
void RedirectPlayback::speak(Timestamp now) {
  if (state_ != State::kSpeaking) return;
  const auto say_marks = [&] {
    while (marks_said_ < marks_.size() && marks_[marks_said_].frame <= frames_said_) {
      awaited_ = marks_[marks_said_++].name;
      line_.send_mark(awaited_);
    }
  };
  say_marks();
  while (frames_said_ < frames_.size() && next_frame_ <= now) {
    line_.send_media(frames_[frames_said_++]);
    next_frame_ += audio::kFrameDuration;
    say_marks();
  }
  if (frames_said_ < frames_.size()) {
    timer_.arm(next_frame_);
  } else if (now < next_frame_ + kMarkPatience) {
    timer_.arm(next_frame_ + kMarkPatience);
  } else {
    mark_back(awaited_);  // it does not come back: the line is not to stay deaf for it
  }
}

void RedirectPlayback::mark_back(const std::string& name) {
  if (state_ != State::kSpeaking || name != awaited_ || frames_said_ < frames_.size()) return;
  forget();
  state_ = State::kCollecting;
  hooks_.spoken();
}

}  // namespace al::agentd
