#include "agentd/answer_clips.h"

#include "audio/ulaw_wav.h"
#include "core/secret.h"

namespace al::agentd {
namespace {

constexpr std::size_t kNameBytes = 24;  // of chance: 192 bits

}  // namespace

void AnswerClips::expire(Timestamp now) {
  for (auto it = clips_.begin(); it != clips_.end();) {
    if (it->second.until > now) {
      ++it;
      continue;
    }
    bytes_ -= it->second.wav->size();
    it = clips_.erase(it);
  }
}

std::string AnswerClips::put(std::span<const std::uint8_t> ulaw, Timestamp now, Timestamp until) {
  if (ulaw.empty()) return {};
  auto wav = std::make_shared<const std::string>(audio::ulaw_wav(ulaw));
  std::string name = "answer-" + to_hex(random_bytes(kNameBytes)) + ".wav";
  const std::lock_guard lock(mutex_);
  expire(now);
  if (clips_.size() >= limits_.clips || bytes_ + wav->size() > limits_.bytes) return {};
  bytes_ += wav->size();
  clips_.emplace(name, Clip{std::move(wav), until});
  return name;
}

std::shared_ptr<const std::string> AnswerClips::find(std::string_view name, Timestamp now) const {
  const std::lock_guard lock(mutex_);
  const auto found = clips_.find(name);
  return found != clips_.end() && found->second.until > now ? found->second.wav : nullptr;
}

std::size_t AnswerClips::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::size_t AnswerClips::size() const {
  const std::lock_guard lock(mutex_);
  return clips_.size();
}

}  // namespace al::agentd
