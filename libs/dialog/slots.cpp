#include "dialog/slots.h"

#include <algorithm>

#include "dialog/calendar.h"
#include "dialog/intents.h"
#include "dialog/money.h"
#include "dialog/numbers.h"
#include "dialog/phone.h"
#include "dialog/slot_finders.h"
#include "dialog/timing.h"

namespace al::dialog {
namespace {

constexpr std::size_t kMaxValueBytes = 200;

class Extractor {
 public:
  Extractor(const Persona& persona, std::string_view text, const SlotContext& context)
      : persona_(persona),
        context_(context),
        clean_(clean_text(text)),
        words_(split_words(clean_)),
        used_(words_.size()),
        after_(after_correction(words_)),
        correction_(has_correction(words_)),
        question_(find_intent(words_, clean_) == Intent::kQuestion) {}

  Extraction run() {
    if (words_.empty()) {
      out_.pending_digits = context_.pending_digits;
      return std::move(out_);
    }
    // What is unmistakable goes first; each finder sees only the words that are left.
    each(SlotType::kPhone, [this](const SlotSpec& spec) { phone(spec); });
    each(SlotType::kDateTime, [this](const SlotSpec& spec) { date_time(spec); });
    each(SlotType::kRooms, [this](const SlotSpec& spec) { rooms(spec); });
    each(SlotType::kMoney, [this](const SlotSpec& spec) { money(spec); });
    each(SlotType::kTiming, [this](const SlotSpec& spec) { timing(spec); });
    each(SlotType::kPropertyType, [this](const SlotSpec& spec) { choice(spec); });
    each(SlotType::kText, [this](const SlotSpec& spec) {
      if (!spec.choices.empty()) choice(spec);
    });
    each(SlotType::kArea, [this](const SlotSpec& spec) { area(spec); });
    each(SlotType::kYesNo, [this](const SlotSpec& spec) { yes_no(spec); });
    each(SlotType::kName, [this](const SlotSpec& spec) { name(spec); });
    each(SlotType::kText, [this](const SlotSpec& spec) { free_text(spec); });
    sort_fills();
    return std::move(out_);
  }

 private:
  template <typename Visit>
  void each(SlotType type, Visit visit) {
    for (const SlotSpec& spec : persona_.slots) {
      if (spec.type == type) visit(spec);
    }
  }

  [[nodiscard]] bool expected(const SlotSpec& spec) const {
    return std::ranges::find(context_.expected, spec.name) != context_.expected.end();
  }
  [[nodiscard]] std::string_view known(const SlotSpec& spec) const {
    const auto hit = context_.known.find(spec.name);
    return hit == context_.known.end() ? std::string_view{} : hit->second;
  }

  void fill(const SlotSpec& spec, std::string value, bool plain) {
    const std::string_view old = known(spec);
    if (value.empty() || value.size() > kMaxValueBytes || old == value) return;
    const bool may_replace = old.empty() || expected(spec) || context_.revising || correction_ || (plain && !question_);
    if (may_replace) out_.fills.push_back({spec.name, std::move(value)});
  }

  // The words that are still free; used ones are made unreadable and end the phrase.
  [[nodiscard]] std::vector<Word> free_words() const {
    std::vector<Word> words = words_;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (!used_[i]) continue;
      words[i].text = "|";
      words[i].stop_before = words[i].pause_before = true;
      if (i + 1 < words.size()) words[i + 1].pause_before = words[i + 1].stop_before = true;
    }
    return words;
  }

  void phone(const SlotSpec& spec) {
    if (!context_.caller_number.empty() && own_number()) {
      fill(spec, context_.caller_number, true);
      return;
    }
    const bool labelled =
        contains_any(words_, {"phone", "number is", "mobile", "cell", "reach me", "call me at", "call me on", "טלפון",
                              "הטלפון", "המספר", "והמספר", "הנייד", "נייד", "והטלפון", "ומספר", "מספר"});
    const bool asked = expected(spec) || labelled || !context_.pending_digits.empty();
    out_.pending_digits = known(spec).empty() || expected(spec) ? context_.pending_digits : std::string();
    std::vector<PhoneFind> finds = find_phones(words_, persona_.country, asked ? 3 : 7);
    std::erase_if(finds, [&](const PhoneFind& find) { return counts_something(find, asked); });
    if (finds.empty()) return;
    for (const PhoneFind& find : finds) used_.take(find.begin, find.end);
    // A correction or a later complete number wins over what was said before it.
    for (auto find = finds.rbegin(); find != finds.rend(); ++find) {
      PhoneCheck check = find->check;
      if (check.e164.empty() && !context_.pending_digits.empty() && !correction_) {
        const PhoneCheck both = check_phone(context_.pending_digits + find->digits, find->plus, persona_.country);
        if (!both.e164.empty()) check = both;
      }
      if (!check.e164.empty()) {
        out_.pending_digits.clear();
        fill(spec, check.e164, true);
        return;
      }
    }
    if (joined_groups(spec, finds)) return;
    unfinished_phone(spec, finds.back());
  }

  // "Use this number", "the one I'm calling from": the number that the network gave.
  bool own_number() {
    bool own = false;
    for (const std::string_view phrase :
         {"this number", "same number", "the number i'm calling from", "calling from", "number i am calling",
          "my current number", "the one i'm calling from", "המספר הזה", "למספר הזה", "מספר הזה", "אותו מספר",
          "המספר שממנו", "המספר שאני מתקשר", "המספר שאני מתקשרת", "הטלפון הזה"}) {
      for (std::size_t i = 0; i < words_.size(); ++i) {
        const std::size_t used = match_at(words_, i, phrase, true);
        own = own || used > 0;
        used_.take(i, i + used);
      }
    }
    return own;
  }

  // Groups with words between them ("zero five four and then one two three and four five six seven").
  bool joined_groups(const SlotSpec& spec, const std::vector<PhoneFind>& finds) {
    if (finds.size() < 2 || correction_) return false;
    std::string digits = context_.pending_digits;
    for (const PhoneFind& find : finds) digits += find.digits;
    const PhoneCheck check = check_phone(digits, finds.front().plus, persona_.country);
    if (check.e164.empty()) return false;
    out_.pending_digits.clear();
    fill(spec, check.e164, true);
    return true;
  }

  void unfinished_phone(const SlotSpec& spec, const PhoneFind& last) {
    std::string digits = correction_ ? last.digits : context_.pending_digits + last.digits;
    const PhoneCheck check = check_phone(digits, last.plus, persona_.country);
    if (check.problem == PhoneProblem::kTooShort && digits.size() <= 12) {
      out_.pending_digits = std::move(digits);
      out_.problem = spec.name + ":too_short";
      return;
    }
    out_.pending_digits.clear();
    out_.problem = spec.name + ":" + std::string(to_string(check.problem));
  }

  // "two million", "four rooms", "3 months": digits that belong to something else.
  [[nodiscard]] bool counts_something(const PhoneFind& find, bool asked) const {
    const auto number = parse_number(words_, find.begin);
    if (number && number->scale > 1 && find.digits.size() < 9) return true;
    if (find.digits.size() >= 9) return false;
    if (find.end < words_.size() && !words_[find.end].stop_before) {
      const std::string& next = words_[find.end].text;
      if (one_of(next,
                 {"rooms", "room",   "bedrooms", "bedroom", "thousand", "million", "k",      "shekels", "dollars",
                  "₪",     "months", "month",    "weeks",   "square",   "meters",  "pm",     "am",      "%",
                  "חדרים", "אלף",    "מיליון",   "שקל",     "שקלים",    "שח",      "חודשים", "מטר",     "שבועות"})) {
        return true;
      }
    }
    if (find.begin > 0 && one_of(words_[find.begin - 1].text, {"$", "₪", "€", "£"})) return true;
    return !asked;
  }

  void date_time(const SlotSpec& spec) {
    const auto today = local_day(context_.local_time);
    const bool meant =
        expected(spec) || context_.revising ||
        contains_any(words_, {"call me", "call back", "meet", "meeting", "visit", "viewing", "appointment", "schedule",
                              "תתקשרו", "להתקשר", "שיחה", "פגישה", "לקבוע", "שיתקשרו", "לבקר"});
    if (!meant || !today) return;
    const auto day = find_day(words_, *today);
    std::vector<Word> rest = words_;
    if (day) {
      for (std::size_t i = day->begin; i < day->end; ++i) rest[i].text = "|";
    }
    const auto time = find_time(rest);
    if (!day && !(time && (time->sure || expected(spec)))) return;
    std::string value = day ? to_canonical(day->day) : to_canonical(*today);
    if (!day && !expected(spec)) return;
    if (time) {
      const auto pad = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
      value += " " + pad(time->minutes / 60) + ":" + pad(time->minutes % 60);
      used_.take(time->begin, time->end);
    }
    if (day) used_.take(day->begin, day->end);
    fill(spec, std::move(value), true);
  }

  // The value that counts among several of one kind: the last after a correction, else the first.
  template <typename T>
  [[nodiscard]] const T* preferred(const std::vector<T>& found) const {
    if (found.empty()) return nullptr;
    if (after_ > 0 || correction_) return &found.back();
    return &found.front();
  }

  void rooms(const SlotSpec& spec) {
    const std::vector<Found> found = find_rooms(free_words(), expected(spec), used_);
    for (const Found& one : found) used_.take(one.begin, one.end);
    if (const Found* best = preferred(found)) fill(spec, best->value, true);
  }

  void money(const SlotSpec& spec) {
    std::vector<Money> found = find_money(free_words());
    std::erase_if(found, [&](const Money& one) { return !one.sure && !expected(spec); });
    const bool any_sure = std::ranges::any_of(found, &Money::sure);
    if (any_sure) std::erase_if(found, [](const Money& one) { return !one.sure; });
    if (found.empty()) return;
    for (const Money& one : found) used_.take(one.begin, one.end);
    const Money& said = after_ > 0 || correction_ ? found.back() : found.front();
    const auto settled = settle_money(said, spec.min, spec.max);
    if (settled) {
      fill(spec, to_canonical(*settled, persona_.currency), settled->sure);
    } else if (expected(spec) || context_.revising) {
      out_.problem = spec.name + ":unclear";
    }
  }

  void timing(const SlotSpec& spec) {
    const auto found = find_timing(free_words(), context_.local_time, expected(spec));
    if (!found) return;
    used_.take(found->begin, found->end);
    fill(spec, found->value, false);
  }

  void yes_no(const SlotSpec& spec) {
    if (!expected(spec)) return;
    const Intent answer = find_answer(words_);
    if (answer != Intent::kNone) fill(spec, std::string(to_string(answer)), true);
  }

  // Takes out what was negated, and what came before a correction when something came after it.
  void settle_choices(const SlotSpec& spec, std::vector<Found>& found) {
    bool taken_back = false;
    for (const Found& one : found) {
      used_.take(one.begin, one.end);
      taken_back = taken_back || (one.negated && one.value == known(spec));
    }
    const bool any_plain = std::ranges::any_of(found, [](const Found& one) { return !one.negated; });
    if (!any_plain && found.size() == 1 && found[0].value != known(spec) && words_.size() <= 3 &&
        !known(spec).empty()) {
      found[0].negated = false;  // "לא, חיפה" whose comma was lost, after another value
      return;
    }
    std::erase_if(found, [](const Found& one) { return one.negated; });
    if (found.empty() && taken_back) out_.cleared.push_back(spec.name);
    const auto late = [&](const Found& one) { return one.begin >= after_; };
    if (after_ > 0 && std::ranges::any_of(found, late))
      std::erase_if(found, [&](const Found& one) { return !late(one); });
  }

  void choice(const SlotSpec& spec) {
    std::vector<Found> found = find_choices(spec, free_words(), expected(spec), used_);
    settle_choices(spec, found);
    if (const Found* best = preferred(found)) fill(spec, best->value, true);
  }

  void area(const SlotSpec& spec) {
    std::vector<Found> found = find_choices(spec, free_words(), expected(spec), used_);
    settle_choices(spec, found);
    std::string value;
    int count = 0;
    for (const Found& one : found) {
      if (count == 3 || value.find(one.value) != std::string::npos) continue;
      value += (count++ == 0 ? "" : ", ") + one.value;
    }
    if (value.empty() && spec.open && out_.cleared.empty()) {
      const bool ask_open = expected(spec) && out_.fills.empty();
      if (const auto place = find_open_place(free_words(), clean_, used_, ask_open)) {
        const bool new_value = known(spec).empty() || expected(spec) || correction_;
        if (new_value) {
          used_.take(place->begin, place->end);
          value = place->value;
        }
      }
    }
    fill(spec, std::move(value), true);
  }

  void name(const SlotSpec& spec) {
    const bool bare_allowed = expected(spec) && !question_;
    auto found = find_name(words_, clean_, bare_allowed, used_);
    if (!found) return;
    // "I'm" and the like only count when a name is plausible there; a known name changes only on request.
    if (!known(spec).empty() && !correction_ && !expected(spec)) return;
    used_.take(found->begin, found->end);
    fill(spec, std::move(found->value), true);
  }

  void free_text(const SlotSpec& spec) {
    if (!spec.choices.empty() || !expected(spec) || question_) return;
    std::size_t left = 0;
    for (std::size_t i = 0; i < words_.size(); ++i) left += used_[i] ? 0 : 1;
    if (left == words_.size()) fill(spec, clean_.substr(0, kMaxValueBytes), true);
  }

  void sort_fills() {
    const auto place = [&](const SlotFill& fill_in) {
      return std::ranges::find_if(persona_.slots, [&](const SlotSpec& spec) { return spec.name == fill_in.slot; });
    };
    std::ranges::stable_sort(out_.fills, [&](const SlotFill& a, const SlotFill& b) { return place(a) < place(b); });
  }

  const Persona& persona_;
  const SlotContext& context_;
  std::string clean_;
  std::vector<Word> words_;
  UsedWords used_;
  std::size_t after_;
  bool correction_;
  bool question_;
  Extraction out_;
};

bool listed(const SlotSpec& spec, std::string_view value) {
  return std::ranges::any_of(spec.choices, [&](const SlotSpec::Choice& choice) { return choice.value == value; });
}

bool plain_text(std::string_view value) {
  return !value.empty() && value.size() <= kMaxValueBytes && clean_text(value) == value && !split_words(value).empty();
}

bool valid_area(const SlotSpec& spec, std::string_view value) {
  if (listed(spec, value)) return true;
  if (value.find(", ") != std::string_view::npos) {
    const std::size_t comma = value.find(", ");
    return valid_area(spec, value.substr(0, comma)) && valid_area(spec, value.substr(comma + 2));
  }
  return spec.open && plain_text(value) && value.size() <= 60 && !is_number_text(value);
}

bool valid_date_time(std::string_view value) {
  if (!day_from_canonical(value.substr(0, 10))) return false;
  if (value.size() == 10) return true;
  if (value.size() != 16 || value[10] != ' ' || value[13] != ':') return false;
  const auto digit = [&](std::size_t i) { return value[i] >= '0' && value[i] <= '9'; };
  if (!digit(11) || !digit(12) || !digit(14) || !digit(15)) return false;
  return value.substr(11, 2) < "24" && value[14] < '6';
}

}  // namespace

Extraction extract_slots(const Persona& persona, std::string_view text, const SlotContext& context) {
  return Extractor(persona, text, context).run();
}

bool valid_slot_value(const Persona& persona, const SlotSpec& spec, std::string_view value) {
  switch (spec.type) {
    case SlotType::kText:
      return spec.choices.empty() ? plain_text(value) : listed(spec, value);
    case SlotType::kArea:
      return valid_area(spec, value);
    case SlotType::kPropertyType:
      return listed(spec, value) || (spec.open && plain_text(value));
    case SlotType::kMoney: {
      const auto money = from_canonical(value);
      return money && settle_money(*money, spec.min, spec.max) == money;
    }
    case SlotType::kTiming:
      return is_timing(value);
    case SlotType::kName:
      return valid_name(value);
    case SlotType::kPhone: {
      if (!value.starts_with('+') || value.size() > 16) return false;
      const std::string_view digits = value.substr(1);
      if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return false;
      return check_phone(digits, true, persona.country).e164 == value;
    }
    case SlotType::kRooms:
      return valid_rooms(value);
    case SlotType::kDateTime:
      return valid_date_time(value);
    case SlotType::kYesNo:
      return value == "yes" || value == "no";
  }
  return false;
}

}  // namespace al::dialog
