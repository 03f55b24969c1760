#include "dialog/number_words.h"

#include <map>

#include "dialog/words.h"

namespace al::dialog {
namespace {

// clang-format off
const std::map<std::string_view, NumberWord>& vocabulary() {
  using enum NumberWordKind;
  static const std::map<std::string_view, NumberWord> kTable = {
      {"zero", {kUnit, 0}},
      {"nought", {kUnit, 0}},
      {"one", {kUnit, 1}},
      {"two", {kUnit, 2}},
      {"three", {kUnit, 3}},
      {"four", {kUnit, 4}},
      {"five", {kUnit, 5}},
      {"six", {kUnit, 6}},
      {"seven", {kUnit, 7}},
      {"eight", {kUnit, 8}},
      {"nine", {kUnit, 9}},
      {"ten", {kTeen, 10}},
      {"eleven", {kTeen, 11}},
      {"twelve", {kTeen, 12}},
      {"thirteen", {kTeen, 13}},
      {"fourteen", {kTeen, 14}},
      {"fifteen", {kTeen, 15}},
      {"sixteen", {kTeen, 16}},
      {"seventeen", {kTeen, 17}},
      {"eighteen", {kTeen, 18}},
      {"nineteen", {kTeen, 19}},
      {"twenty", {kTen, 20}},
      {"thirty", {kTen, 30}},
      {"forty", {kTen, 40}},
      {"fourty", {kTen, 40}},
      {"fifty", {kTen, 50}},
      {"sixty", {kTen, 60}},
      {"seventy", {kTen, 70}},
      {"eighty", {kTen, 80}},
      {"ninety", {kTen, 90}},
      {"hundred", {kHundreds, 100}},
      {"hundreds", {kHundreds, 100}},
      {"thousand", {kMultiplier, 1000}},
      {"thousands", {kMultiplier, 1000}},
      {"grand", {kMultiplier, 1000}},
      {"k", {kMultiplier, 1000}},
      {"million", {kMultiplier, 1000000}},
      {"millions", {kMultiplier, 1000000}},
      {"mil", {kMultiplier, 1000000}},
      {"mill", {kMultiplier, 1000000}},
      {"mio", {kMultiplier, 1000000}},
      {"m", {kMultiplier, 1000000}},
      {"mm", {kMultiplier, 1000000}},
      {"billion", {kMultiplier, 1000000000}},
      {"half", {kHalf, 500}},
      {"quarter", {kQuarter, 250}},
      {"quarters", {kQuarter, 250}},
      {"point", {kPoint, 0}},
      {"אפס", {kUnit, 0}},
      {"אחד", {kUnit, 1}},
      {"אחת", {kUnit, 1}},
      {"שניים", {kUnit, 2}},
      {"שתיים", {kUnit, 2}},
      {"שתים", {kUnit, 2}},
      {"שני", {kUnit, 2}},
      {"שתי", {kUnit, 2}},
      {"שלושה", {kUnit, 3}},
      {"שלוש", {kUnit, 3}},
      {"שלשה", {kUnit, 3}},
      {"שלש", {kUnit, 3}},
      {"שלושת", {kUnit, 3}},
      {"ארבעה", {kUnit, 4}},
      {"ארבע", {kUnit, 4}},
      {"ארבעת", {kUnit, 4}},
      {"חמישה", {kUnit, 5}},
      {"חמשה", {kUnit, 5}},
      {"חמש", {kUnit, 5}},
      {"חמשת", {kUnit, 5}},
      {"שישה", {kUnit, 6}},
      {"ששה", {kUnit, 6}},
      {"שש", {kUnit, 6}},
      {"ששת", {kUnit, 6}},
      {"שבעה", {kUnit, 7}},
      {"שבע", {kUnit, 7}},
      {"שבעת", {kUnit, 7}},
      {"שמונה", {kUnit, 8}},
      {"שמונת", {kUnit, 8}},
      {"תשעה", {kUnit, 9}},
      {"תשע", {kUnit, 9}},
      {"תשעת", {kUnit, 9}},
      {"עשרה", {kTeen, 10}},
      {"עשר", {kTeen, 10}},
      {"עשרת", {kTeen, 10}},
      {"עשרים", {kTen, 20}},
      {"שלושים", {kTen, 30}},
      {"שלשים", {kTen, 30}},
      {"ארבעים", {kTen, 40}},
      {"חמישים", {kTen, 50}},
      {"חמשים", {kTen, 50}},
      {"שישים", {kTen, 60}},
      {"ששים", {kTen, 60}},
      {"שבעים", {kTen, 70}},
      {"שמונים", {kTen, 80}},
      {"תשעים", {kTen, 90}},
      {"מאה", {kHundred, 100}},
      {"מאתיים", {kHundred, 200}},
      {"מאתים", {kHundred, 200}},
      {"מאות", {kHundreds, 100}},
      {"אלף", {kMultiplier, 1000}},
      {"אלפים", {kMultiplier, 1000}},
      {"אלפיים", {kFixedThousands, 2000}},
      {"מיליון", {kMultiplier, 1000000}},
      {"מליון", {kMultiplier, 1000000}},
      {"מיליונים", {kMultiplier, 1000000}},
      {"מליונים", {kMultiplier, 1000000}},
      {"מיליוני", {kMultiplier, 1000000}},
      {"מיליארד", {kMultiplier, 1000000000}},
      {"חצי", {kHalf, 500}},
      {"רבע", {kQuarter, 250}},
      {"רבעי", {kQuarter, 250}},
      {"נקודה", {kPoint, 0}},
  };
  return kTable;
}
// clang-format on

}  // namespace

NumberLook look_up_number(std::string_view word, bool any_prefix) {
  if (word.empty()) return {};
  if (static_cast<unsigned char>(word.front()) != 0xD7) {  // no Hebrew letter in front: no prefixes
    const auto hit = vocabulary().find(word);
    return hit == vocabulary().end() ? NumberLook{} : NumberLook{hit->second, true, false};
  }
  bool first = true;
  for (const std::string_view stem : hebrew_stems(word)) {
    const bool and_only = !first && word.size() - stem.size() == 2 && word.starts_with("ו");
    if (!first && !any_prefix && !and_only) break;
    if (const auto hit = vocabulary().find(stem); hit != vocabulary().end()) {
      return {hit->second, true, !first && word.starts_with("ו")};
    }
    first = false;
  }
  return {};
}

}  // namespace al::dialog
