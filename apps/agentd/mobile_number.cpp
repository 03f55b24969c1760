#include "agentd/mobile_number.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "providers/whatsapp_wire.h"

namespace al::agentd {
namespace {

struct Plan {
  std::string_view country;  // calling code
  std::string_view mobile;   // first digits behind it, one character each
  std::size_t least;         // digits behind the calling code
  std::size_t most;
};

constexpr std::array kPlans = {
    Plan{"972", "5", 9, 9},   // Israel: 5X and 7 digits
    Plan{"44", "7", 10, 10},  // Great Britain
    Plan{"49", "1", 10, 11},  // Germany: 15, 16, 17
    Plan{"33", "67", 9, 9},   // France
    Plan{"34", "67", 9, 9},   // Spain
    Plan{"39", "3", 9, 10},   // Italy
    Plan{"31", "6", 9, 9},    // the Netherlands
    Plan{"962", "7", 9, 9},   // Jordan
    Plan{"20", "1", 10, 10},  // Egypt
};

}  // namespace

bool may_be_mobile(std::string_view number) {
  if (!providers::is_e164(number)) return false;
  number.remove_prefix(1);
  const auto plan = std::ranges::find_if(kPlans, [&](const Plan& one) { return number.starts_with(one.country); });
  if (plan == kPlans.end()) return true;
  number.remove_prefix(plan->country.size());
  return number.size() >= plan->least && number.size() <= plan->most &&
         plan->mobile.find(number.front()) != std::string_view::npos;
}

}  // namespace al::agentd
