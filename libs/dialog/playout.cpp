#include "dialog/playout.h"

#include <algorithm>

#include "audio/g711.h"
#include "dialog/heard_text.h"

namespace al::dialog {
namespace {

constexpr Duration kFrame = audio::kFrameDuration;
constexpr std::int64_t kSamples = audio::kFrameSamples;

std::int64_t frames_of(std::size_t samples) {
  return (static_cast<std::int64_t>(samples) + kSamples - 1) / kSamples;
}

}  // namespace

Playout::Playout(const PlayoutOptions& options) : options_(options) {
  // A lead as long as a speech is no pacing at all: the sound is collected, not played as it goes out.
  options_.lead_frames = std::clamp(options_.lead_frames, 1, static_cast<int>(options_.max_speech / kFrame));
}

Playout::Item* Playout::find(SpeechId speech) {
  const auto it = std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.speech == speech; });
  return it == items_.end() ? nullptr : &*it;
}
const Playout::Item* Playout::find(SpeechId speech) const {
  const auto it = std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.speech == speech; });
  return it == items_.end() ? nullptr : &*it;
}

bool Playout::open(SpeechId speech, TurnId turn, SpeechKind kind, std::string text, Timestamp now) {
  if (items_.size() >= kMaxItems || closed_) return false;
  Item item;
  item.speech = speech;
  item.turn = turn;
  item.kind = kind;
  item.text = std::move(text);
  item.last_event = now;
  items_.push_back(std::move(item));
  return true;
}

bool Playout::add_clip(SpeechId speech, TurnId turn, SpeechKind kind, std::string text, std::shared_ptr<const Pcm> pcm,
                       Timestamp now) {
  if (!pcm || !open(speech, turn, kind, std::move(text), now)) return false;
  items_.back().clip = std::move(pcm);
  items_.back().finished = true;
  return true;
}

bool Playout::add_next(SpeechId speech, TurnId turn, SpeechKind kind, std::string text, std::shared_ptr<const Pcm> pcm,
                       Timestamp now) {
  if (!add_clip(speech, turn, kind, std::move(text), std::move(pcm), now)) return false;
  std::size_t at = items_.size() - 1;
  for (; at > current_ && items_[at - 1].first_frame < 0; --at) std::swap(items_[at], items_[at - 1]);
  return true;
}

bool Playout::append(SpeechId speech, std::span<const std::int16_t> pcm, Timestamp now) {
  Item* item = find(speech);
  if (item == nullptr || item->finished) return false;
  const auto limit = static_cast<std::size_t>(MediaTime::from(options_.max_speech).samples);
  const std::size_t room = limit - std::min(limit, item->own.size());
  item->own.insert(item->own.end(), pcm.begin(), pcm.begin() + static_cast<std::ptrdiff_t>(std::min(room, pcm.size())));
  item->last_event = now;
  return true;
}

bool Playout::finish(SpeechId speech) {
  Item* item = find(speech);
  if (item == nullptr || item->finished) return false;
  item->finished = true;
  return true;
}

std::optional<Duration> Playout::sound_of(SpeechId speech) const {
  const Item* item = find(speech);
  if (item == nullptr) return std::nullopt;
  return MediaTime{static_cast<std::int64_t>(item->pcm().size())}.duration();
}

void Playout::drop_unsent(TurnId turn) {
  for (std::size_t i = items_.size(); i-- > 0;) {
    Item& item = items_[i];
    if (item.turn != turn || item.kind != SpeechKind::kAnswer) continue;
    if (item.first_frame >= 0) {
      item.finished = true;
    } else {
      items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  current_ = std::min(current_, items_.size());
  if (tail_sent_ == 0) closed_ = false;  // something else is going to be said
}

void Playout::remove(SpeechId speech) {
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].speech != speech || items_[i].first_frame >= 0) continue;
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
    if (current_ > i) --current_;
    return;
  }
}

bool Playout::ready() const {
  for (std::size_t i = current_; i < items_.size(); ++i) {
    const Item& item = items_[i];
    const std::size_t left = item.pcm().size() - item.sent;
    if (left >= audio::kFrameSamples || (item.finished && left > 0)) return true;
    if (!item.finished) return false;
    if (started_ && !item.mark_sent) return true;  // its mark
  }
  return started_ && closed_ && !last_mark_sent_;
}

void Playout::start(Timestamp now) {
  started_ = true;
  held_ = false;
  base_ = now;
  sent_ = 0;
  tail_sent_ = 0;
}

void Playout::hold() {
  held_ = true;
}

void Playout::flush(Timestamp now) {
  const std::int64_t played = played_frames(now);
  outstanding_.clear();  // their echoes come back now and prove nothing
  last_mark_sent_ = false;
  if (!started_) return;
  sent_ = played;
  tail_sent_ = 0;
  current_ = items_.size();
  for (std::size_t i = items_.size(); i-- > 0;) {
    Item& item = items_[i];
    if (item.first_frame < 0) {
      current_ = i;
      continue;
    }
    const std::int64_t samples = std::max<std::int64_t>(0, played - item.first_frame) * kSamples;
    item.sent = std::min(item.pcm().size(), static_cast<std::size_t>(samples));
    const bool whole = item.finished && item.sent == item.pcm().size();
    if (whole) continue;
    item.mark_sent = false;
    if (item.sent == 0) item.first_frame = -1;
    current_ = i;
  }
}

void Playout::resume(Timestamp now) {
  held_ = false;
  rebase(now);
}

void Playout::clear() {
  items_.clear();
  outstanding_.clear();
  current_ = 0;
  started_ = held_ = closed_ = last_mark_sent_ = false;
  sent_ = tail_sent_ = 0;
}

// The next frame can be played at `now` at the earliest: moves the grid if its time has passed.
void Playout::rebase(Timestamp now) {
  if (now > base_ + sent_ * kFrame) base_ = now - sent_ * kFrame;
}

Timestamp Playout::due(std::int64_t frame) const {
  return base_ + std::max<std::int64_t>(0, frame - options_.lead_frames + 1) * kFrame;
}

std::optional<Timestamp> Playout::next_due() const {
  if (!started_ || held_ || last_mark_sent_ || !ready()) return std::nullopt;
  return due(sent_);
}

Playout::Frame Playout::send(const audio::PcmFrame& pcm) {
  history_[static_cast<std::size_t>(sent_) % kHistory] = pcm;
  ++sent_;
  ++frames_total_;
  return {audio::encode_frame(pcm)};
}

Playout::Frame Playout::send_from(Item& item) {
  if (item.first_frame < 0) item.first_frame = sent_;
  audio::PcmFrame frame{};
  const auto rest = item.pcm().subspan(item.sent);
  const std::size_t count = std::min(rest.size(), frame.size());
  std::copy_n(rest.begin(), count, frame.begin());
  item.sent += count;
  return send(frame);
}

Playout::Mark Playout::make_mark(SpeechId speech, bool last) {
  // Short enough for the string's own buffer: no allocation.
  std::string name = (last ? "e" : "s") + std::to_string(++mark_count_);
  outstanding_.push_back({name, speech, last, sound_end()});
  return {std::move(name), last};
}

void Playout::park() {
  while (!items_.empty() && items_.front().first_frame >= 0) items_.pop_front();
  outstanding_.clear();
  current_ = 0;
  started_ = held_ = false;
  sent_ = tail_sent_ = 0;
}

std::optional<Playout::Step> Playout::step(Timestamp now) {
  const auto when = next_due();
  if (!when || *when > now) return std::nullopt;
  while (current_ < items_.size()) {
    Item& item = items_[current_];
    const std::size_t left = item.pcm().size() - item.sent;
    if (left >= audio::kFrameSamples || (item.finished && left > 0)) {
      if (now > base_ + sent_ * kFrame) {  // its moment has passed: the caller heard a gap
        if (item.first_frame >= 0) ++underruns_;
        rebase(now);
      }
      return send_from(item);
    }
    if (!item.finished) return std::nullopt;
    if (!item.mark_sent) {
      item.mark_sent = true;
      if (item.sent > 0) return make_mark(item.speech, false);
    }
    ++current_;
  }
  if (tail_sent_ < tail_frames()) {
    rebase(now);
    ++tail_sent_;
    return send({});
  }
  last_mark_sent_ = true;
  return make_mark({}, true);
}

Playout::MarkResult Playout::mark_played(std::string_view name, Timestamp now) {
  const auto it = std::find_if(outstanding_.begin(), outstanding_.end(), [&](const auto& o) { return o.name == name; });
  if (it == outstanding_.end()) return {};
  const MarkResult result{true, it->last};
  const Duration lag = std::max(Duration{0}, now - it->due);
  mark_lag_ = mark_lag_ ? std::min(*mark_lag_, lag) : lag;
  for (auto done = outstanding_.begin(); done <= it; ++done) {  // marks return in the order sent
    if (Item* item = find(done->speech)) item->acked = true;
  }
  outstanding_.erase(outstanding_.begin(), it + 1);
  return result;
}

Timestamp Playout::sound_end() const {
  return base_ + sent_ * kFrame;
}

bool Playout::may_still_play(Timestamp now) const {
  return started_ && sent_ > 0 && (now < sound_end() + mark_lag() || !outstanding_.empty());
}

std::int64_t Playout::played_frames(Timestamp now) const {
  if (!started_ || now <= base_) return 0;
  // Half of the way to Twilio and back is the way there: what left now is not heard yet.
  return std::clamp<std::int64_t>((now - base_ - mark_lag() / 2) / kFrame, 0, sent_);
}

std::span<const std::int16_t> Playout::audible(Timestamp now) const {
  if (!started_ || now < base_) return {};
  const std::int64_t index = (now - base_) / kFrame;
  if (index >= sent_ || index < sent_ - static_cast<std::int64_t>(kHistory)) return {};
  return history_[static_cast<std::size_t>(index) % kHistory];
}

std::vector<Playout::Heard> Playout::heard(Timestamp now) const {
  std::vector<Heard> result;
  const std::int64_t played = played_frames(now);
  for (const Item& item : items_) {
    if (item.kind != SpeechKind::kAnswer || item.first_frame < 0) continue;
    const std::int64_t frames = played - item.first_frame;
    const bool whole = item.acked || (item.finished && frames >= frames_of(item.pcm().size()));
    if (whole) {
      result.push_back({item.turn, item.text, true});
      continue;
    }
    const Duration sound = item.finished ? MediaTime{static_cast<std::int64_t>(item.pcm().size())}.duration()
                                         : std::max(estimated_length(item.text),
                                                    MediaTime{static_cast<std::int64_t>(item.pcm().size())}.duration());
    std::string words = heard_words(item.text, std::max<std::int64_t>(0, frames) * kFrame, sound);
    if (!words.empty()) result.push_back({item.turn, std::move(words), false});
  }
  return result;
}

std::optional<Playout::Waiting> Playout::waiting() const {
  for (const Item& item : items_) {
    if (!item.finished) return Waiting{item.speech, item.last_event, !item.pcm().empty()};
  }
  return std::nullopt;
}

bool Playout::all_finished() const {
  return std::all_of(items_.begin(), items_.end(), [](const Item& i) { return i.finished; });
}

bool Playout::has_answer() const {
  return std::any_of(items_.begin(), items_.end(), [](const Item& i) { return i.kind == SpeechKind::kAnswer; });
}

bool Playout::has_words() const {
  return std::any_of(items_.begin(), items_.end(), [](const Item& i) { return i.kind != SpeechKind::kFiller; });
}

Duration Playout::words_left() const {
  Duration left{0};
  for (std::size_t i = current_; i < items_.size(); ++i) {
    const Item& item = items_[i];
    left += MediaTime{static_cast<std::int64_t>(item.pcm().size() - item.sent)}.duration();
    if (!item.finished) left += milliseconds{1};
  }
  return left;
}

std::optional<SpeechKind> Playout::current_kind() const {
  if (items_.empty()) return std::nullopt;
  return items_[std::min(current_, items_.size() - 1)].kind;
}

std::string Playout::text() const {
  std::string all;
  for (const Item& item : items_) {
    if (!all.empty()) all += ' ';
    all += item.text;
  }
  return all;
}

}  // namespace al::dialog
