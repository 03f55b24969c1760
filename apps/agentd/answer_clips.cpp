#include "agentd/answer_clips.h"

#include "audio/format.h"
#include "core/secret.h"

namespace al::agentd {
namespace {

constexpr std::size_t kNameBytes = 24;  // of chance: 192 bits

void append_le(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFFU));
}

}  // namespace

// Microsoft, "Multimedia Programming Interface and Data Specifications 1.0": a format other than PCM has an extension
// size (0) and a fact chunk with the number of samples; chunks begin at even offsets.
std::string ulaw_wav(std::span<const std::uint8_t> ulaw) {
  constexpr std::uint32_t kFormatMulaw = 7;
  constexpr std::uint32_t kFormatBytes = 18;
  constexpr std::uint32_t kFactBytes = 4;
  const auto size = static_cast<std::uint32_t>(ulaw.size());
  const std::uint32_t padding = size % 2;
  std::string out;
  out.reserve(58 + ulaw.size() + padding);
  out += "RIFF";
  append_le(out, 4 + (8 + kFormatBytes) + (8 + kFactBytes) + (8 + size + padding), 4);
  out += "WAVEfmt ";
  append_le(out, kFormatBytes, 4);
  append_le(out, kFormatMulaw, 2);
  append_le(out, 1, 2);                     // channels
  append_le(out, audio::kSampleRateHz, 4);  // samples a second
  append_le(out, audio::kSampleRateHz, 4);  // bytes a second
  append_le(out, 1, 2);                     // bytes a sample
  append_le(out, 8, 2);                     // bits a sample
  append_le(out, 0, 2);
  out += "fact";
  append_le(out, kFactBytes, 4);
  append_le(out, size, 4);
  out += "data";
  append_le(out, size, 4);
  out.append(ulaw.begin(), ulaw.end());
  out.append(padding, '\0');
  return out;
}

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
  auto wav = std::make_shared<const std::string>(ulaw_wav(ulaw));
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
