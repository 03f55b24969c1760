#include "dialog/phone.h"

#include <algorithm>

#include "dialog/numbers.h"

namespace al::dialog {
namespace {

PhoneCheck problem(PhoneProblem what) {
  return {{}, what};
}

// `rest`: the digits after the leading 0 or after 972.
PhoneCheck check_israel(std::string_view rest) {
  if (rest.empty()) return problem(PhoneProblem::kTooShort);
  const bool nine = rest[0] == '5' || rest[0] == '7';
  const bool eight = std::string_view("23489").find(rest[0]) != std::string_view::npos;
  if (!nine && !eight) return problem(PhoneProblem::kNotANumber);
  const std::size_t want = nine ? 9 : 8;
  if (rest.size() < want) return problem(PhoneProblem::kTooShort);
  if (rest.size() > want) return problem(PhoneProblem::kTooLong);
  return {"+972" + std::string(rest), PhoneProblem::kNone};
}

bool is_nanp(std::string_view ten) {
  return ten.size() == 10 && ten[0] >= '2' && ten[3] >= '2' && ten[1] != '9';
}

PhoneCheck check_international(std::string_view digits) {
  if (digits.starts_with("972")) {
    std::string_view rest = digits.substr(3);
    if (rest.starts_with('0')) rest.remove_prefix(1);
    return check_israel(rest);
  }
  if (digits.starts_with('1')) {
    if (digits.size() < 11) return problem(PhoneProblem::kTooShort);
    if (digits.size() > 11) return problem(PhoneProblem::kTooLong);
    if (!is_nanp(digits.substr(1))) return problem(PhoneProblem::kNotANumber);
    return {"+" + std::string(digits), PhoneProblem::kNone};
  }
  if (digits.size() < 8) return problem(PhoneProblem::kTooShort);
  if (digits.size() > 15) return problem(PhoneProblem::kTooLong);
  if (digits.starts_with('0')) return problem(PhoneProblem::kNotANumber);
  return {"+" + std::string(digits), PhoneProblem::kNone};
}

bool north_america(std::string_view country) {
  return country == "US" || country == "CA";
}

PhoneCheck check_trunk(std::string_view digits, std::string_view country) {
  if (country == "GB") {
    if (digits.size() < 10) return problem(PhoneProblem::kTooShort);
    if (digits.size() <= 11) return {"+44" + std::string(digits.substr(1)), PhoneProblem::kNone};
    return problem(PhoneProblem::kTooLong);
  }
  return check_israel(digits.substr(1));
}

}  // namespace

std::string_view to_string(PhoneProblem what) {
  switch (what) {
    case PhoneProblem::kNone:
      return "none";
    case PhoneProblem::kTooShort:
      return "too_short";
    case PhoneProblem::kTooLong:
      return "too_long";
    case PhoneProblem::kNotANumber:
      return "not_a_number";
  }
  return "none";
}

PhoneCheck check_phone(std::string_view digits, bool plus, std::string_view country) {
  const std::size_t half = digits.size() / 2;
  if (digits.size() >= 18 && digits.size() % 2 == 0 && digits.substr(0, half) == digits.substr(half)) {
    digits = digits.substr(0, half);  // said twice to be sure
  }
  if (std::ranges::all_of(digits, [&](char c) { return c == digits[0]; })) {
    return problem(digits.size() < 7 ? PhoneProblem::kTooShort : PhoneProblem::kNotANumber);
  }
  if (plus) return check_international(digits);
  if (digits.starts_with("00")) return check_international(digits.substr(2));
  if (digits.starts_with("011") && north_america(country)) return check_international(digits.substr(3));
  if (digits.starts_with('0')) return check_trunk(digits, country);
  if (digits.starts_with("972") && digits.size() >= 11) return check_international(digits);
  if (digits.size() == 11 && digits[0] == '1') return check_international(digits);
  if (is_nanp(digits)) return {"+1" + std::string(digits), PhoneProblem::kNone};
  if (country == "IL" && digits.size() == 9 && digits[0] == '5') return check_israel(digits);  // the 0 was swallowed
  if (digits.size() < 9) return problem(PhoneProblem::kTooShort);
  return problem(digits.size() > 12 ? PhoneProblem::kTooLong : PhoneProblem::kNotANumber);
}

std::vector<PhoneFind> find_phones(const std::vector<Word>& words, std::string_view country, std::size_t min_digits) {
  std::vector<PhoneFind> finds;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const DigitRun run = parse_digits(words, i);
    if (run.digits.empty()) continue;
    if (run.digits.size() >= min_digits) {
      finds.push_back({run.digits, run.plus, check_phone(run.digits, run.plus, country), run.begin, run.end});
    }
    i = run.end - 1;
  }
  return finds;
}

std::string national_digits(std::string_view e164, std::string_view country) {
  if (country == "IL" && e164.starts_with("+972")) return "0" + std::string(e164.substr(4));
  if (north_america(country) && e164.starts_with("+1")) return std::string(e164.substr(2));
  if (country == "GB" && e164.starts_with("+44")) return "0" + std::string(e164.substr(3));
  return std::string(e164);
}

}  // namespace al::dialog
