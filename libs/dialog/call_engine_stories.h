// Words that tests of whole calls are told in: what a fact of an event says, scripts in one line, phrases of the
// persona.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dialog/virtual_call.h"

namespace al::dialog::testing {

inline std::int64_t number(const CallEvent& event, std::string_view key) {
  for (const Fact& fact : event.facts) {
    if (fact.key == key) return std::get<std::int64_t>(fact.value);
  }
  ADD_FAILURE() << event.name << " has no " << key;
  return -1;
}
inline std::string text(const CallEvent& event, std::string_view key) {
  for (const Fact& fact : event.facts) {
    if (fact.key == key) return std::get<std::string>(fact.value);
  }
  return {};
}

inline ModelScript reply(std::vector<std::string> deltas, Duration first = milliseconds{200}) {
  ModelScript script;
  for (std::string& delta : deltas) script.deltas.emplace_back(first, std::move(delta));
  return script;
}
inline SttScript transcript(std::string words, Duration delay = milliseconds{150}) {
  SttScript script;
  script.text = std::move(words);
  script.delay = delay;
  return script;
}

inline const Phrases& phrases() {
  static const std::shared_ptr<const Persona> persona = VirtualCall::options().persona;
  return persona->phrases;
}
inline const std::string& greeting() {
  return phrases().greeting;
}

// An answer that is one long clause.
inline const std::string kLong = "We have a very large choice of flats in Haifa and near the sea some with a garden.";
inline ModelScript long_reply() {
  return reply({kLong + " "});
}

}  // namespace al::dialog::testing
