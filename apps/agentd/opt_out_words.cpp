#include "agentd/opt_out_words.h"

#include <algorithm>
#include <array>
#include <string>

namespace al::agentd {
namespace {

using namespace std::string_view_literals;

constexpr std::array kStopWords = {"stop"sv,  "stopall"sv,  "stop all"sv,   "unsubscribe"sv, "הסר"sv,
                                   "הסירו"sv, "הסר אותי"sv, "הסירו אותי"sv, "הסרה"sv,        "להסרה"sv};
constexpr std::array kStartWords = {"start"sv, "unstop"sv, "subscribe"sv, "הצטרפות"sv, "הוסיפו אותי"sv};

// Lower case, without what stands around the word.
std::string bare(std::string_view text) {
  constexpr std::string_view kAround = " \t\r\n.,!?\"'";
  const auto first = text.find_first_not_of(kAround);
  if (first == std::string_view::npos) return {};
  text = text.substr(first, text.find_last_not_of(kAround) - first + 1);
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

OptOutWord opt_out_word(std::string_view network, std::string_view text) {
  const std::string word = bare(network.empty() ? text : network);
  if (std::ranges::find(kStopWords, word) != kStopWords.end()) return OptOutWord::kStop;
  if (std::ranges::find(kStartWords, word) != kStartWords.end()) return OptOutWord::kStart;
  return OptOutWord::kNone;
}

}  // namespace al::agentd
