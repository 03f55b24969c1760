#include "dialog/money.h"

#include <charconv>

#include "dialog/numbers.h"

namespace al::dialog {
namespace {

std::string_view currency_of(std::string_view word) {
  if (one_of(word, {"₪", "shekel", "shekels", "sheqel", "sheqels", "nis", "ils", "שקל", "שקלים", "שח"})) return "ILS";
  if (one_of(word, {"$", "dollar", "dollars", "bucks", "usd", "דולר", "דולרים"})) return "USD";
  if (one_of(word, {"€", "euro", "euros", "eur", "אירו", "יורו"})) return "EUR";
  if (one_of(word, {"£", "pound", "pounds", "gbp", "quid", "פאונד"})) return "GBP";
  return {};
}

// Words after a number which say that it counts something else.
bool counts_other(std::string_view word) {
  return one_of(
      word, {"room",      "rooms",      "bedroom", "bedrooms", "bed",    "beds",     "bath",      "baths", "bathroom",
             "bathrooms", "square",     "sq",      "sqm",      "sqft",   "meter",    "meters",    "metre", "metres",
             "feet",      "foot",       "%",       "percent",  "am",     "pm",       "o'clock",   "month", "months",
             "week",      "weeks",      "day",     "days",     "year",   "years",    "hour",      "hours", "minute",
             "minutes",   "floor",      "floors",  "people",   "kids",   "children", "thanks",    "times", "th",
             "st",        "nd",         "rd",      "storey",   "story",  "parking",  "balconies", "min",   "mins",
             "km",        "kilometers", "חדר",     "חדרים",    "חדרי",   "מטר",      "מטרים",     "מר",    "קומה",
             "קומות",     "חודש",       "חודשים",  "שבוע",     "שבועות", "יום",      "ימים",      "שנה",   "שנים",
             "שעה",       "שעות",       "דקות",    "אחוז",     "אחוזים", "ילדים",    "נפשות",     "אנשים", "תודות",
             "פעמים",     "קילומטר",    "חניות",   "מרפסות"});
}

bool at_month(const std::vector<Word>& words, std::size_t& at) {
  for (const std::string_view phrase : {"per month", "a month", "monthly", "each month", "every month", "in a month",
                                        "לחודש", "בחודש", "כל חודש", "חודשי"}) {
    if (const std::size_t used = match_at(words, at, phrase, false); used > 0) {
      at += used;
      return true;
    }
  }
  return false;
}

bool range_word(std::string_view word) {
  return one_of(word, {"to", "until", "till", "עד", "ל"});
}

bool budget_word(const std::vector<Word>& words, std::size_t begin) {
  for (std::size_t back = 1; back <= 5 && back <= begin; ++back) {
    const Word& word = words[begin - back];
    for (const std::string_view stem : hebrew_stems(word.text)) {
      if (one_of(stem, {"budget", "budgets", "price", "spend", "afford", "pay", "cost", "תקציב", "התקציב", "מחיר",
                        "לשלם", "משלמים", "משלם", "משלמת", "להוציא"})) {
        return true;
      }
    }
    if (words[begin - back + 1].stop_before) break;
  }
  return false;
}

struct Amount {
  ParsedNumber number;
  std::string_view currency;
  std::size_t end = 0;
};

std::optional<Amount> read_amount(const std::vector<Word>& words, std::size_t at) {
  Amount amount;
  if (at < words.size()) amount.currency = currency_of(words[at].text);
  const std::size_t start = amount.currency.empty() ? at : at + 1;
  const auto number = parse_number(words, start);
  if (!number || number->milli <= 0) return std::nullopt;
  amount.number = *number;
  amount.end = number->end;
  if (amount.end < words.size() && !words[amount.end].stop_before) {
    const std::string_view word = words[amount.end].text;
    const bool israeli = one_of(word, {"israeli", "new", "us", "american"});
    const std::size_t name = amount.end + (israeli ? 1 : 0);
    if (name < words.size() && !currency_of(words[name].text).empty()) {
      amount.currency = currency_of(words[name].text);
      amount.end = name + 1;
    }
  }
  return amount;
}

bool is_money(const std::vector<Word>& words, std::size_t at, const Amount& amount) {
  if (!amount.currency.empty()) return true;
  if (amount.end < words.size() && !words[amount.end].stop_before) {
    std::size_t month = amount.end;
    if (!at_month(words, month) && counts_other(words[amount.end].text)) return false;
  }
  const bool date = (at > 0 && at < words.size() && (words[at].joint == '/' || words[at].joint == ':')) ||
                    (amount.end < words.size() && (words[amount.end].joint == '/' || words[amount.end].joint == ':'));
  return !date;
}

std::int64_t whole(std::int64_t milli) {
  return (milli + kMilli / 2) / kMilli;
}

// "1.5 to 2 million": the unit of the second counts for the first.
std::int64_t lift(const ParsedNumber& low, const ParsedNumber& high) {
  if (low.scale > 1 || high.scale <= 1 || low.milli >= high.milli) return low.milli;
  const std::int64_t lifted = low.milli * high.scale;
  return lifted <= high.milli ? lifted : low.milli;
}

void read_range(const std::vector<Word>& words, const Amount& first, Money& money, bool between) {
  std::size_t next = first.end;
  if (next >= words.size() || words[next].stop_before) return;
  const bool dash = words[next].joint == '-';
  const bool link = range_word(words[next].text) || (between && words[next].text == "and");
  const bool hebrew_to = words[next].text.starts_with("ל") && words[next].text.size() > 4;
  if (!dash && !link && !hebrew_to) return;
  if (link) ++next;
  const auto second = read_amount(words, next);
  if (!second || second->number.milli <= first.number.milli) {
    const bool lifts = second && second->number.scale > 1 && first.number.scale <= 1;
    if (!lifts) return;
  }
  money.low = whole(lift(first.number, second->number));
  money.high = whole(second->number.milli);
  money.sure = money.sure || second->number.scale >= 1000 || !second->currency.empty();
  if (money.currency.empty()) money.currency = second->currency;
  money.end = second->end;
}

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string currency_name(std::string_view currency, bool hebrew) {
  if (currency == "ILS") return hebrew ? "שקלים" : "shekels";
  if (currency == "USD") return hebrew ? "דולר" : "dollars";
  if (currency == "EUR") return hebrew ? "אירו" : "euros";
  if (currency == "GBP") return hebrew ? "פאונד" : "pounds";
  return std::string(currency);
}

}  // namespace

std::vector<Money> find_money(const std::vector<Word>& words) {
  std::vector<Money> found;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].joint == ':' || words[i].joint == '/') continue;
    const auto amount = read_amount(words, i);
    if (!amount) continue;
    if (!is_money(words, i, *amount)) {
      i = amount->end - 1;
      continue;
    }
    Money money;
    money.begin = i;
    money.end = amount->end;
    money.low = money.high = whole(amount->number.milli);
    if (amount->number.scale == 1 && amount->number.fraction && amount->number.milli < 100 * kMilli) {
      money.low = money.high = amount->number.milli * 1000;  // "1.8" of a price is said of millions
    }
    money.currency = amount->currency;
    money.sure = !money.currency.empty() || amount->number.scale >= 1000;
    const auto before = [&](std::size_t back) { return i >= back ? std::string_view(words[i - back].text) : ""; };
    const bool between = one_of(before(1), {"between", "from", "בין", "מ"}) || words[i].text.starts_with("מ");
    read_range(words, *amount, money, between);
    money.per_month = at_month(words, money.end);
    money.sure = money.sure || money.per_month || budget_word(words, i);
    money.at_least = one_of(before(1), {"least", "minimum", "מינימום", "לפחות"}) ||
                     (one_of(before(1), {"than"}) && one_of(before(2), {"more"})) ||
                     one_of(before(1), {"over", "above"});
    found.push_back(money);
    i = money.end - 1;
  }
  return found;
}

std::optional<Money> settle_money(Money money, std::int64_t min, std::int64_t max) {
  const auto fits = [&](std::int64_t scale) {
    const std::int64_t low = money.low * scale;
    return (min == 0 || low >= min) && (max == 0 || money.high * scale <= max);
  };
  if (money.low <= 0 || money.high > kMaxNumber / 1'000'000) {
    return money.low > 0 && fits(1) ? std::optional(money) : std::nullopt;
  }
  if (fits(1)) return money;
  const bool hundreds = money.low >= 100 && money.high < 10000 && money.currency.empty();
  if (!money.sure && hundreds && fits(1000)) {
    money.low *= 1000;
    money.high *= 1000;
    return money;
  }
  return std::nullopt;
}

std::string to_canonical(const Money& money, std::string_view default_currency) {
  std::string out = money.at_least ? ">=" : "";
  out += std::to_string(money.low);
  if (money.high != money.low) out += "-" + std::to_string(money.high);
  out += " " + (money.currency.empty() ? std::string(default_currency) : money.currency);
  if (money.per_month) out += "/month";
  return out;
}

std::optional<Money> from_canonical(std::string_view text) {
  Money money;
  if (text.starts_with(">=")) {
    money.at_least = true;
    text.remove_prefix(2);
  }
  const auto take = [&](std::int64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value > 0 && value <= kMaxNumber;
  };
  if (!take(money.low)) return std::nullopt;
  money.high = money.low;
  if (text.starts_with('-')) {
    text.remove_prefix(1);
    if (!take(money.high) || money.high < money.low) return std::nullopt;
  }
  if (!text.starts_with(' ')) return std::nullopt;
  text.remove_prefix(1);
  if (text.ends_with("/month")) {
    money.per_month = true;
    text.remove_suffix(6);
  }
  if (text.size() != 3) return std::nullopt;
  for (const char c : text) {
    if (c < 'A' || c > 'Z') return std::nullopt;
  }
  money.currency = text;
  money.sure = true;
  return money;
}

std::string say_money(const Money& money, bool hebrew) {
  std::string out = money.at_least ? (hebrew ? "לפחות " : "at least ") : "";
  if (money.high != money.low) {
    out += say_milli(money.low * kMilli, hebrew, Gender::kMasculine);
    out += hebrew ? " עד " : " to ";
  }
  const bool one = money.low == 1 && money.high == 1 && money.currency == "ILS";
  if (one) return out + (hebrew ? "שקל אחד" : "one shekel");
  const bool two = hebrew && money.high == 2;
  out += two ? say_count_he(2, Gender::kMasculine) : say_milli(money.high * kMilli, hebrew, Gender::kMasculine);
  out += " " + currency_name(money.currency, hebrew);
  if (money.per_month) out += hebrew ? " לחודש" : " a month";
  return out;
}

std::string write_money(const Money& money) {
  std::string out = money.at_least ? "≥ " : "";
  out += grouped(money.low);
  if (money.high != money.low) out += "–" + grouped(money.high);
  out += " " + (money.currency == "ILS"   ? std::string("₪")
                : money.currency == "USD" ? std::string("$")
                : money.currency == "EUR" ? std::string("€")
                                          : money.currency);
  if (money.per_month) out += " / month";
  return out;
}

}  // namespace al::dialog
