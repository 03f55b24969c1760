#include "dialog/answer_length.h"

#include <algorithm>

#include "core/utf8.h"
#include "dialog/speakable.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

constexpr int kFewestWords = 2;               // "Well." says nothing
constexpr std::size_t kShortestTemplate = 4;  // bytes of its own; less would match anything

bool ends_clause(char32_t c) {
  return c == U',' || c == U';' || c == U':' || c == U'-' || c == U'\u2013' || c == U'\u2014' || c == U'.';
}

// Without what belongs to the words that were cut away.
std::string closed(std::string_view text) {
  while (!text.empty()) {
    const char last = text.back();
    if (last != ' ' && last != ',' && last != ';' && last != ':' && last != '-' && last != '.') break;
    text.remove_suffix(1);
  }
  for (const std::string_view dash : {"\u2013", "\u2014"}) {
    if (text.ends_with(dash)) return closed(text.substr(0, text.size() - dash.size()));
  }
  return text.empty() ? std::string() : std::string(text) + '.';
}

}  // namespace

std::string cut_at_clause(std::string_view sentence, std::size_t max_chars, bool at_word) {
  if (count_codepoints(sentence) <= max_chars) return std::string(sentence);
  std::string clause;
  std::string words;
  std::string_view rest = sentence;
  char32_t before = 0;
  while (!rest.empty()) {
    const std::size_t at = sentence.size() - rest.size();
    const char32_t c = take_codepoint(rest);
    if (c == U' ' && at > 0) {
      std::string part = closed(sentence.substr(0, at));
      if (count_codepoints(part) > max_chars) break;
      if (count_words(part) >= kFewestWords) {
        if (ends_clause(before)) clause = part;
        words = std::move(part);
      }
    }
    before = c;
  }
  if (!clause.empty() || !at_word) return clause;
  return words;
}

PersonaSentences::PersonaSentences(const Persona& persona) {
  for (const std::string& phrase : persona.fixed_phrases()) add(phrase);
  for (const auto& [moment, variants] : persona.lines) {
    for (const std::string& variant : variants) add(variant);
  }
  for (const SlotSpec& slot : persona.slots) {
    for (const std::string& question : slot.questions) add(question);
    for (const std::string& question : slot.joint_questions) add(question);
  }
  std::sort(whole_.begin(), whole_.end());
}

void PersonaSentences::add(std::string_view text) {
  for (const std::string& sentence : split_sentences(text)) {
    const std::size_t open = sentence.find('{');
    const std::size_t close = sentence.rfind('}');
    if (open == std::string::npos || close == std::string::npos || close < open) {
      whole_.push_back(normal_form(sentence));
      continue;
    }
    auto parts = std::pair{normal_form(sentence.substr(0, open)), normal_form(sentence.substr(close + 1))};
    if (parts.first.size() + parts.second.size() >= kShortestTemplate) templates_.push_back(std::move(parts));
  }
}

bool PersonaSentences::contains(std::string_view sentence) const {
  const std::string normal = normal_form(sentence);
  if (std::binary_search(whole_.begin(), whole_.end(), normal)) return true;
  return std::any_of(templates_.begin(), templates_.end(), [&](const auto& parts) {
    return normal.size() >= parts.first.size() + parts.second.size() && normal.starts_with(parts.first) &&
           normal.ends_with(parts.second);
  });
}

}  // namespace al::dialog
