// Whether a message can be expected to reach a telephone number: mobile, as far as the numbering plan tells. Pure.
#pragma once

#include <string_view>

namespace al::agentd {

// `number` in E.164. Where the national plan keeps mobiles apart (Israel, Great Britain, Germany, France, Spain, Italy,
// the Netherlands, Jordan, Egypt), only those; elsewhere (North America, for one, does not) every valid number.
// Anything that is no such number ("anonymous", "0541234567", "client:x") is none. Numbering plans: ITU-T E.164
// national numbering plans.
[[nodiscard]] bool may_be_mobile(std::string_view number);

}  // namespace al::agentd
