// Facts of a lead, taken from what a caller said: in Hebrew and English, in any order, several at once, with
// corrections, spoken or written. Nothing is filled that was not said. Pure and thread-safe.
//
// Canonical values, by slot type: kArea, kPropertyType, kText with choices: the persona's own value ("Tel Aviv");
// kMoney: dialog/money.h; kTiming: dialog/timing.h; kDateTime: dialog/calendar.h; kPhone: E.164; kRooms: "4", "3.5",
// "3-4", "3 bedrooms"; kYesNo: "yes", "no"; kName and free kText: the words.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "dialog/persona.h"
#include "dialog/words.h"

namespace al::dialog {

struct SlotContext {
  std::vector<std::string> expected;         // slots that were just asked for
  std::map<std::string, std::string> known;  // values so far
  bool revising = false;                     // the summary was offered: what is said now may replace any value
  std::string pending_digits;                // the beginning of a phone number, said in the turn before
  std::string caller_number;                 // E.164; "the number I am calling from"
  WallTime local_time{};
};

struct SlotFill {
  std::string slot;
  std::string value;
};

struct Extraction {
  std::vector<SlotFill> fills;       // in the persona's order; only what is new or changed
  std::string problem;               // "<slot>:<reason>": given, but not valid ("phone:too_short")
  std::string pending_digits;        // kept for the next turn
  std::vector<std::string> cleared;  // values taken back without another ("not Haifa")
};

[[nodiscard]] Extraction extract_slots(const Persona& persona, std::string_view text, const SlotContext& context);

// Is `value` a canonical value of the slot? What a tool or a saved state brings goes through here.
[[nodiscard]] bool valid_slot_value(const Persona& persona, const SlotSpec& spec, std::string_view value);

// In words, as a part of a sentence in the persona's language: "four rooms", "עד שני מיליון וחצי שקלים".
[[nodiscard]] std::string say_slot(const Persona& persona, const SlotSpec& spec, std::string_view value);
// For written messages: digits and signs.
[[nodiscard]] std::string write_slot(const Persona& persona, const SlotSpec& spec, std::string_view value);

}  // namespace al::dialog
