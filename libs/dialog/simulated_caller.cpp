#include "dialog/simulated_caller.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <utility>

#include "audio/g711.h"

namespace al::dialog::testing {
namespace {

constexpr milliseconds kBeforeFirst{600};
constexpr milliseconds kBetween{400};  // from the end of an answer to the caller's next words
constexpr seconds kPatience{15};       // a caller who hears no end of it goes on

bool audible(const audio::UlawFrame& ulaw) {
  constexpr int kLevel = 300;
  const auto pcm = audio::decode_frame(ulaw);
  return std::any_of(pcm.begin(), pcm.end(), [](std::int16_t s) { return std::abs(s) > kLevel; });
}

const std::string* text_fact(const CallEvent& event, std::string_view key) {
  for (const Fact& fact : event.facts) {
    if (fact.key == key) return std::get_if<std::string>(&fact.value);
  }
  return nullptr;
}

}  // namespace

std::vector<std::int16_t> caller_voice(Duration length, std::uint64_t seed) {
  // Syllables of 120 ms, 40 ms between them. A tone without pauses would be taken for noise by any detector whose idea
  // of the background follows the line.
  constexpr double kPeriod = 0.16;
  constexpr double kSyllable = 0.12;
  const auto syllables = static_cast<double>(length / milliseconds{160});
  std::vector<std::int16_t> pcm(
      static_cast<std::size_t>((syllables * kPeriod - (kPeriod - kSyllable)) * audio::kSampleRateHz));
  const double pitch = 150.0 + 10.0 * static_cast<double>(seed % 7);
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    const double t = static_cast<double>(i) / audio::kSampleRateHz;
    const double loud = std::fmod(t, kPeriod) < kSyllable ? 2600.0 : 26.0;
    const double turn = 2 * std::numbers::pi * t;
    pcm[i] =
        static_cast<std::int16_t>(loud * (std::sin(turn * pitch) + std::sin(turn * 730) + 0.5 * std::sin(turn * 1900)));
  }
  pcm.resize(pcm.size() / audio::kFrameSamples * audio::kFrameSamples);
  // A voice does not end with a click, in which filters would go on ringing.
  for (std::size_t i = 0; i < audio::kFrameSamples; ++i) {
    const double left = static_cast<double>(i) / audio::kFrameSamples;
    auto& sample = pcm[pcm.size() - 1 - i];
    sample = static_cast<std::int16_t>(sample * left * left);
  }
  return pcm;
}

SimulatedCaller::SimulatedCaller(CallerPlan plan, Timestamp start, std::uint64_t seed)
    : plan_(std::move(plan)),
      voice_(caller_voice(plan_.utterance, seed)),
      start_(start),
      last_sound_(start),
      last_heard_(start),
      quiet_since_(start) {}

in::Media SimulatedCaller::speak(Timestamp now) {
  audio::PcmFrame frame{};
  for (std::size_t i = 0; i < frame.size(); ++i) {  // the line is never quite still
    frame[i] = static_cast<std::int16_t>((sequence_ * 31 + i * 17) % 23) - 11;
  }
  if (phase_ == Phase::kSpeaks) {
    std::copy_n(voice_.begin() + static_cast<std::ptrdiff_t>(position_), audio::kFrameSamples, frame.begin());
    position_ += audio::kFrameSamples;
    last_sound_ = last_heard_ = now;
  }
  in::Media media;
  media.media_time = MediaTime{static_cast<std::int64_t>(sequence_ * audio::kFrameSamples)};
  media.sequence = ++sequence_;
  media.ulaw = audio::encode_frame(frame);
  return media;
}

std::vector<std::string> SimulatedCaller::listen(Timestamp now) {
  std::vector<std::string> marks;
  bool sound = false;
  bool played = false;
  while (!buffer_.empty()) {
    if (buffer_.front().frame) {
      if (std::exchange(played, true)) break;
      sound = audible(*buffer_.front().frame);
    } else {
      marks.push_back(std::move(buffer_.front().mark));
    }
    buffer_.pop_front();
  }
  if (sound) last_heard_ = now;
  if (waiting_) turns_.back().worst_silence = std::max(turns_.back().worst_silence, now - last_heard_);
  if (!agent_listens_ || !buffer_.empty() || sound) quiet_since_ = now;
  return marks;
}

void SimulatedCaller::begin_turn() {
  phase_ = Phase::kSpeaks;
  position_ = 0;
  if (plan_.before_turn) plan_.before_turn(static_cast<int>(turns_.size()) + 1);
}

bool SimulatedCaller::go_on(Timestamp now) {
  switch (phase_) {
    case Phase::kQuiet:
      if (now - start_ >= kBeforeFirst) begin_turn();
      break;
    case Phase::kSpeaks:
      if (position_ < voice_.size()) break;
      turns_.emplace_back();
      waiting_ = true;
      agent_listens_ = words_next_ = false;  // it has our turn
      quiet_since_ = now;
      phase_ = Phase::kListens;
      break;
    case Phase::kListens:
      if (ended_by_agent_ && buffer_.empty()) return false;
      if (now - quiet_since_ < kBetween && now - last_sound_ < kPatience) break;
      waiting_ = false;
      if (static_cast<int>(turns_.size()) >= plan_.turns) return false;
      begin_turn();
      break;
  }
  return true;
}

void SimulatedCaller::send_media(const audio::UlawFrame& ulaw, Timestamp now) {
  buffer_.push_back({ulaw, {}});
  if (!waiting_ || !audible(ulaw)) return;
  TurnReport& turn = turns_.back();
  const Duration gap = now - last_sound_;
  if (!turn.first_sound) turn.first_sound = gap;
  if (!words_next_) return;
  turn.answer = gap;
  turn.text = spoken_;
  turn.worst_silence = std::max(turn.worst_silence, now - last_heard_);
  waiting_ = words_next_ = false;
}

void SimulatedCaller::send_mark(const std::string& name) {
  buffer_.push_back({{}, name});
}

void SimulatedCaller::clear() {
  std::erase_if(buffer_, [](const Buffered& item) { return item.frame.has_value(); });
}

void SimulatedCaller::on_event(const CallEvent& event) {
  if (event.name == "TTS_START") {
    if (const auto* text = text_fact(event, "text")) spoken_ = *text;
  } else if (event.name == "STATE_CHANGE") {
    const auto* machine = text_fact(event, "machine");
    const auto* to = text_fact(event, "to");
    if (machine != nullptr && to != nullptr && *machine == "agent") agent_listens_ = *to == "LISTENING";
  } else if (event.name == "LATENCY" && waiting_) {
    // Said right before the first frame of an answer's words goes out.
    TurnReport& turn = turns_.back();
    words_next_ = true;
    if (const auto* outcome = text_fact(event, "outcome")) turn.outcome = *outcome;
    turn.ledger.clear();
    for (const Fact& fact : event.facts) {
      if (const auto* ms = std::get_if<std::int64_t>(&fact.value)) turn.ledger[fact.key] = *ms;
    }
  }
}

}  // namespace al::dialog::testing
