#include <algorithm>

#include "core/utf8.h"
#include "dialog/speakable.h"
#include "dialog/words.h"

namespace al::dialog {
namespace {

bool is_picture(char32_t c) {
  return c >= 0x1F000 || (c >= 0x2190 && c <= 0x21FF) || (c >= 0x2300 && c <= 0x27BF) || (c >= 0x2900 && c <= 0x2BFF) ||
         c == 0x3030 || c == 0x303D || c == 0x2022 || c == 0x25CF;
}

bool begins_link(std::string_view word) {
  return word.starts_with("http://") || word.starts_with("https://") || word.starts_with("www.") ||
         (word.find('@') != std::string_view::npos && word.find('.') != std::string_view::npos);
}

// Drops what stands between `open` and `close`, marks included; an open end drops the rest.
std::string without_between(std::string_view text, char open, char close) {
  std::string out;
  int depth = 0;
  for (const char c : text) {
    if (c == open) {
      ++depth;
    } else if (c == close && depth > 0) {
      --depth;
    } else if (depth == 0) {
      out.push_back(c);
    }
  }
  return out;
}

// "[text](address)" -> "text"
std::string unlink(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t middle = text.find("](");
    const std::size_t open = middle == std::string_view::npos ? middle : text.rfind('[', middle);
    const std::size_t close = middle == std::string_view::npos ? middle : text.find(')', middle);
    if (open == std::string_view::npos || close == std::string_view::npos) break;
    out += text.substr(0, open);
    out += text.substr(open + 1, middle - open - 1);
    text.remove_prefix(close + 1);
  }
  return out + std::string(text);
}

std::string without_label(std::string_view text) {
  for (const std::string_view label :
       {"agent:", "Agent:", "assistant:", "Assistant:", "AI:", "Maya:", "מאיה:", "נציגה:", "סוכנת:"}) {
    if (text.starts_with(label)) text.remove_prefix(label.size());
  }
  while (text.starts_with(' ')) text.remove_prefix(1);
  return std::string(text);
}

// No blank before a mark, where a picture or a link was taken out.
std::string tight_marks(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool mark = c == ',' || c == '.' || c == '!' || c == '?' || c == ';';
    if (mark && out.ends_with(' ')) out.pop_back();
    out.push_back(c);
  }
  return out;
}

std::string without_links(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    if (!begins_link(word)) {
      if (!out.empty() && !word.empty()) out.push_back(' ');
      out += word;
    } else if (!out.empty() && (word.ends_with('.') || word.ends_with('?'))) {
      out.push_back(word.back());
    }
    text = blank == text.size() ? std::string_view{} : text.substr(blank + 1);
  }
  return out;
}

}  // namespace

std::string strip_markup(std::string_view raw) {
  // List marks and headings are known by their place at the start of a line, before lines are joined.
  std::string lines;
  bool line_start = true;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '\n' || c == '\r') {
      line_start = true;
      lines.push_back(' ');
      continue;
    }
    if (line_start && (c == '#' || c == '>' || c == '-' || c == '*' || c == '+' || c == ' ')) continue;
    if (line_start && c >= '0' && c <= '9' && i + 2 < raw.size() && raw[i + 1] == '.' && raw[i + 2] == ' ') {
      i += 2;
      continue;
    }
    line_start = false;
    lines.push_back(c);
  }
  std::string text = clean_text(lines, 2000);
  text = without_between(unlink(text), '<', '>');
  text = without_links(without_between(text, '[', ']'));
  std::string plain;
  std::string_view rest = text;
  while (!rest.empty()) {
    const char32_t c = take_codepoint(rest);
    if (is_picture(c) || c == U'*' || c == U'_' || c == U'`' || c == U'~' || c == U'#' || c == U'|' || c == U'{' ||
        c == U'}' || c == U'\\' || c == U'^') {
      if (c == U'_' || c == U'|') plain.push_back(' ');
      continue;
    }
    if (c == U'(' || c == U')') {
      if (c == U'(' && !plain.empty()) {
        while (plain.ends_with(' ')) plain.pop_back();
        plain += ", ";
      }
      continue;
    }
    append_utf8(plain, c);
  }
  return without_label(tight_marks(clean_text(plain, 2000)));
}

std::vector<std::string> split_sentences(std::string_view text) {
  std::vector<std::string> sentences;
  std::string current;
  for (std::size_t i = 0; i < text.size(); ++i) {
    current.push_back(text[i]);
    const char c = text[i];
    if (c != '.' && c != '!' && c != '?') continue;
    const bool at_end = i + 1 >= text.size() || text[i + 1] == ' ';
    if (!at_end) continue;
    sentences.push_back(clean_text(current, 2000));
    current.clear();
  }
  if (std::string rest = clean_text(current, 2000); !rest.empty()) sentences.push_back(std::move(rest));
  std::erase_if(sentences, [](const std::string& sentence) { return split_words(sentence).empty(); });
  return sentences;
}

}  // namespace al::dialog
