#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "core/text.h"
#include "core/utf8.h"
#include "providers/local_tts.h"

namespace al::providers {
namespace {

constexpr std::array<std::string_view, 12> kAbbreviations{"dr", "mr",  "mrs", "ms", "st", "no",
                                                          "vs", "inc", "ltd", "jr", "sr", "apt"};

bool is_mark(char32_t c) {
  return c == '.' || c == '!' || c == '?' || c == 0x2026 /* … */ || c == 0x05C3 /* sof pasuq */;
}

// True when a '.' behind `before` ends a word that is written short: "Dr", "J", "p.m".
bool is_abbreviation(std::string_view before) {
  const std::size_t space = before.find_last_of(" \n(");
  const std::string word = to_lower_ascii(before.substr(space == std::string_view::npos ? 0 : space + 1));
  if (word.size() == 1 && std::isalpha(static_cast<unsigned char>(word[0])) != 0) return true;
  return word == "e.g" || word == "i.e" ||
         std::find(kAbbreviations.begin(), kAbbreviations.end(), word) != kAbbreviations.end();
}

// Whether what stands at `next` can begin a sentence: no lower-case Latin letter (as in "5 p.m. on Friday").
bool may_begin(std::string_view next) {
  const auto first = next.find_first_not_of(" \"'(");
  return first == std::string_view::npos || std::islower(static_cast<unsigned char>(next[first])) == 0;
}

void add(std::string_view part, std::vector<std::string>& parts) {
  part = trim(part);
  if (!part.empty()) parts.emplace_back(part);
}

// Pieces of at most `longest` characters, cut behind a comma or the like if there is one, else at a space.
void add_short(std::string_view sentence, std::size_t longest, std::vector<std::string>& parts) {
  while (count_codepoints(sentence) > longest) {
    const std::string_view head = truncate_codepoints(sentence, longest);
    std::size_t cut = head.find_last_of(",;:");
    if (cut == std::string_view::npos || cut < head.size() / 3) cut = head.find_last_of(' ');
    if (cut == std::string_view::npos || cut == 0) cut = head.size() - 1;
    add(sentence.substr(0, cut + 1), parts);
    sentence.remove_prefix(cut + 1);
  }
  add(sentence, parts);
}

}  // namespace

std::vector<std::string> split_sentences(std::string_view utf8, std::size_t longest) {
  longest = std::max<std::size_t>(longest, 8);
  std::vector<std::string> parts;
  std::size_t begin = 0;
  std::string_view rest = utf8;
  while (!rest.empty()) {
    const std::size_t at = utf8.size() - rest.size();
    const char32_t c = take_codepoint(rest);
    const std::size_t after = utf8.size() - rest.size();
    const bool at_gap = rest.empty() || rest.front() == ' ' || rest.front() == '\n' || rest.front() == '"';
    const bool ends = c == '\n' || (is_mark(c) && at_gap && may_begin(rest) &&
                                    !(c == '.' && is_abbreviation(utf8.substr(begin, at - begin))));
    if (!ends) continue;
    add_short(utf8.substr(begin, after - begin), longest, parts);
    begin = after;
  }
  add_short(utf8.substr(begin), longest, parts);
  return parts;
}

std::string clip_name(std::string_view utf8) {
  std::string name;
  bool gap = false;
  for (std::string_view rest = utf8; !rest.empty();) {
    const char32_t c = take_codepoint(rest);
    if (c >= 0x0591 && c <= 0x05C7) continue;  // niqqud: the same text with and without it is the same clip
    const bool ascii = c < 0x80;
    const bool punctuation = c == kReplacementCharacter || (c >= 0x2000 && c < 0x2E80) || (c >= 0x80 && c < 0xC0);
    if (ascii ? std::isalnum(static_cast<int>(c)) == 0 : punctuation) {
      gap = !name.empty();
      continue;
    }
    if (std::exchange(gap, false)) name += '-';
    append_utf8(name, ascii ? static_cast<char32_t>(std::tolower(static_cast<int>(c))) : c);
  }
  return std::string(truncate_utf8(name, 80));
}

}  // namespace al::providers
