// Slot values in words: what the agent says when it repeats what it understood.
#include <charconv>

#include "dialog/calendar.h"
#include "dialog/money.h"
#include "dialog/numbers.h"
#include "dialog/phone.h"
#include "dialog/slots.h"
#include "dialog/timing.h"

namespace al::dialog {
namespace {

std::string say_rooms(std::string_view value, bool hebrew) {
  std::string_view unit;
  if (const std::size_t blank = value.find(' '); blank != std::string_view::npos) {
    unit = value.substr(blank + 1);
    value = value.substr(0, blank);
  }
  const auto one = [&](std::string_view text) -> std::int64_t {
    const auto number = parse_number(split_words(text), 0);
    return number ? number->milli : 0;
  };
  const std::size_t dash = value.find('-');
  const std::int64_t high = one(dash == std::string_view::npos ? value : value.substr(dash + 1));
  std::string out;
  if (dash != std::string_view::npos) {
    out = say_milli(one(value.substr(0, dash)), hebrew, Gender::kMasculine) + (hebrew ? " עד " : " to ");
  }
  if (hebrew) {
    const std::string noun = unit.empty() ? "" : " שינה";
    if (high == kMilli && out.empty()) return unit.empty() ? "חדר אחד" : "חדר שינה אחד";
    const bool two = high == 2 * kMilli;
    out += two ? "שני" : say_milli(high, true, Gender::kMasculine);
    return out + (unit.empty() ? " חדרים" : " חדרי" + noun);
  }
  out += say_milli(high, false, Gender::kMasculine);
  return out + (unit.empty() ? (high == kMilli ? " room" : " rooms") : " " + std::string(unit));
}

std::string say_date_time(std::string_view value, bool hebrew) {
  const auto day = day_from_canonical(value.substr(0, 10));
  if (!day) return std::string(value);
  std::string out = (hebrew ? "ב" : "on ") + say_day(*day, hebrew);
  if (value.size() == 16) {
    int hour = 0;
    int minute = 0;
    std::from_chars(value.data() + 11, value.data() + 13, hour);
    std::from_chars(value.data() + 14, value.data() + 16, minute);
    out += (hebrew ? " בשעה " : " at ") + say_time(hour * 60 + minute, hebrew);
  }
  return out;
}

}  // namespace

std::string say_slot(const Persona& persona, const SlotSpec& spec, std::string_view value) {
  const bool hebrew = persona.hebrew();
  switch (spec.type) {
    case SlotType::kMoney: {
      const auto money = from_canonical(value);
      return money ? say_money(*money, hebrew) : std::string(value);
    }
    case SlotType::kTiming:
      return say_timing(value, hebrew);
    case SlotType::kPhone:
      return say_digits(national_digits(value, persona.country), hebrew);
    case SlotType::kRooms:
      return say_rooms(value, hebrew);
    case SlotType::kDateTime:
      return say_date_time(value, hebrew);
    case SlotType::kYesNo:
      return hebrew ? (value == "yes" ? "כן" : "לא") : std::string(value);
    case SlotType::kText:
    case SlotType::kArea:
    case SlotType::kPropertyType:
    case SlotType::kName:
      return std::string(value);
  }
  return std::string(value);
}

std::string write_slot(const Persona& persona, const SlotSpec& spec, std::string_view value) {
  if (spec.type == SlotType::kMoney) {
    const auto money = from_canonical(value);
    return money ? write_money(*money) : std::string(value);
  }
  if (spec.type == SlotType::kTiming) return say_timing(value, persona.hebrew());
  if (spec.type == SlotType::kPhone) {
    std::string digits = national_digits(value, persona.country);
    if (digits.size() == 10 && digits[0] == '0') digits.insert(3, "-");
    return digits;
  }
  return std::string(value);
}

}  // namespace al::dialog
