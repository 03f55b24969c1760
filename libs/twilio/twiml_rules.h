// What Twilio knows: verbs, nouns, their attributes and what may stand in what (Twilio: voice/twiml and the pages of
// the verbs). Private to the checker.
#pragma once

#include <span>
#include <string_view>

namespace al::twilio {

struct TwimlRule {
  std::string_view name;
  std::string_view attributes;  // space-separated
  std::string_view children;    // space-separated; "" = none
  std::string_view parents;     // space-separated
  bool takes_text;
};
[[nodiscard]] std::span<const TwimlRule> twiml_rules();
[[nodiscard]] const TwimlRule* find_twiml_rule(std::string_view name);           // exact
[[nodiscard]] std::string_view twiml_name_ignoring_case(std::string_view name);  // "" = unknown even so
[[nodiscard]] bool in_word_list(std::string_view list, std::string_view word);
[[nodiscard]] std::string_view word_ignoring_case(std::string_view list, std::string_view word);  // "" = none

}  // namespace al::twilio
