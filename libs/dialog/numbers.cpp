// Reading numbers. The grammar of both languages is the same: a group below a thousand, then a multiplier, then the
// next smaller group; what differs is the vocabulary and the Hebrew "and" that sticks to its word.
#include "dialog/numbers.h"

#include <algorithm>
#include <charconv>

#include "dialog/number_words.h"

namespace al::dialog {
namespace {

using Kind = NumberWordKind;

std::optional<std::int64_t> numeral(std::string_view text) {
  if (!is_number_text(text) || text.size() > 13) return std::nullopt;
  std::int64_t whole = 0;
  std::int64_t part = 0;
  const std::size_t point = text.find('.');
  const std::string_view left = text.substr(0, point);
  if (!left.empty()) std::from_chars(left.data(), left.data() + left.size(), whole);
  if (point != std::string_view::npos) {
    std::int64_t weight = 100;
    for (const char c : text.substr(point + 1)) {
      part += (c - '0') * weight;
      weight /= 10;
    }
  }
  if (whole > kMaxNumber) return std::nullopt;
  return whole * kMilli + part;
}

class Reader {
 public:
  Reader(const std::vector<Word>& words, std::size_t at) : words_(words), at_(at), begin_(at) {}

  std::optional<ParsedNumber> read() {
    while (at_ < words_.size() && step()) {
    }
    if (!any_ || total_ + group_ > kMaxNumber * kMilli) return std::nullopt;
    if (!settle_tail()) {
      group_ = 0;
      at_ = after_multiplier_;
    }
    ParsedNumber out;
    out.milli = total_ + group_;
    out.end = at_;
    out.scale = largest_;
    out.fraction = fraction_;
    out.numeral = numeral_;
    return out;
  }

 private:
  bool step() {
    const Word& word = words_[at_];
    if (at_ > begin_ && word.stop_before) return false;
    if (at_ > begin_ && word.pause_before && word.joint != '\'') return after_pause();
    if (const auto value = numeral(word.text)) return take_numeral(*value);
    if (word.text == "and" || word.text == "a" || word.text == "an" || word.text == "of") return take_link(word.text);
    NumberLook look = look_up_number(word.text, at_ == begin_);
    if (!look.found && is_twelve_begin()) look = {{Kind::kUnit, 2}, true, word.text.starts_with("ו")};
    if (!look.found) return false;
    return take(look.entry, look.with_and);
  }

  // "שנים" alone means "years"; before "עשר" it is the two of twelve.
  [[nodiscard]] bool is_twelve_begin() const {
    return at_ + 1 < words_.size() && words_[at_ + 1].text == "עשר" && match_at(words_, at_, "שנים", true) > 0;
  }

  bool take_numeral(std::int64_t value) {
    if (group_ != 0 || group_set_) return words_[at_].text == ".5" && add_part(500);
    if (any_ && (last_scale_ <= 1000 * kMilli ? value >= 1000 * kMilli : false)) return false;
    if (any_ && value >= last_scale_ * kMilli) return false;
    group_ = value;
    group_set_ = numeral_ = any_ = true;
    fraction_ = fraction_ || value % kMilli != 0;
    closed_ = true;
    ++at_;
    return true;
  }

  // "and", "a", "of" count only when a number word follows that fits.
  bool take_link(std::string_view link) {
    std::size_t next = at_ + 1;
    if (link != "a" && link != "an" && next < words_.size() && one_of(words_[next].text, {"a", "an"})) ++next;
    if (next >= words_.size() || words_[next].pause_before) return false;
    const NumberLook look = look_up_number(words_[next].text, false);
    if (!look.found && !(link == "and" && any_ && is_number_text(words_[next].text))) return false;
    const Kind kind = look.entry.kind;
    if (link == "and") {
      if (!any_) return false;
      const bool half = look.found && (kind == Kind::kHalf || kind == Kind::kQuarter);
      if (!half && group_ % (100 * kMilli) != 0) return false;
      if (!half && group_ == 0 && total_ == 0) return false;
      at_ = next;
      return half ? take(look.entry, true) : true;
    }
    if (link == "of") {
      if (!any_ || !fraction_) return false;
      at_ = next;
      return true;
    }
    if (!look.found) return false;
    if (kind == Kind::kMultiplier && !group_set_ && (total_ == 0 || fraction_)) {  // "a million", "half a million"
      ++at_;
      return take(look.entry, false);
    }
    if (any_ || (kind != Kind::kHundreds && kind != Kind::kHalf && kind != Kind::kQuarter)) {
      if (kind == Kind::kMultiplier && group_set_) {
        ++at_;
        return take(look.entry, false);
      }
      return false;
    }
    ++at_;
    if (kind == Kind::kHundreds) return add_group(100, 1000);
    return take(look.entry, false);
  }

  bool take(const NumberWord& entry, bool with_and) {
    switch (entry.kind) {
      case Kind::kUnit:
        return take_unit(entry.value, with_and);
      case Kind::kTeen:
        return take_teen(entry.value);
      case Kind::kTen:
        if (group_ > 0 && group_ < 10 * kMilli && group_set_ && !closed_ && total_ == 0 && !with_and) {
          group_ = group_ * 100;  // "nine fifty"
          return add_group(entry.value, 100);
        }
        return add_group(entry.value, 100);
      case Kind::kHundred:
        return add_group(entry.value, 1000);
      case Kind::kHundreds:
        if (!group_set_ || group_ == 0 || group_ >= 100 * kMilli || group_ % kMilli != 0) return false;
        group_ *= 100;
        closed_ = false;
        ++at_;
        return true;
      case Kind::kMultiplier:
        return multiply(entry.value);
      case Kind::kFixedThousands:
        if (group_set_ || last_scale_ <= 1000) return false;
        group_ = 2 * kMilli;
        group_set_ = any_ = true;
        return multiply(1000);
      case Kind::kHalf:
      case Kind::kQuarter:
        return take_part(entry.value, with_and);
      case Kind::kPoint:
        return take_point();
    }
    return false;
  }

  bool take_unit(std::int64_t value, bool with_and) {
    // "one" and "אחד" are also words of their own; a number goes on only where a unit fits.
    (void)with_and;
    if (value == 0 && group_set_) return false;
    if (group_set_ && (group_ % (10 * kMilli) != 0 || closed_)) return false;
    return add_group(value, 10);
  }

  // Ten to nineteen; in Hebrew also the second half of them: "שלוש" + "עשרה".
  bool take_teen(std::int64_t value) {
    const bool hebrew_ten = value == 10 && has_hebrew(words_[at_].text);
    const std::int64_t unit = group_ % (10 * kMilli);
    if (hebrew_ten && group_set_ && !closed_ && unit > 0 && group_ % (100 * kMilli) == unit) {
      group_ += 10 * kMilli;
      closed_ = true;
      ++at_;
      return true;
    }
    if (!add_group(value, 100)) return false;
    closed_ = true;
    return true;
  }

  bool add_group(std::int64_t value, std::int64_t room) {
    if (closed_ || (group_set_ && group_ % (room * kMilli) != 0)) return false;
    if (any_ && last_scale_ <= value) return false;
    group_ += value * kMilli;
    group_set_ = any_ = true;
    ++at_;
    return true;
  }

  bool add_part(std::int64_t part) {
    group_ += part;
    fraction_ = closed_ = true;
    ++at_;
    return true;
  }

  bool multiply(std::int64_t scale) {
    if (scale >= last_scale_) return false;
    if (!group_set_) {
      if (any_) return false;
      if (one_of(words_[at_].text, {"k", "m", "mm", "mil", "mill", "thousands", "millions"})) return false;
      group_ = kMilli;
    }
    total_ += group_ * scale;
    group_ = 0;
    group_set_ = closed_ = false;
    any_ = true;
    last_scale_ = scale;
    largest_ = std::max(largest_, scale);
    after_multiplier_ = ++at_;
    return true;
  }

  // "וחצי", "and a half" after a group or after a multiplier; alone only before a multiplier ("חצי מיליון").
  bool take_part(std::int64_t part, bool with_and) {
    if (!any_) {
      std::size_t next = at_ + 1;
      if (next < words_.size() && words_[next].text == "of") ++next;
      if (next < words_.size() && one_of(words_[next].text, {"a", "an"})) ++next;
      if (next >= words_.size()) return false;
      const NumberLook look = look_up_number(words_[next].text, false);
      if (!look.found || look.entry.kind != Kind::kMultiplier) return false;
      group_ = part;
      group_set_ = any_ = fraction_ = closed_ = true;
      at_ = next;
      return true;
    }
    if (words_[at_].text == "רבעי" || (part == 250 && !with_and && group_ == 3 * kMilli)) {  // three quarters of …
      group_ = group_ / 4;
      fraction_ = closed_ = true;
      ++at_;
      return true;
    }
    if (!with_and) return false;
    fraction_ = true;
    if (group_set_) {
      if (group_ % kMilli != 0) return false;
      return add_part(part);
    }
    total_ += part * last_scale_;
    ++at_;
    return true;
  }

  bool take_point() {
    if (!group_set_ || group_ % kMilli != 0) return false;
    std::size_t next = at_ + 1;
    std::int64_t weight = 100;
    std::int64_t part = 0;
    while (next < words_.size() && weight > 0 && !words_[next].pause_before) {
      const NumberLook look = look_up_number(words_[next].text, false);
      std::int64_t digit = -1;
      if (look.found && look.entry.kind == Kind::kUnit) digit = look.entry.value;
      if (words_[next].text.size() == 1 && is_number_text(words_[next].text)) digit = words_[next].text[0] - '0';
      if (digit < 0) break;
      part += digit * weight;
      weight /= 10;
      ++next;
    }
    if (weight == 100) return false;
    group_ += part;
    fraction_ = closed_ = true;
    at_ = next;
    return true;
  }

  // "two million, five hundred thousand": goes on after a comma only into a whole smaller group with its multiplier.
  bool after_pause() {
    if (group_set_ || last_scale_ < 1000000) return false;
    const auto rest = Reader(words_, at_).read();
    if (!rest || rest->scale < 1000 || rest->scale >= last_scale_) return false;
    total_ += rest->milli;
    at_ = rest->end;
    return false;
  }

  // After "million", a last group without "thousand" means thousands: "מיליון שמונה מאות", "a million eight hundred";
  // a last digit at the end of the phrase means hundreds of thousands ("a million eight"). Any other small group
  // belongs to what follows ("two million four rooms"): false.
  bool settle_tail() {
    if (!group_set_ || last_scale_ != 1000000 || group_ % kMilli != 0) return true;
    const std::int64_t value = group_ / kMilli;
    if (value >= 1000) return true;
    if (value >= 100) {
      group_ *= 1000;
      return true;
    }
    const bool last = at_ >= words_.size() || words_[at_].pause_before ||
                      one_of(words_[at_].text, {"shekels", "dollars", "nis", "ils", "שקל", "שקלים", "שח"});
    if (value == 0 || value > 9 || !last) return false;
    group_ *= 100000;
    return true;
  }

  const std::vector<Word>& words_;
  std::size_t at_;
  std::size_t begin_;
  std::size_t after_multiplier_ = 0;
  std::int64_t total_ = 0;                       // thousandths; groups that have their multiplier
  std::int64_t group_ = 0;                       // thousandths; the group being read
  std::int64_t last_scale_ = 1000 * kMaxNumber;  // the next multiplier must be smaller
  std::int64_t largest_ = 1;
  bool group_set_ = false;
  bool closed_ = false;  // nothing but a multiplier may follow in this group
  bool any_ = false;
  bool fraction_ = false;
  bool numeral_ = false;
};

}  // namespace

std::optional<ParsedNumber> parse_number(const std::vector<Word>& words, std::size_t at) {
  return Reader(words, at).read();
}

}  // namespace al::dialog
