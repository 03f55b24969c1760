#include "dialog/clause_cutter.h"

#include <utility>

namespace al::dialog {
namespace {

enum class Cut { kNone, kSentence, kPhrase, kSpace };

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// Length of the UTF-8 sequence that starts with `lead`; 1 for anything that is not a lead byte.
std::size_t sequence_length(unsigned char lead) {
  if (lead >= 0xF0 && lead < 0xF8) return 4;
  if (lead >= 0xE0) return lead < 0xF0 ? 3 : 1;
  return lead >= 0xC0 ? 2 : 1;
}

// The kind of boundary that the character at `at` (of `length` bytes) makes, given the byte that follows it.
Cut boundary(std::string_view text, std::size_t at, std::size_t length) {
  const std::size_t after = at + length;
  const bool space_follows = after < text.size() && is_space(text[after]);
  const char c = text[at];
  if (length == 1) {
    if (c == '\n') return Cut::kSentence;
    if (c == '.' || c == '!' || c == '?') return space_follows ? Cut::kSentence : Cut::kNone;
    if (c == ',' || c == ';' || c == ':') return space_follows ? Cut::kPhrase : Cut::kNone;
    return is_space(c) ? Cut::kSpace : Cut::kNone;
  }
  const std::string_view symbol = text.substr(at, length);
  if (symbol == "…" || symbol == "。" || symbol == "！" || symbol == "？" || symbol == "؟" || symbol == "।") {
    return Cut::kSentence;
  }
  if (symbol == "—" || symbol == "–" || symbol == "،" || symbol == "、") return Cut::kPhrase;
  return Cut::kNone;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

bool ClauseCutter::feed(std::string_view delta) {
  if (buffer_.size() + delta.size() > options_.max_buffer_bytes) return false;
  buffer_ += delta;
  return true;
}

std::optional<std::string> ClauseCutter::next() {
  std::size_t chars = 0;
  std::size_t last_space = 0;
  bool seen_word = false;
  const std::size_t phrase_min = clauses_ == 0 ? options_.first_min_chars : options_.min_chars;
  for (std::size_t at = 0; at < buffer_.size();) {
    const std::size_t length = sequence_length(static_cast<unsigned char>(buffer_[at]));
    if (at + length > buffer_.size()) return std::nullopt;  // the rest of this character is still to come
    const Cut cut = boundary(buffer_, at, length);
    ++chars;
    if (cut == Cut::kNone) seen_word = true;
    std::size_t end = 0;
    if (cut == Cut::kSpace && chars > 1) last_space = at;
    if (seen_word && cut == Cut::kSentence && chars >= 2) end = at + length;
    if (seen_word && cut == Cut::kPhrase && chars >= phrase_min) end = at + length;
    if (end == 0 && chars > options_.max_chars && last_space > 0) end = last_space;
    if (end > 0) {
      std::string clause = trimmed(std::string_view(buffer_).substr(0, end));
      buffer_.erase(0, end);
      if (clause.empty()) return next();
      ++clauses_;
      return clause;
    }
    at += length;
  }
  return std::nullopt;
}

std::optional<std::string> ClauseCutter::flush() {
  std::string rest = trimmed(std::exchange(buffer_, {}));
  if (rest.empty()) return std::nullopt;
  ++clauses_;
  return rest;
}

void ClauseCutter::reset() {
  buffer_.clear();
  clauses_ = 0;
}

}  // namespace al::dialog
