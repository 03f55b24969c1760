#include "dialog/heard_text.h"

#include <algorithm>

#include "dialog/words.h"

namespace al::dialog {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}
bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

std::int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); });
}

}  // namespace

std::string heard_words(std::string_view text, Duration played, Duration total) {
  if (played <= Duration{0} || total <= Duration{0}) return {};
  if (played >= total) return std::string(text);
  const std::int64_t limit = characters(text) * played.count() / total.count();
  std::size_t end = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_continuation(text[i])) ++count;
    if (count > limit) break;
    const bool word_ends = !is_space(text[i]) && (i + 1 == text.size() || is_space(text[i + 1]));
    if (word_ends) end = i + 1;
  }
  return std::string(text.substr(0, end));
}

Duration estimated_length(std::string_view text) {
  return std::max<Duration>(milliseconds{200}, milliseconds{68} * characters(text));
}

bool is_our_echo(std::string_view recognised, std::string_view our_speech) {
  const std::string said = ' ' + normal_form(recognised) + ' ';
  if (std::count(said.begin(), said.end(), ' ') < 4) return false;  // three words have four blanks around them
  return (' ' + normal_form(our_speech) + ' ').find(said) != std::string::npos;
}

}  // namespace al::dialog
