#include "providers/google_transcript.h"

#include <algorithm>

namespace al::providers {
namespace {

constexpr std::size_t kMaxText = 16 * 1024;  // of a turn; a caller speaks about 1 KB a minute

void append_portion(std::string& text, std::string_view portion) {
  if (text.size() + portion.size() > kMaxText) return;
  const bool glued = !text.empty() && text.back() != ' ' && !portion.starts_with(' ');
  // Finals of one stream carry their own leading blank; those of two streams do not.
  if (glued) text.push_back(' ');
  text.append(portion);
}

std::string trimmed(std::string text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

void GoogleTranscript::take(const std::vector<GooglePortion>& portions) {
  interim_.clear();
  stability_ = 0;
  bool first = true;
  for (const GooglePortion& portion : portions) {
    if (portion.is_final) {
      append_portion(finals_, portion.transcript);
      if (portion.confidence > 0) {
        confidence_sum_ += portion.confidence;
        ++confidence_count_;
      }
      continue;
    }
    // Portions of one response are cut anywhere, also inside a word: joined as they are.
    if (interim_.size() + portion.transcript.size() <= kMaxText) interim_.append(portion.transcript);
    stability_ = first ? portion.stability : std::min(stability_, portion.stability);
    first = false;
  }
}

void GoogleTranscript::drop_interim() {
  interim_.clear();
  stability_ = 0;
}

std::string GoogleTranscript::text() const {
  std::string text = finals_;
  if (!interim_.empty()) append_portion(text, interim_);
  return trimmed(std::move(text));
}

std::string GoogleTranscript::final_text() const {
  return trimmed(finals_);
}

float GoogleTranscript::confidence() const {
  return confidence_count_ == 0 ? 0.0F : confidence_sum_ / static_cast<float>(confidence_count_);
}

}  // namespace al::providers
